"""Estimates from weighted draws."""

import jax.numpy as jnp
import numpy as np
import pytest

from pushforward import data, distributions, flows
from pushforward._errors import DataError
from pushforward.diagnostics import importance, weigh


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
