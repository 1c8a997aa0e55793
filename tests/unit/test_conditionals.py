"""Conditionals and marginals of a joint flow: closed forms, exact or within their errors, and refusals in words."""

import equinox
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from pushforward import flows
from pushforward._errors import DataError
from pushforward.bijections import Affine, Autoregressive, Chain, Concatenate, Exp, Flip, Identity, Permute
from pushforward.conditionals import _marginal, condition, marginal
from pushforward.conditionals._exact import dependence, exact_of
from pushforward.distributions import (
    Autoregression,
    CategoricalMADE,
    GivenCategories,
    Mixture,
    MultivariateNormal,
    Normal,
    Product,
    Transformed,
    VonMises,
)
from pushforward.train import partition

DIM = 5
RANDOM = np.random.default_rng(0)
FACTOR = RANDOM.normal(size=(DIM, DIM))
MEAN, COVARIANCE = RANDOM.normal(size=DIM), FACTOR @ FACTOR.T + 0.3 * np.eye(DIM)
FIXED = {1: float(MEAN[1] + 1.0), 3: float(MEAN[3] - 2.0)}
B, A = [1, 3], [0, 2, 4]


def _gaussian():
    return MultivariateNormal(MEAN, COVARIANCE)


def _moved(flow, key, amount=0.3):
    """The same with other parameters, as after training."""
    parameters, rest = partition(flow)
    moved = jax.tree.map(lambda leaf: leaf + amount * jax.random.normal(key, leaf.shape), parameters)
    return equinox.combine(moved, rest)


def _given(values, mean=MEAN, covariance=COVARIANCE):
    """Mean and covariance of the coordinates A given those of B, in closed form."""
    slopes = np.linalg.solve(covariance[np.ix_(B, B)], covariance[np.ix_(B, A)]).T
    return mean[A] + slopes @ (values - mean[B]), covariance[np.ix_(A, A)] - slopes @ covariance[np.ix_(B, A)]


def _mixture():
    means = [np.full(DIM, -2.0), np.array([2.0, -2.0, 3.0, -2.0, 1.0])]
    covariances = [COVARIANCE / 4.0, np.eye(DIM)]
    flow = Mixture([MultivariateNormal(m, c) for m, c in zip(means, covariances, strict=True)], [0.4, 0.6])
    return flow, means, covariances, [0.4, 0.6]


def test_a_gaussian_is_exact():
    found = condition(_gaussian(), FIXED)
    values = np.array(list(FIXED.values()))
    mean, covariance = _given(values)
    assert found.exact
    assert found.log_evidence_error == 0.0
    evidence = stats.multivariate_normal(MEAN[B], COVARIANCE[np.ix_(B, B)]).logpdf(values)
    np.testing.assert_allclose(found.log_evidence, evidence, atol=1e-5)
    x = stats.multivariate_normal(mean, covariance).rvs(50, random_state=1)
    expected = stats.multivariate_normal(mean, covariance).logpdf(x)
    np.testing.assert_allclose(found.log_prob(x).value, expected, atol=2e-5)
    draws = found.sample(0, 20_000)
    assert np.abs((draws.mean(axis=0) - mean) / np.sqrt(np.diag(covariance) / len(draws))).max() < 3.0
    np.testing.assert_allclose(np.cov(draws.T), covariance, atol=0.03 * np.abs(covariance).max())


def test_a_mixture_of_gaussians_is_exact():
    flow, means, covariances, shares = _mixture()
    values = np.array([-1.5, -2.0])
    found = condition(flow, dict(zip(B, values, strict=True)))
    parts = [
        share * stats.multivariate_normal(m[B], c[np.ix_(B, B)]).pdf(values)
        for m, c, share in zip(means, covariances, shares, strict=True)
    ]
    np.testing.assert_allclose(found.log_evidence, np.log(sum(parts)), atol=1e-5)
    weights = np.array(parts) / sum(parts)
    laws = [_given(values, m, c) for m, c in zip(means, covariances, strict=True)]
    x = np.array([[0.0, 1.0, 0.5], [-2.0, -2.0, -2.0]])
    expected = np.log(sum(w * stats.multivariate_normal(*law).pdf(x) for w, law in zip(weights, laws, strict=True)))
    np.testing.assert_allclose(found.log_prob(x).value, expected, atol=2e-5)
    mean = sum(w * law[0] for w, law in zip(weights, laws, strict=True))
    draws = found.sample(0, 20_000)
    assert np.abs((draws.mean(axis=0) - mean) / (draws.std(axis=0) / np.sqrt(len(draws)))).max() < 3.0


def test_columns_on_a_grid_of_numbers_are_exact_in_an_affine_flow(key):
    """A trained Gaussian in the units of its columns is one too."""
    flow = Transformed(_gaussian(), Affine(jnp.arange(5.0), jnp.arange(1.0, 6.0)))
    found = condition(flow, {0: 0.5})
    mean, scale = MEAN[0], np.sqrt(COVARIANCE[0, 0])
    np.testing.assert_allclose(found.log_evidence, stats.norm(mean, scale).logpdf(0.5), atol=1e-5)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_one_autoregressive_layer_is_exact_in_its_order(order, key):
    flow = flows.maf(3, num_layers=1, width=8, depth=1, order=order, key=key)
    flow = _moved(flow, key)
    first, second, last = order
    found = condition(flow, {second: -0.4, first: 0.3})
    assert found.exact
    grid = np.linspace(-40.0, 40.0, 80_001)
    events = np.zeros((len(grid), 3), np.float32)
    events[:, [first, second]], events[:, last] = [0.3, -0.4], grid
    density = np.exp(np.asarray(flow.log_prob(events), np.float64)).sum() * 1e-3
    np.testing.assert_allclose(found.log_evidence, np.log(density), atol=1e-3)
    below = np.exp(found.log_prob(grid[:, None]).value).cumsum() * 1e-3
    ks = stats.kstest(found.sample(0, 2000)[:, 0], lambda x: np.interp(x, grid, below))
    assert ks.pvalue > 1e-3
    assert exact_of(flow, tuple(sorted((second, last)))) is None  # not the first ones


def test_an_autoregression_is_exact_in_its_order(key):
    flow = Autoregression(4, law="mixture", num_components=3, width=8, depth=1, key=key)
    flow = _moved(flow, key)
    found = condition(flow, {0: 0.2, 1: -0.3, 2: 0.8})
    grid = np.linspace(-60.0, 60.0, 120_001)
    below = np.exp(found.log_prob(grid[:, None]).value).cumsum() * 1e-3
    np.testing.assert_allclose(below[-1], 1.0, atol=1e-3)
    assert stats.kstest(found.sample(0, 2000)[:, 0], lambda x: np.interp(x, grid, below)).pvalue > 1e-3


def test_what_noise_may_see_holds_for_its_jacobian(key):
    layers = [
        Autoregressive(Affine(), 4, width=8, depth=1, order=(2, 0, 3, 1), key=key),
        Flip((4,)),
        Permute([1, 3, 0, 2]),
        Concatenate([Exp((1,)), Identity((3,))]),
    ]
    chain = _moved(Chain(layers), key)
    slopes = jax.jacfwd(chain.inverse)(jnp.array([0.5, 0.3, -0.2, 0.1]))
    np.testing.assert_array_equal(np.abs(slopes) > 0, dependence(chain))


def _mixed(key):
    """Two columns of categories and two of numbers."""
    law_key, key = jax.random.split(key)
    law = CategoricalMADE((2, 3), width=8, depth=1, key=law_key)
    others = flows.maf(2, num_layers=2, width=8, depth=1, cond_dim=5, key=key)
    flow = Transformed(GivenCategories(law, others), Permute([2, 0, 3, 1]))
    return _moved(flow, key)


def test_the_other_categories_are_summed_over(key):
    flow = base = _mixed(key)  # a number, the first category, a number, the second category
    found = condition(flow, {3: 2.0})
    assert found.exact
    probabilities = [float(base.base.categories.log_prob(jnp.array([a, 2.0]))) for a in (0.0, 1.0)]
    np.testing.assert_allclose(found.log_evidence, np.logaddexp(*probabilities), atol=1e-5)
    share = np.exp(probabilities[1] - found.log_evidence)
    draws = found.sample(0, 4000)
    assert abs(draws[:, 1].mean() - share) < 3.0 * np.sqrt(share * (1.0 - share) / 4000)


def test_categories_given_numbers_follow_bayes(key):
    flow = _mixed(key)
    events = np.array([[0.4, a, -0.3, b] for a in (0.0, 1.0) for b in (0.0, 1.0, 2.0)], np.float32)
    logs = np.asarray(flow.log_prob(events), np.float64)
    found = condition(flow, {0: 0.4, 2: -0.3}, num_particles=1024)
    assert abs(found.log_evidence - np.logaddexp.reduce(logs)) < 4.0 * found.log_evidence_error + 1e-5
    draws = found.sample(0, 4000)
    shares = [np.mean((draws == event[[1, 3]]).all(axis=1)) for event in events]
    np.testing.assert_allclose(shares, np.exp(logs - np.logaddexp.reduce(logs)), atol=0.04)


def test_a_gaussian_is_met_within_the_error_without_its_closed_form():
    values = np.array(list(FIXED.values()))
    mean, covariance = _given(values)
    found = condition(_gaussian(), FIXED, exact=False, key=1)
    assert not found.exact
    evidence = stats.multivariate_normal(MEAN[B], COVARIANCE[np.ix_(B, B)]).logpdf(values)
    assert abs(found.log_evidence - evidence) < 3.0 * found.log_evidence_error < 0.1
    draws = found.sample(0, 2000)
    effective = 1000  # particles that have moved for 14 sweeps: half of them at least
    assert np.abs((draws.mean(axis=0) - mean) / np.sqrt(np.diag(covariance) / effective)).max() < 3.0
    unit = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    assert np.abs((np.cov(draws.T) - covariance) / unit).max() < 3.0 * np.sqrt(2.0 / effective)
    x = draws[:5]
    expected = stats.multivariate_normal(mean, covariance).logpdf(x)
    given = found.log_prob(x)
    np.testing.assert_allclose(given.value, expected, atol=3.0 * given.error[0])


def test_both_heaps_of_a_mixture_are_met_without_its_closed_form():
    flow, *_ = _mixture()
    fixed = {1: -1.5, 3: -2.0}
    found, exact = condition(flow, fixed, exact=False, key=2), condition(flow, fixed)
    assert abs(found.log_evidence - exact.log_evidence) < 3.0 * found.log_evidence_error < 0.2
    draws, wanted = found.sample(0, 2000), exact.sample(0, 20_000)
    share, expected = np.mean(draws[:, 1] > 0.5), np.mean(wanted[:, 1] > 0.5)
    assert abs(share - expected) < 3.0 * np.sqrt(expected * (1.0 - expected) / 1000)
    np.testing.assert_allclose(draws.std(axis=0), wanted.std(axis=0), rtol=0.1)


@pytest.mark.parametrize("columns", [[4], [3, 1], [0, 1, 2, 4]])
def test_errors_of_marginals_are_what_they_say(columns):
    law = stats.multivariate_normal(MEAN[columns], COVARIANCE[np.ix_(columns, columns)])
    x = law.rvs(40, random_state=1).reshape(40, -1)
    found = marginal(_gaussian(), columns, exact=False).log_prob(x, num_particles=256, key=3)
    z = (found.value - law.logpdf(x)) / found.error
    assert np.median(found.error) < 0.05
    assert np.abs(z).max() < 5.0
    assert 0.65 < np.sqrt(np.mean(z**2)) < 1.45
    exact = marginal(_gaussian(), columns).log_prob(x)
    np.testing.assert_allclose(exact.value, law.logpdf(x), atol=1e-5)


def test_the_product_of_conditional_and_marginal_is_the_joint(key):
    flow = flows.nsf_coupling(4, num_layers=3, width=16, depth=1, key=key)
    flow = _moved(flow, key, 0.1)
    x = np.asarray(flow.sample(key, 1), np.float64)[0]
    given = condition(flow, {0: x[0], 2: x[2]}, key=1)
    alone = marginal(flow, [0, 2]).log_prob(x[None, [0, 2]], key=2)
    total = given.log_prob(x[[1, 3]][None]).value[0] + alone.value[0]
    error = np.hypot(given.log_evidence_error, alone.error[0])
    assert abs(total - float(flow.log_prob(x))) < 3.0 * error < 0.2


@pytest.mark.parametrize("low", [0.0, 3.0, 6.0])
def test_limits_cut_a_gaussian(low):
    flow = MultivariateNormal(jnp.zeros(3), 0.6 * jnp.ones((3, 3)) + 0.4 * jnp.eye(3))
    found = condition(flow, {}, limits={0: (low, np.inf)}, key=4)
    assert abs(found.log_evidence - stats.norm.logsf(low)) < 4.0 * found.log_evidence_error < 0.1
    draws = found.sample(0, 2000)
    assert draws[:, 0].min() > low
    mean = np.exp(stats.norm.logpdf(low) - stats.norm.logsf(low))
    np.testing.assert_allclose(draws.mean(axis=0), [mean, 0.6 * mean, 0.6 * mean], atol=0.1)
    assert found.log_prob(np.array([[low - 0.1, 0.0, 0.0]])).value[0] == -np.inf


def test_a_narrow_interval_beside_a_value():
    flow = MultivariateNormal(jnp.zeros(2), jnp.array([[1.0, 0.6], [0.6, 1.0]]))
    expected = stats.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]]).logpdf([0.505, 0.3]) + np.log(0.01)
    # Few draws fall into so narrow an interval, so that the error of one estimate is not well known itself.
    found = [condition(flow, {1: 0.3}, limits={0: (0.5, 0.51)}, key=key) for key in range(4, 8)]
    away = np.mean([one.log_evidence - expected for one in found])
    error = np.sqrt(np.sum([one.log_evidence_error**2 for one in found])) / len(found)
    assert abs(away) < 4.0 * error < 0.1


def test_angles_meet_over_the_cut():
    flow = Product([VonMises(jnp.full(1, 3.0), 2.0), Normal(jnp.zeros(2), 2.0)])
    found = condition(flow, {1: 0.5}, key=5)
    assert abs(found.log_evidence - stats.norm(0, 2).logpdf(0.5)) < 4.0 * found.log_evidence_error < 0.1
    draws = found.sample(0, 2000)[:, 0]
    assert draws.min() >= -np.pi
    assert draws.max() < np.pi
    assert stats.kstest(np.mod(draws - 3.0 + np.pi, 2 * np.pi) - np.pi, stats.vonmises(2.0).cdf).pvalue > 1e-3
    known = condition(flow, {0: 3.1}, key=5)
    expected = stats.vonmises(2.0, loc=3.0).logpdf(3.1)
    assert abs(known.log_evidence - expected) < 4.0 * known.log_evidence_error < 0.1


def test_quantiles_come_with_their_errors():
    found = condition(_gaussian(), FIXED)
    mean, covariance = _given(np.array(list(FIXED.values())))
    value, error = found.quantiles([0.1, 0.5, 0.9], num_samples=4000)
    expected = mean + np.outer(stats.norm.ppf([0.1, 0.5, 0.9]), np.sqrt(np.diag(covariance)))
    assert np.abs((value - expected) / error).max() < 4.0
    assert value.shape == error.shape == (3, 3)


def test_a_row_with_a_hole_has_no_density():
    found = marginal(_gaussian(), [1, 0]).log_prob(np.array([[0.0, np.nan], [0.0, 0.0]]))
    assert np.isnan(found.value).tolist() == [True, False]


@pytest.mark.parametrize(
    ("fixed", "words"),
    [
        ({}, "nothing is given"),
        ({5: 0.0}, "0 to 4"),
        ({0: 0.0, -5: 0.0}, "once each"),
        (dict.fromkeys(range(5), 0.0), "none is left free"),
    ],
)
def test_what_cannot_be_asked_is_refused(fixed, words):
    with pytest.raises(ValueError, match=words):
        condition(_gaussian(), fixed)


def test_a_value_outside_of_the_support_is_refused():
    flow = Transformed(_gaussian(), Exp((5,)))
    with pytest.raises(DataError, match="lies between 0 and inf"):
        condition(flow, {0: -1.0})


def test_far_away_it_says_how_far():
    means = np.random.default_rng(1).normal(size=(30, 6))
    flow = Mixture([Normal(jnp.asarray(mean), 0.01) for mean in means])
    with pytest.raises(DataError, match=r"not to be trusted.*\n?.*Coordinate 0 lies \d\d\.\d standard deviations"):
        condition(flow, {0: 60.0}, exact=False, num_particles=256)


def test_a_conditional_flow_is_refused(key):
    with pytest.raises(ValueError, match="conditional on shape"):
        condition(flows.maf(2, cond_dim=1, key=key), {0: 0.0})


def test_rows_that_are_not_to_be_trusted_are_looked_at_again(monkeypatch, key):
    asked = []

    def evidence(joint, query, pool, each, random):
        asked.append((each, query.values[:, 0].tolist()))
        odd = (query.values[:, 0] > 1.0) & (len(asked) == 1)
        return query.values[:, 0].copy(), np.where(odd, np.inf, 0.1)

    monkeypatch.setattr(_marginal, "_evidence", evidence)
    flow = MultivariateNormal(jnp.zeros(2), jnp.eye(2))
    found = marginal(flow, [0], exact=False).log_prob(jnp.array([[0.0], [2.0], [1.0], [3.0]]))
    (first, _), (second, again) = asked
    assert again == [2.0, 3.0]
    assert second > first
    assert np.isfinite(found.error).all()
    np.testing.assert_allclose(found.value, [0.0, 2.0, 1.0, 3.0])
