"""Tests on samples: equal laws pass, unequal ones do not, and known values come out."""

from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.stats import norm

import pushforward as pf
from pushforward._errors import DataError
from pushforward.bijections import Chain, Dequantize, Exp, Log, Scale, Sigmoid
from pushforward.diagnostics import c2st, energy_distance, integrate, ks_per_dimension, ks_uniform, pit
from pushforward.distributions import (
    AbstractDistribution,
    DiscretizedLogistic,
    Laplace,
    Logistic,
    Mixture,
    Normal,
    StudentT,
    Transformed,
    Uniform,
    VonMises,
)


class Follower(AbstractDistribution):
    """X given c is N(c, 1)."""

    event_shape: ClassVar = (1,)
    cond_shape: ClassVar = (1,)

    def _log_prob_many(self, x, condition, key):
        return Normal.standard((1,))._log_prob_many(x - condition, None, key)

    def _sample_many(self, key, n, condition, temperature):
        return condition + jax.random.normal(key, (1, n))


@pytest.fixture
def rng():
    return np.random.default_rng(0)


class TestClassifier:
    def test_equal_laws_are_not_told_apart(self, rng):
        assert abs(c2st(rng.normal(size=(500, 2)), rng.normal(size=(500, 2))) - 0.5) < 0.05

    def test_distant_laws_are_told_apart(self, rng):
        assert c2st(rng.normal(size=(200, 2)), rng.normal(6.0, 1.0, (200, 2))) > 0.99

    def test_accuracy_is_that_of_the_best_classifier(self, rng):
        # Means 2 apart: the best accuracy is Phi(1) = 0.841.
        value = c2st(rng.normal(size=(1000, 1)), rng.normal(2.0, 1.0, (1000, 1)))
        assert abs(value - 0.841) < 0.03

    def test_units_do_not_matter(self, rng):
        x, y = rng.normal(size=(200, 2)), rng.normal(1.0, 1.0, (200, 2))
        units = np.array([1e-6, 1e6])
        assert c2st(x, y) == pytest.approx(c2st(x * units, y * units), abs=1e-2)

    def test_seed_decides_the_value(self, rng):
        x, y = rng.normal(size=(100, 1)), rng.normal(0.5, 1.0, (100, 1))
        values = [c2st(x, y, seed=seed) for seed in (3, 3, 4)]
        assert values[0] == values[1] != values[2]

    def test_constant_column_does_no_harm(self, rng):
        x = np.concatenate([rng.normal(size=(100, 1)), np.ones((100, 1))], axis=1)
        assert 0.3 < c2st(x[:50], x[50:]) < 0.7

    def test_fewer_rows_than_folds_are_refused(self):
        with pytest.raises(DataError, match="needs at least 5 rows"):
            c2st(np.zeros((4, 1)), np.zeros((9, 1)))

    def test_unequal_columns_are_refused(self):
        with pytest.raises(DataError, match=r"shape \(1,\), rows of `y` \(2,\)"):
            c2st(np.zeros((9, 1)), np.zeros((9, 2)))

    def test_nan_is_refused(self):
        with pytest.raises(DataError, match="`y`"):
            c2st(np.zeros((9, 1)), np.full((9, 1), np.nan))


class TestEnergyDistance:
    def test_two_points_give_twice_their_distance(self):
        assert energy_distance(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]])) == 10.0

    def test_equal_sets_give_zero(self, rng):
        x = rng.normal(size=(50, 3))
        assert energy_distance(x, x) == pytest.approx(0.0, abs=1e-12)

    def test_shifted_normals_give_the_known_value(self):
        # 2 E|N(2, 2)| - 2 E|N(0, 2)|, on quantiles instead of draws.
        x = norm.ppf((np.arange(2000) + 0.5) / 2000)[:, None]
        assert energy_distance(x, x + 2.0) == pytest.approx(1.94426, abs=5e-3)

    def test_chunks_give_the_same_value(self, rng, monkeypatch):
        x, y = rng.normal(size=(50, 3)), rng.normal(size=(33, 3))
        whole = energy_distance(x, y)
        monkeypatch.setattr("pushforward.diagnostics._two_sample._CHUNK_ENTRIES", 100)
        assert energy_distance(x, y) == pytest.approx(whole, rel=1e-12)


class TestKolmogorovSmirnov:
    def test_true_flow_passes_and_a_shifted_column_fails(self, rng, key):
        x = rng.normal([0.0, 0.5], 1.0, (2000, 2))
        result = ks_per_dimension(Normal.standard((2,)), x, key=key)
        assert result.p_value[0] > 0.01
        assert result.p_value[1] < 1e-6
        # The largest difference of two normal distribution functions half a unit apart.
        assert result.statistic[1] == pytest.approx(0.197, abs=0.04)

    def test_each_row_is_sampled_under_its_condition(self, rng, key):
        flow = Follower()
        condition = rng.normal(0.0, 3.0, (1000, 1))
        assert ks_per_dimension(flow, condition + rng.normal(size=(1000, 1)), condition, key=key).p_value[0] > 0.01
        assert ks_per_dimension(flow, 2 * condition + rng.normal(size=(1000, 1)), condition, key=key).p_value[0] < 1e-6


class TestPit:
    def test_calibrated_flow_gives_uniform_values(self, rng, key):
        values = pit(Normal.standard((2,)), rng.normal(size=(500, 2)), num_samples=300, key=key)
        assert values.shape == (500, 2)
        assert np.all((values > 0) & (values < 1))
        assert np.all(ks_uniform(values).p_value > 0.01)

    def test_wide_flow_gives_a_hump(self, rng, key):
        values = pit(Normal(jnp.zeros(1), 3 * jnp.ones(1)), rng.normal(size=(500, 1)), num_samples=300, key=key)
        assert np.std(values) < 0.2
        assert ks_uniform(values).p_value[0] < 1e-6

    def test_conditions_are_used_row_by_row(self, rng, key, monkeypatch):
        monkeypatch.setattr("pushforward.diagnostics._calibration._CHUNK_DRAWS", 200 * 64)
        condition = rng.normal(0.0, 3.0, (500, 1))
        values = pit(Follower(), condition + rng.normal(size=(500, 1)), condition, num_samples=200, key=key)
        assert values.shape == (500, 1)
        assert ks_uniform(values).p_value[0] > 0.01

    def test_ties_of_whole_numbers_are_broken(self, rng, key):
        flow = Transformed(Uniform(jnp.zeros(1), 4 * jnp.ones(1)), Dequantize((1,)))
        values = pit(flow, rng.integers(0, 4, (500, 1)), num_samples=300, key=key)
        # Ties that are not broken give less than 1e-12; of these draws, one set in a hundred is below 0.01.
        assert ks_uniform(values).p_value[0] > 1e-3

    def test_nan_is_refused(self, key):
        with pytest.raises(DataError, match="pit: row 1 of `x`"):
            pit(Normal.standard((1,)), np.full((3, 1), np.nan), key=key)


LOG_LEAST = float(np.log(np.finfo(np.float32).tiny))
HARD = {  # a density, and what of it float32 can hold
    "a peak at the lower edge": (lambda: Transformed(Normal(jnp.array([-12.0]), 3.0), Sigmoid((1,))), 1.0),
    "a peak at the edge of a long interval": (
        lambda: Transformed(Normal(jnp.array([-20.0]), 0.1), Sigmoid((1,), 0.0, 1e6)),
        1.0,
    ),
    "a narrow peak on a long interval": (lambda: Transformed(Normal(jnp.zeros(1), 1e-3), Sigmoid((1,), 0.0, 1e3)), 1.0),
    "u to the 20th": (
        lambda: Transformed(Uniform(jnp.zeros(1), 1.0), Chain([Log((1,)), Scale(jnp.array([20.0])), Exp((1,))])),
        1.0 - np.exp(LOG_LEAST / 20.0),
    ),
    "half a Cauchy": (lambda: StudentT(0.5, jnp.zeros(1)), 1.0),
    "lognormal over 17 decades": (lambda: Transformed(Normal(jnp.zeros(2), 10.0), Exp((2,))), 1.0),
    "circles": (lambda: VonMises(jnp.zeros(2), 50.0), 1.0),
    "two scales": (lambda: Mixture([Normal(jnp.zeros(1), 1e-4), Normal(jnp.full(1, 5.0), 1.0)]), 1.0),
}


class TestIntegral:
    @pytest.mark.parametrize(
        "flow",
        [
            Normal.standard((1,)),
            Normal(jnp.array(1e6), jnp.array(1e3)),
            Logistic(jnp.zeros(1), jnp.ones(1)),
            Laplace(jnp.zeros(2), jnp.array([0.1, 10.0])),
            Uniform(jnp.zeros(2), jnp.ones(2)),
        ],
        ids=["normal", "far scalar", "logistic", "laplace", "uniform"],
    )
    def test_density_integrates_to_one(self, flow, key):
        assert integrate(flow, key=key) == pytest.approx(1.0, abs=1e-3)

    def test_wrong_density_does_not(self, key):
        class Doubled(Normal):
            def _log_prob_many(self, x, condition, key):
                return super()._log_prob_many(x, condition, key) + jnp.log(2.0)

        assert integrate(Doubled(jnp.zeros(1), jnp.ones(1)), key=key) == pytest.approx(2.0, abs=1e-3)

    def test_bounds_cut_the_mass(self, key):
        value = integrate(Normal.standard((2,)), bounds=[(0.0, 9.0), (-9.0, 0.0)], key=key)
        assert value == pytest.approx(0.25, abs=1e-4)

    def test_condition_is_one_condition(self, key):
        assert integrate(Follower(), jnp.array([5.0]), key=key) == pytest.approx(1.0, abs=1e-3)

    def test_last_chunk_counts_its_own_points_only(self, key):
        flow = Normal.standard((1,))
        assert integrate(flow, bounds=[(-9.0, 9.0)], points=40_001, key=key) == pytest.approx(1.0, abs=1e-3)

    @pytest.mark.parametrize("name", HARD)
    def test_peaks_edges_and_tails_are_met_to_the_error_that_is_told(self, name, key):
        build, exact = HARD[name]
        total = integrate(build(), key=key)
        assert total.error < 1e-4
        assert total == pytest.approx(exact, abs=total.error + 1e-5)
        assert str(total) == f"{float(total):.6g} ± {total.error:.1g}"

    def test_bounds_are_kept_in_any_support(self, key):
        flow = Transformed(Normal(jnp.array([-3.0, 1.0]), 0.5), Chain([Exp((2,)), Scale(jnp.array([2.0, 1.0]))]))
        law = [stats.lognorm(0.5, scale=2 * np.exp(-3.0)), stats.lognorm(0.5, scale=np.exp(1.0))]
        bounds = [(0.05, 0.2), (-1.0, 3.0)]
        exact = np.prod([of.cdf(high) - of.cdf(max(low, 0.0)) for of, (low, high) in zip(law, bounds, strict=True)])
        assert integrate(flow, bounds=bounds, key=key) == pytest.approx(exact, abs=1e-4)

    def test_what_is_not_known_to_the_tolerance_is_told(self, key):
        """A jump along a line in the plane: every cell on it is half right."""
        boxes = Mixture([Uniform(jnp.zeros(2), jnp.ones(2)), Uniform(jnp.full(2, 3.3), jnp.full(2, 4.6))])
        with pytest.warns(UserWarning, match=r"integrate: .* ± .* after 65536 points, not to 0.0001"):
            total = integrate(boxes, max_points=2**16, key=key)
        assert 1e-4 < total.error < 0.1
        assert total == pytest.approx(1.0, abs=total.error)

    def test_probabilities_are_not_integrated(self, key):
        with pytest.raises(ValueError, match="added up"):
            integrate(DiscretizedLogistic(jnp.zeros(1)), key=key)

    def test_three_dimensions_are_refused(self, key):
        with pytest.raises(ValueError, match=r"got events of shape \(3,\)"):
            integrate(Normal.standard((3,)), key=key)


@pytest.mark.parametrize(
    "bounds", [[(1.0, -1.0), (-1.0, 1.0)], [(-1.0, 1.0)], [(np.nan, 1.0), (-1.0, 1.0)], [(0.0, 0.0), (-1.0, 1.0)]]
)
def test_bounds_of_an_integral_are_pairs_in_order(bounds):
    with pytest.raises(ValueError, match=r"`bounds` must be 2 pairs \(low, high\) with low below high"):
        pf.diagnostics.integrate(pf.distributions.Normal.standard((2,)), bounds=bounds, key=0)
