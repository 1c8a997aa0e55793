"""Estimates from weighted draws."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from pushforward import data, distributions, flows
from pushforward._errors import DataError
from pushforward.diagnostics import importance, weigh
from pushforward.diagnostics._pareto import smooth_tail


def gaussian(x):
    """A normal with mean (1, -1) and spread 0.8, times e^2."""
    return 2.0 - 0.5 * jnp.sum(((x - jnp.array([1.0, -1.0])) / 0.8) ** 2)


LOG_Z = 2.0 + np.log(2 * np.pi * 0.64)


@pytest.fixture
def wide():
    return distributions.Normal(jnp.zeros(2), 1.5)


def test_log_z_and_expectations_are_within_their_errors(wide, key):
    found = importance(wide, gaussian, num_samples=20_000, key=key)
    assert abs(found.log_z - LOG_Z) < 4 * found.log_z_error < 0.1
    mean, error = found.expectation()
    assert (np.abs(mean - [1.0, -1.0]) < 4 * error).all()
    square, square_error = found.expectation(lambda x: jnp.sum(x**2))
    assert abs(square - (2.0 + 2 * 0.64)) < 4 * square_error
    assert found.reliable
    assert "reliable" in str(found)
    assert 1 < found.effective_sample_size < 20_000


def test_equal_weights_give_a_plain_mean():
    found = weigh(np.arange(100.0), np.full(100, 3.0))
    assert found.log_z == pytest.approx(3.0)
    assert found.effective_sample_size == pytest.approx(100.0)
    assert found.expectation()[0] == pytest.approx(49.5)
    assert found.reliable


def test_draws_that_are_too_narrow_are_not_reliable(key):
    narrow = distributions.Normal(jnp.zeros(2), 0.25)
    found = importance(narrow, gaussian, key=key)
    assert found.pareto_k > 0.7
    assert "NOT reliable" in str(found)


def test_pareto_k_is_that_of_the_tail():
    """Weights from a Pareto law of shape 1/2 have k = 1/2; their reciprocals, which are bounded, do not."""
    u = np.random.default_rng(0).uniform(size=20_000)
    assert weigh(u, -0.5 * np.log(u)).pareto_k == pytest.approx(0.5, abs=0.1)
    assert weigh(u, 0.5 * np.log(u)).pareto_k < 0.1


def test_draws_of_weight_zero_do_not_count():
    log_weights = np.where(np.arange(100) < 50, 0.0, -np.inf)
    found = weigh(np.arange(100.0), log_weights + 1e-3 * np.random.default_rng(0).standard_normal(100))
    assert found.log_z == pytest.approx(np.log(0.5), abs=1e-3)
    assert found.expectation()[0] == pytest.approx(24.5, abs=0.1)
    assert found.effective_sample_size == pytest.approx(50.0, rel=1e-3)


def test_one_weight_above_zero_is_not_reliable():
    found = weigh(np.arange(1000.0), np.where(np.arange(1000) == 3, 0.0, -np.inf))
    assert found.pareto_k == np.inf
    assert not found.reliable
    assert found.expectation()[0] == pytest.approx(3.0)


@pytest.mark.parametrize("least", [-np.inf, -1.0])
def test_equal_largest_weights_have_no_tail(least):
    log_weights = np.where(np.arange(1000) < 500, 0.0, least)
    found = weigh(np.arange(1000.0), log_weights)
    assert found.pareto_k == -np.inf
    assert found.reliable
    assert found.expectation()[0] == pytest.approx(np.average(np.arange(1000), weights=np.exp(log_weights)))


def _weighed(log_weights):
    found = weigh(np.arange(float(len(log_weights))), log_weights)
    assert np.exp(found.log_weights).sum() == pytest.approx(1.0, abs=1e-12)
    assert found.reliable == ("NOT" not in str(found)) == (found.doubt is None)
    return found


AWKWARD = {  # log-weights and their counts; whether the mean of so many draws can be believed
    "three values": ([0, 1, 2], [680, 300, 20], True),
    "equal": ([-3], [50], True),
    "equal up to rounding": ([0, 1e-7, 2e-7], [9998, 1, 1], True),
    "equal, a few below": ([0, -1, -np.inf], [900, 50, 50], True),
    "one above equal ones, a little": ([0, 0.5], [999, 1], True),
    "one above equal ones, far": ([0, 10], [999, 1], False),
    "four above equal ones": ([0, 20], [996, 4], False),
    "five above equal ones": ([0, 10], [995, 5], False),
    "many above equal ones": ([0, 20], [900, 100], True),
    "all but a few are zero": ([-np.inf, 0, 1], [9980, 10, 10], False),
    "the least number of draws": ([0, 1], [24, 1], False),
    "below the least number": ([-800, 0], [1000, 5], False),
}


@pytest.mark.parametrize("name", AWKWARD)
def test_tied_weights_sum_to_one_and_are_judged(name):
    """The mean of draws of two values has the error of a share: 1 / sqrt(draws of the larger one)."""
    values, counts, reliable = AWKWARD[name]
    found = _weighed(np.repeat(np.array(values, float), counts))
    assert found.reliable == reliable
    weights = np.repeat(np.exp(np.array(values, float) - max(values)), counts)
    assert found.log_z == pytest.approx(max(values) + np.log(weights.mean()))
    if reliable:
        np.testing.assert_allclose(np.exp(found.log_weights), weights / weights.sum(), rtol=0.5)


def test_equal_weights_stay_equal():
    found = _weighed(np.repeat([0.0, 1.0, 2.0, 3.0, 4.0], [900, 40, 30, 20, 10]))
    for value, count in zip(np.cumsum([0, 900, 40, 30, 20]), [900, 40, 30, 20, 10], strict=True):
        np.testing.assert_allclose(np.ptp(found.log_weights[value : value + count]), 0.0, atol=1e-12)


@pytest.mark.parametrize("size", [1e-16, 1e-7, 1e-3])
def test_a_flow_that_equals_its_target_up_to_rounding_is_reliable(size):
    """Rounding leaves a few values; the weights are equal, whatever is left of them."""
    for count in (2, 3, 10):
        log_weights = size * np.random.default_rng(count).integers(0, count, size=4000)
        found = _weighed(log_weights)
        assert found.reliable
        assert found.pareto_k < 0
        np.testing.assert_allclose(found.log_weights, -np.log(4000), atol=10 * size + 1e-12)


def test_a_flow_against_itself_is_reliable(key):
    flow = distributions.Normal(jnp.zeros(3), 1.3)
    found = importance(
        flow, lambda x: jnp.sum(-0.5 * (x / 1.3) ** 2) - 3 * (jnp.log(1.3) + 0.5 * jnp.log(2 * jnp.pi)), key=key
    )
    assert found.reliable
    assert found.log_z == pytest.approx(0.0, abs=1e-5)
    np.testing.assert_allclose(found.log_weights, -np.log(10_000), atol=1e-5)


@pytest.mark.parametrize("k", [-0.5, 0.0, 0.3, 0.5, 0.7, 1.0, 1.5])
def test_weights_of_a_known_tail_have_its_shape(k):
    """The excesses of a generalised Pareto law have its k; a maximum-likelihood k deviates by (1 + k) / sqrt(tail)."""
    n = 100_000
    weights = stats.genpareto.rvs(k, size=n, random_state=np.random.default_rng(1))
    found = _weighed(np.log(weights))
    tail = 3 * np.sqrt(n)
    assert found.pareto_k == pytest.approx(k, abs=4 * (1 + max(k, 0)) / np.sqrt(tail))
    assert found.k_limit == pytest.approx(0.7)  # min(0.7, 1 - 1 / 5)
    assert found.reliable == (found.pareto_k < 0.7)
    excesses = np.sort(weights)[-949:] - np.sort(weights)[-950]
    likeliest, _, _ = stats.genpareto.fit(excesses, floc=0.0)
    assert found.pareto_k == pytest.approx((949 * likeliest + 5) / 959, abs=0.02)


@pytest.mark.parametrize(("n", "limit"), [(25, 1 - 1 / np.log10(25)), (1000, 2 / 3), (2200, 0.7), (10**6, 0.7)])
def test_the_limit_is_that_of_the_number_of_draws(n, limit):
    assert weigh(np.zeros(n), np.zeros(n)).k_limit == pytest.approx(limit, abs=1e-3)


def test_smoothing_brings_the_mean_of_heavy_weights_nearer():
    """Of weights Pareto with k = 0.8, whose mean is 5: the smoothed largest ones are the law's quantiles."""
    rng = np.random.default_rng(0)
    errors = []
    for _ in range(200):
        log_weights = 0.8 * rng.exponential(size=500)
        smoothed = smooth_tail(log_weights)[0]
        errors.append([np.exp(log_weights).mean() - 5.0, np.exp(smoothed).mean() - 5.0])
    before, after = np.sqrt(np.mean(np.square(errors), axis=0))
    assert after < 0.8 * before


def test_draws_of_weight_zero_do_not_change_pareto_k():
    heavy = 1.2 * np.random.default_rng(0).exponential(size=400)
    alone, beside = (
        weigh(np.arange(float(n)), np.pad(heavy, (0, n - 400), constant_values=-np.inf)) for n in (400, 9000)
    )
    assert beside.pareto_k == pytest.approx(alone.pareto_k)
    assert beside.k_limit == alone.k_limit
    assert beside.expectation()[0] == pytest.approx(alone.expectation()[0])


def test_a_density_that_is_nan_is_refused_with_the_place(wide, key):
    with pytest.raises(DataError, match=r"`log_density` is NaN in \d+ of 10000 draws of the flow, as at x = \["):
        importance(wide, lambda x: jnp.sqrt(x[0]), key=key)


def test_a_density_of_the_wrong_shape_is_refused(wide, key):
    with pytest.raises(ValueError, match=r"event of shape \(2,\), got shape \(2,\). Sum over the event"):
        importance(wide, lambda x: -(x**2), key=key)


def test_a_conditional_flow_is_refused(key):
    with pytest.raises(ValueError, match="conditional"):
        importance(flows.affine(2, cond_dim=1, key=key), gaussian, key=key)


@pytest.mark.parametrize(
    ("log_weights", "message"),
    [
        (np.full(30, -np.inf), "every weight is zero"),
        (np.full(30, np.nan), "NaN"),
        (np.full(30, np.inf), r"\+inf"),
        (np.zeros(29), "one log-weight for each"),
        (np.zeros((30, 1)), "one log-weight for each"),
    ],
)
def test_useless_weights_are_refused(log_weights, message):
    with pytest.raises(ValueError, match=message):
        weigh(np.zeros(30), log_weights)


def test_too_few_draws_are_refused():
    with pytest.raises(ValueError, match="at least 25 draws"):
        weigh(np.zeros(24), np.zeros(24))


def test_an_expectation_that_is_not_finite_is_refused():
    found = weigh(np.arange(100.0), np.zeros(100))
    with pytest.raises(DataError, match="not finite"):
        found.expectation(lambda x: jnp.log(x))


@pytest.mark.parametrize("name", data.ENERGIES)
def test_an_energy_has_the_log_z_it_states(name):
    energy = data.ENERGIES[name]
    box = [(low if np.isfinite(low) else -8.0, high if np.isfinite(high) else 8.0) for low, high in energy.support]
    axes = [np.linspace(low, high, 1602)[:-1] + (high - low) / 3202 for low, high in box]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2).astype(np.float32)
    log_density = np.asarray(distributions.Target(energy.log_density, (2,)).log_prob(points), np.float64)
    cell = np.prod([(high - low) / 1601 for low, high in box])
    assert np.log(np.exp(log_density).sum() * cell) == pytest.approx(energy.log_z, abs=1e-4)
    if name == "double_well":
        right = np.exp(log_density)[points[:, 0] > 0].sum() / np.exp(log_density).sum()
        assert np.log(right / (1 - right)) == pytest.approx(1.6906, abs=1e-3)


def test_an_energy_is_zero_outside_its_support():
    assert data.ENERGIES["wave"].log_density(jnp.array([4.1, 0.0])) == -np.inf
