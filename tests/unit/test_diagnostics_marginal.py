"""Densities of some columns: within their errors of closed forms, and errors that are what they say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from pushforward.bijections import Concatenate, Exp, Identity, Sigmoid
from pushforward.diagnostics import marginal_log_prob
from pushforward.distributions import (
    Autoregression,
    ConditionalBase,
    DiscretizedLogistic,
    Mixture,
    MultivariateNormal,
    Normal,
    Product,
    Transformed,
    VonMises,
)

COVARIANCE = np.array([[1.0, 0.6, 0.3, 0.0], [0.6, 2.0, 0.8, 0.2], [0.3, 0.8, 1.0, -0.4], [0.0, 0.2, -0.4, 0.5]])
ROWS = 60


def _gaussian(mean=0.0):
    return MultivariateNormal(jnp.full(4, mean), COVARIANCE.astype(np.float32))


def _agree(found, exact, *, largest):
    assert np.median(found.error) < largest
    z = (found.log_prob - exact) / found.error
    assert np.abs(z).max() < 5.0
    assert 0.7 < np.sqrt(np.mean(z[np.isfinite(found.error)] ** 2)) < 1.4  # 60 of them: within 4 standard errors


@pytest.mark.parametrize("columns", [[2], [3, 0]])
def test_columns_of_a_gaussian_are_gaussian_within_the_error(columns, key):
    law = stats.multivariate_normal(np.zeros(len(columns)), COVARIANCE[np.ix_(columns, columns)])
    x = law.rvs(ROWS, random_state=1).reshape(ROWS, -1)
    _agree(marginal_log_prob(_gaussian(), columns, x, key=key), law.logpdf(x), largest=0.03)


def test_two_heaps_of_the_other_columns_are_both_met(key):
    """Given the first column, the others are near -4 or near 4."""
    flow = Mixture([_gaussian(-4.0), _gaussian(4.0)], [0.3, 0.7])
    flow = Transformed(flow, Concatenate([Identity((2,)), Exp((1,)), Sigmoid((1,))]))
    x = np.linspace(-6.0, 6.0, ROWS)
    exact = np.logaddexp(np.log(0.3) + stats.norm(-4).logpdf(x), np.log(0.7) + stats.norm(4).logpdf(x))
    found = marginal_log_prob(flow, [0], x, key=key)
    _agree(found, exact, largest=0.1)
    mixture = stats.norm([-4, 4], 1.0)
    x = np.exp(np.array([-4.0, 0.5, 4.0]))
    exact = np.log(mixture.pdf(np.log(x)[:, None]) @ [0.3, 0.7] / x)
    found = marginal_log_prob(flow, [-2], x, key=key)
    np.testing.assert_allclose(found.log_prob, exact, atol=5 * found.error.max())
    assert found.error.max() < 0.2


def test_angles_and_columns_that_do_not_matter(key):
    flow = Product([VonMises(jnp.zeros(1), 2.0), Normal(jnp.zeros(2), 2.0)])
    found = marginal_log_prob(flow, [1], np.array([-1.0, 3.0]), key=key)
    np.testing.assert_allclose(found.log_prob, stats.norm(0, 2).logpdf([-1, 3]), atol=5 * found.error.max())
    found = marginal_log_prob(flow, [0], np.array([-3.0, 0.1]), key=key)
    np.testing.assert_allclose(found.log_prob, stats.vonmises(2.0).logpdf([-3.0, 0.1]), atol=5 * found.error.max())
    assert found.error.max() < 0.1


def test_first_columns_of_an_autoregression_are_exact(key):
    """A Gaussian for each, whose parameters the first column alone decides: beside quadrature of the joint density."""
    flow = Autoregression(3, width=8, depth=1, cond_dim=2, key=key)
    flow = jax.tree.map(lambda leaf: leaf + 0.3 * jax.random.normal(key, leaf.shape), flow)
    condition = jnp.array([0.5, -1.0])
    rows = np.array([[0.3, -0.5], [1.0, 2.0]], np.float32)
    found = marginal_log_prob(flow, [0, 1], rows, condition, key=key)
    grid = np.linspace(-60.0, 60.0, 120_001, dtype=np.float32)
    joint = np.stack([np.column_stack([np.tile(row, (len(grid), 1)), grid]) for row in rows])
    density = np.exp(np.asarray(flow.log_prob(joint, condition), np.float64)).sum(axis=1) * 1e-3
    np.testing.assert_allclose(found.log_prob, np.log(density), atol=1e-3)
    np.testing.assert_array_equal(found.error, 0.0)


def test_given_a_condition(key):
    flow = ConditionalBase(Normal(jnp.zeros(2), 0.5), 3, width=8, key=key)
    flow = jax.tree.map(lambda leaf: leaf + 0.1 * jax.random.normal(key, leaf.shape), flow)
    condition = jnp.array([1.0, 0.0, -1.0])
    law = stats.norm(*(float(of(condition)[1]) for of in (flow.mean, flow.stddev)))
    x = law.ppf([0.01, 0.5, 0.9])
    found = marginal_log_prob(flow, [1], x, condition, key=key)
    np.testing.assert_allclose(found.log_prob, law.logpdf(x), atol=5 * found.error.max())


def test_outside_the_support_and_at_nan(key):
    flow = Transformed(Normal(jnp.zeros(2), 1.0), Exp((2,)))
    found = marginal_log_prob(flow, [0], np.array([-1.0, 1.0, np.nan]), key=key)
    assert found.log_prob[0] == -np.inf
    assert found.error[0] == 0.0
    assert found.log_prob[1] == pytest.approx(stats.norm.logpdf(0.0), abs=5 * found.error[1])
    assert np.isnan(found.log_prob[2])


@pytest.mark.parametrize(
    ("columns", "x", "words"),
    [
        ([0, 1, 2, 3], np.zeros((1, 4)), "not all of them"),
        ([4], np.zeros(1), "some of the 4 coordinates"),
        ([1, -3], np.zeros((1, 2)), "once each"),
        ([1, 2], np.zeros(3), r"shape \(n, 2\)"),
    ],
)
def test_wrong_columns_are_told(columns, x, words, key):
    with pytest.raises(ValueError, match=words):
        marginal_log_prob(_gaussian(), columns, x, key=key)


def test_whole_numbers_are_refused(key):
    flow = Product([DiscretizedLogistic(jnp.zeros(1)), Normal(jnp.zeros(1))])
    with pytest.raises(ValueError, match="densities of all columns"):
        marginal_log_prob(flow, [1], np.zeros(1), key=key)
