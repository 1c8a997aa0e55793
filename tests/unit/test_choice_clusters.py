"""A mixture of Gaussians for small tables, chosen by folds."""

import numpy as np
import pytest
from scipy import stats

import pushforward as pf
from pushforward.modalities.table.choice._clusters import LEAST_VARIANCE, Clusters, chosen, fitted

CENTRES = np.array([[0.0, 0.0], [8.0, 0.0], [0.0, 8.0]])


@pytest.fixture(scope="module")
def groups() -> np.ndarray:
    rng = np.random.default_rng(1)
    return np.concatenate([centre + rng.normal(size=(40, 2)) for centre in CENTRES])


def test_scores_are_those_of_the_mixture():
    rng = np.random.default_rng(0)
    covariances = np.array([[[1.0, 0.5], [0.5, 2.0]], [[3.0, -0.2], [-0.2, 0.1]]])
    means, shares, x = rng.normal(size=(2, 2)), np.array([0.3, 0.7]), rng.normal(size=(9, 2))
    laws = [stats.multivariate_normal(*each) for each in zip(means, covariances, strict=True)]
    true = np.log(sum(share * law.pdf(x) for share, law in zip(shares, laws, strict=True)))
    np.testing.assert_allclose(Clusters(shares, means, np.linalg.cholesky(covariances)).scores(x), true, rtol=1e-10)


def test_one_component_is_in_closed_form():
    x, prior = np.random.default_rng(0).normal(size=(50, 3)) @ np.diag([1.0, 2.0, 0.5]), 10.0
    found, covariance = fitted(x, np.ones(50), 1, prior), np.cov(x.T, ddof=0)
    wanted = (50 * covariance + prior * np.diag(np.diag(covariance))) / (50 + prior) + LEAST_VARIANCE * np.eye(3)
    np.testing.assert_allclose(found.means[0], x.mean(0), atol=1e-12)
    np.testing.assert_allclose(found.factors[0] @ found.factors[0].T, wanted, rtol=1e-10, atol=1e-12)


def test_groups_are_found(groups):
    components, prior = chosen(groups, np.ones(120))
    assert components == 3
    found = fitted(groups, np.ones(120), components, prior)
    order = [int(np.argmin(np.sum((found.means - centre) ** 2, axis=1))) for centre in CENTRES]
    parts = groups.reshape(3, 40, 2).mean(1)  # the groups are eight deviations apart
    np.testing.assert_allclose(found.means[order], parts, atol=0.01)
    np.testing.assert_allclose(found.shares, 1 / 3, atol=1e-3)


def test_a_normal_table_has_one():
    assert chosen(np.random.default_rng(2).normal(size=(150, 3)), np.ones(150))[0] == 1


def test_a_row_of_weight_two_is_two_rows():
    x, weights = np.random.default_rng(0).normal(size=(30, 2)), np.repeat([1.0, 2.0], 15)
    twice = np.concatenate([x, x[15:]])
    np.testing.assert_allclose(
        fitted(x, weights, 1, 3.0).scores(x), fitted(twice, np.ones(45), 1, 3.0).scores(x), rtol=1e-10
    )


def test_a_constant_column_and_equal_rows_are_no_fault():
    x = np.column_stack([np.repeat([0.0, 1.0], 20), np.zeros(40)])
    assert np.isfinite(fitted(x, np.ones(40), 5, 3.0).scores(x)).all()
    assert chosen(x, np.ones(40))[0] >= 1


def test_a_small_table_of_groups_has_them_behind_its_flow(groups):
    flow = pf.FlowDensity("realnvp", options={"num_layers": 2, "width": 8}, max_epochs=1, random_state=0).fit(groups)
    whole = flow.flow_
    assert isinstance(whole, pf.distributions.Transformed)
    assert isinstance(whole.base, pf.distributions.Mixture)
    assert len(whole.base.components) == 4
    true = np.log(np.mean([stats.multivariate_normal(centre).pdf(groups) for centre in CENTRES], axis=0))
    # Twelve rows are held out and four parts have one more each: the mixture's share is at most 13/16.
    assert flow.score(groups) == pytest.approx(true.mean(), abs=0.35)
