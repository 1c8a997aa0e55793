"""`diagnose` finds nothing wrong with a sound flow, and names what is wrong with a broken one."""

import math
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pushforward._errors import DataError
from pushforward._params import static
from pushforward.bijections import (
    AbstractElementwise,
    Affine,
    Chain,
    Coupling,
    Dequantize,
    Exp,
    Flip,
    Inverse,
    Scan,
    Shift,
    Standardize,
    TriangularAffine,
)
from pushforward.diagnostics import diagnose
from pushforward.diagnostics._map import _difference
from pushforward.distributions import Embedded, Normal, Transformed, Uniform


class Broken(AbstractElementwise):
    """y = x, with one of the ways in which a map can be wrong."""

    fault: str = static()
    shape: tuple = static(default=(2,))

    forward_kind: ClassVar = "analytic"
    inverse_kind: ClassVar = "analytic"

    def _forward_pointwise(self, x):
        return x, jnp.zeros_like(x)

    def _inverse_pointwise(self, x):
        match self.fault:
            case "value":
                return x * 1.01, jnp.zeros_like(x)
            case "log_det":
                return x, jnp.full_like(x, 0.1)
            case "tail":
                return jnp.where(jnp.abs(x) > 1e3, jnp.inf - jnp.inf, x), jnp.zeros_like(x)
            case "gradient":
                return jnp.where(x > 50.0, 50.0 * jnp.sign(x) + jnp.sqrt(jnp.minimum(x, 50.0) - 50.0), x), x * 0
            case "nan":
                return jnp.where(x > 1.0, jnp.nan, x), jnp.zeros_like(x)
        return x, jnp.zeros_like(x)


class Saturating(AbstractElementwise):
    """y = tanh(x): not onto, and in float32 not one to one."""

    shape: tuple = static(default=(2,))

    forward_kind: ClassVar = "analytic"
    inverse_kind: ClassVar = "analytic"

    def _forward_pointwise(self, x):
        y = jnp.tanh(20 * x)
        return y, jnp.log(20 * (1 - y * y))

    def _inverse_pointwise(self, x):
        return jnp.arctanh(x) / 20, -jnp.log(20 * (1 - x * x))


def flow_with(*layers):
    return Transformed(
        Normal.standard((2,)), Chain([*layers, Standardize(jnp.array([3.0, -1e3]), jnp.array([0.1, 50.0]))])
    )


def points(n=100):
    return np.random.default_rng(0).normal([3.0, -1e3], [0.1, 50.0], (n, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def sound():
    key = jax.random.key(1)
    flow = flow_with(TriangularAffine(jnp.zeros(2), jnp.array([[1.0, 0.0], [2.0, 0.5]])), Flip((2,)))
    return diagnose(flow, points(), key=key)


def problems(*layers, key):
    return " | ".join(diagnose(flow_with(*layers), points(), key=key).problems)


def test_one_nan_among_many_events_is_seen():
    value = jnp.ones((8, 2000)).at[3, 7].set(jnp.nan)
    assert np.isnan(_difference(value, jnp.ones((8, 2000)), jnp.ones(2000, bool)))


def test_sound_flow_has_no_problem(sound):
    assert sound.problems == ()
    assert str(sound).endswith("no problem found")


def test_layers_are_listed_from_the_base_to_the_data(sound):
    assert [layer.name for layer in sound.map.layers] == ["TriangularAffine", "Flip", "Standardize"]


def test_singular_values_are_those_of_the_matrix(sound):
    spread = np.std(points(), axis=0) / [0.1, 50.0]
    inverse = np.linalg.inv([[1.0, 0.0], [2.0, 0.5]])[:, ::-1] * spread
    np.testing.assert_allclose(sound.map.singular_values, np.linalg.svd(inverse)[1][::-1], rtol=1e-4)


def test_report_shows_every_number(sound):
    text = str(sound)
    assert "2 Standardize (analytic)" in text
    assert f"{sound.map.singular_values[0]:.3g} to {sound.map.singular_values[1]:.3g}" in text
    assert "at 10000 standard deviations  log_prob and gradients sound" in text


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("value", r"layer 1 (Broken): forward(inverse(y)) is off by"),
        ("log_det", "layer 1 (Broken): the log-det is off by 2.0e-01 nats"),
        ("tail", "log_prob is NaN or +inf at 10000 standard deviations"),
        ("gradient", "gradients are not finite at 100 standard deviations"),
        ("nan", "of the data"),
    ],
)
def test_broken_layer_is_named(fault, sentence, key):
    found = problems(Flip((2,)), Broken(fault), key=key)
    assert sentence in found
    assert problems(Flip((2,)), Broken("none"), key=key) == ""


def test_map_that_is_not_onto_is_found(key):
    flow = Transformed(Normal.standard((2,)), Saturating())
    found = diagnose(flow, np.random.default_rng(0).uniform(-0.5, 0.5, (50, 2)), key=key)
    assert "not onto" in " ".join(found.problems)


def test_wrong_sampler_is_found(key):
    class Skewed(Normal):
        def _sample_and_log_prob_many(self, key, n, condition):
            x = self._sample_many(key, n, condition, None)
            return x, self._log_prob_many(x, condition, key) + 1.0

    found = diagnose(Skewed(jnp.zeros(2), jnp.ones(2)), points() * 0.01, key=key)
    assert len(found.problems) == 1
    assert "sampler" in found.problems[0]


def test_data_outside_the_support_is_counted_and_no_problem(key):
    found = diagnose(Uniform(jnp.zeros(2), jnp.ones(2)), np.array([[0.5, 0.5], [0.5, 2.0]]), key=key)
    assert found.share_outside == 0.5
    assert found.share_nan == 0.0
    assert found.problems == ()


def test_whole_numbers_have_no_base_round_trip(key):
    flow = Transformed(
        Normal.standard((2,)), Chain([Standardize(jnp.full(2, 5.0), jnp.full(2, 2.0)), Dequantize((2,))])
    )
    found = diagnose(flow, np.random.default_rng(0).integers(0, 9, (50, 2)), key=key)
    assert found.map.base_round_trip is None
    assert found.sampler_error is None
    assert found.problems == ()


def test_scanned_layers_are_listed_one_by_one(key):
    layers = [Inverse(Shift(jnp.ones(2))), Inverse(Shift(2 * jnp.ones(2)))]
    found = diagnose(Transformed(Normal.standard((2,)), Scan(layers)), points(), key=key)
    assert [layer.name for layer in found.map.layers] == ["Inverse(Shift)", "Inverse(Shift)"]


def test_conditional_flow_is_measured_behind_its_embedding(key):
    inner = Transformed(Normal.standard((2,)), Coupling(Affine(), 2, width=8, cond_dim=1, key=key))
    flow = Embedded(inner, Standardize(jnp.array([100.0]), jnp.array([10.0])))
    condition = np.random.default_rng(1).normal(100.0, 10.0, (50, 1))
    found = diagnose(flow, np.random.default_rng(0).normal(size=(50, 2)), condition, key=key)
    assert found.problems == ()
    assert found.map.layers[0].name == "Coupling"


def test_many_dimensions_go_without_jacobians(key):
    flow = Transformed(Normal.standard((65,)), Shift(jnp.ones(65)))
    found = diagnose(flow, np.zeros((3, 65)), key=key)
    assert found.map.singular_values is None
    assert found.map.round_trip == 0.0


@pytest.mark.usefixtures("x64")
def test_float64_is_held_to_its_own_rounding(key):
    flow = flow_with(Exp((2,)))
    found = diagnose(flow, np.asarray(flow.sample(key, 50)), key=key)
    assert found.epsilon < 1e-15
    assert found.map.log_det_error < 1e-12


@pytest.mark.parametrize("x", [np.zeros((0, 2)), np.array([[0.0, math.nan]])])
def test_data_that_cannot_be_used_is_refused(x, key):
    with pytest.raises(DataError, match="diagnose: `x` has no rows or values that are not finite"):
        diagnose(Normal.standard((2,)), x, key=key)


def test_condition_with_other_rows_is_refused(key):
    flow = Transformed(Normal.standard((2,)), Coupling(Affine(), 2, width=8, cond_dim=1, key=key))
    with pytest.raises(ValueError, match="one row per row of `x`"):
        diagnose(flow, np.zeros((4, 2)), np.zeros((3, 1)), key=key)
