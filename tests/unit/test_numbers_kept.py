"""What the user writes is kept or refused; right values from closed forms and mpmath."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest

from pushforward import bijections as b
from pushforward import distributions as d
from pushforward._params import positive, positive_raw
from pushforward.bijections import fill

SCALES = [1.2e-38, 1e-30, 1e-10, 5e-9, 0.1, 1.0, 3.0, 2e8, 1e10, 1e30, 3.4e38]
EPS = float(np.finfo(np.float32).eps)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("build", [d.Normal, d.Logistic, d.Laplace, b.Affine, lambda t, s: d.StudentT(3.0, t, s)])
def test_a_scale_is_kept(build: Callable, scale: float) -> None:
    assert float(build(0.0, scale).scale) == pytest.approx(scale, rel=3 * EPS)


@pytest.mark.parametrize("scale", [1e-300, 1e-10, 1e10, 1e300])
def test_a_scale_is_kept_in_float64(x64, scale: float) -> None:
    assert float(d.Normal(0.0, scale).scale) == pytest.approx(scale, rel=1e-15)


@pytest.mark.parametrize("scale", SCALES)
def test_other_maps_and_laws_keep_their_scale(scale: float) -> None:
    close = pytest.approx(scale, rel=3 * EPS)
    assert float(b.Scale(scale).scale) == close
    assert float(b.TriangularAffine(jnp.zeros(1), jnp.full((1, 1), scale)).matrix[0, 0]) == close
    assert float(b.SinhArcsinh(0.0, scale).tailweight) == close
    assert float(d.VonMises(0.0, scale).concentration) == close
    assert float(d.Uniform(0.0, scale).scale) == close


def test_a_narrow_and_a_wide_normal_have_their_density() -> None:
    for scale in (1e-10, 1e10):
        wanted = -0.5 - math.log(scale) - 0.5 * math.log(2 * math.pi)
        assert float(d.Normal(0.0, scale).log_prob(scale)) == pytest.approx(wanted, rel=1e-6)


def test_samples_are_as_wide_as_asked_for(key) -> None:
    draws = np.abs(np.asarray(d.Logistic(0.0, 1e9).sample(key, (4000,)), float))
    assert np.median(draws) == pytest.approx(1e9 * math.log(3.0), rel=0.1)


def test_gradients_of_positive_are_right_on_both_sides_of_where_it_is_linear() -> None:
    raw = jnp.array([-1e30, -(2.0**28), -1e7, 0.0, 1e7, 2.0**28, 1e30])
    slope = jax.vmap(jax.grad(lambda r: positive(r)[1]))(raw)
    np.testing.assert_allclose(slope, 1.0 / np.sqrt(1.0 + np.asarray(raw, float) ** 2), rtol=1e-6)


def test_positive_is_bit_equal_to_what_files_were_written_with() -> None:
    raw = jnp.concatenate([jnp.linspace(-50.0, 50.0, 4001), jnp.array([-9e7, 9e7])])

    def before(raw):
        size = jnp.abs(raw)
        value = size + jnp.sqrt(1.0 + size * size)
        return jnp.where(raw >= 0, value, 1.0 / value), jnp.where(raw >= 0, jnp.log(value), -jnp.log(value))

    for now, then in zip(positive(raw), before(raw), strict=True):
        assert np.array_equal(now, then)


def test_a_predicted_scale_stays_bounded() -> None:
    filled = fill(b.Affine(), jnp.array([[0.0], [1e30]]))
    assert float(filled.scale[0]) == pytest.approx(2e8, rel=1e-6)
    assert float(positive(positive_raw(1e30))[0]) == pytest.approx(1e30, rel=1e-6)


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
@pytest.mark.parametrize("scale", [0.0, -1.0, math.inf, math.nan, 1e39, 1e-40])
@pytest.mark.parametrize(
    "build",
    [
        lambda s: d.Normal(0.0, s),
        lambda s: d.StudentT(3.0, 0.0, s),
        lambda s: d.VonMises(0.0, s),
        lambda s: d.Uniform(0.0, s),
        b.Scale,
        lambda s: b.Affine(0.0, s),
        lambda s: b.Standardize(0.0, s),
        lambda s: b.SinhArcsinh(0.0, s),
        lambda s: b.TriangularAffine(jnp.zeros(1), jnp.full((1, 1), s)),
    ],
)
def test_what_the_type_does_not_hold_is_refused(build: Callable, scale: float) -> None:
    with pytest.raises(ValueError, match=r"must be positive, got (?s:.*) float32 holds"):
        build(scale)


@pytest.mark.parametrize(
    ("build", "match"),
    [
        (lambda: d.MultivariateNormal(jnp.zeros(2), jnp.array([[1.0, 0.5], [0.4, 1.0]])), "symmetric"),
        (lambda: d.MultivariateNormal(jnp.zeros(2), jnp.array([[1.0, 2.0], [2.0, 1.0]])), "positive definite"),
        (lambda: d.MultivariateNormal(jnp.zeros(2), jnp.ones(2)), "square"),
        (lambda: b.TriangularAffine(jnp.zeros(2), jnp.array([[1.0, 0.5], [0.4, 1.0]])), "above the diagonal"),
        (lambda: b.TanhAffine(0.0, 0.0, 11.0), "between -10 and 10"),
        (lambda: b.GatedAffine(0.0, -19.0), "at least -18"),
        (lambda: b.SigmoidAffine(0.0, -21.0), "at least -20"),
        (lambda: b.RoundedShift(2.0**21), "at most"),
        (lambda: d.DiscretizedLogistic(0.0, 1e-7), "between"),
        (lambda: d.StudentT(math.inf), "finite"),
        (lambda: d.StudentT(0.0), "positive"),
    ],
)
def test_what_would_be_moved_is_refused(build: Callable, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        build()


def test_a_covariance_that_rounding_made_asymmetric_is_taken() -> None:
    factor = np.random.default_rng(0).normal(size=(5, 5)).astype(np.float32)
    covariance = np.array(factor @ factor.T)
    covariance[0, 1] *= 1 + 4 * EPS
    assert d.MultivariateNormal(jnp.zeros(5), covariance).covariance.shape == (5, 5)


def test_neither_direction_of_an_affine_map_stops() -> None:
    assert float(b.Affine(0.0, 1e-10).inverse(1e10)) == pytest.approx(1e20, rel=1e-6)
    assert float(b.SinhArcsinh(5.0, 10.0).forward(-0.1)) == pytest.approx(9.5526e20, rel=1e-4)


def student_t(df: float, x: float) -> float:
    df, x = mp.mpf(df), mp.mpf(x)
    constant = mp.loggamma((df + 1) / 2) - mp.loggamma(df / 2) - mp.log(mp.pi * df) / 2
    return float(constant - (df + 1) / 2 * mp.log1p(x * x / df))


@pytest.mark.parametrize("df", [0.05, 1.0, 5.0, 99.0, 101.0, 1e4, 1e6, 1e12])
@pytest.mark.parametrize("x", [0.0, 1.5, 40.0, 1e10, 1e20, 3e38])
def test_student_t_has_its_density_at_any_degrees_of_freedom(df: float, x: float) -> None:
    x = float(np.float32(x))
    with mp.workdps(60):
        wanted = student_t(df, x)
    assert float(d.StudentT(df).log_prob(x)) == pytest.approx(wanted, rel=1e-5, abs=1e-5)


def test_a_narrow_interval_is_uniform_up_to_both_ends() -> None:
    rng = np.random.default_rng(0)
    low = rng.normal(size=500).astype(np.float32)
    high = (low + rng.uniform(0.1, 2.0, 500)).astype(np.float32)
    law = d.Uniform(low, high)
    assert np.isfinite(float(law.log_prob(low)))
    assert np.isfinite(float(law.log_prob(high)))


def test_a_density_near_an_end_integrates_to_one_and_agrees_with_its_samples(key) -> None:
    flow = d.Transformed(d.Normal(jnp.array([-12.0]), 3.0), b.Sigmoid((1,)))
    # In the logarithm of the place, where the density is smooth.
    places = np.linspace(-87.0, -1e-3, 20001)
    x = np.exp(places)
    density = np.exp(np.asarray(flow.log_prob(x[:, None]), float) + places)
    assert np.trapezoid(density, places) == pytest.approx(1.0, abs=1e-2)
    draws, log_prob = flow.sample_and_log_prob(key, (2000,))
    np.testing.assert_allclose(flow.log_prob(draws), log_prob, rtol=1e-4)


def test_logit_is_right_next_to_zero() -> None:
    assert float(b.Logit().forward(1e-20)) == pytest.approx(math.log(1e-20), rel=1e-6)


@pytest.mark.parametrize(
    "map_", [b.Logit(), b.Log(), b.Inverse(b.Softplus()), b.Power(1.7), b.Square(), b.Inverse(b.Tanh())]
)
@pytest.mark.parametrize("x", [-1.0, 0.0, 1e-45, 1.2e-38, 1e-30, 0.5, 1.0, 2.0])
def test_gradients_near_an_end_are_finite(map_, x: float) -> None:
    def log_prob(x):
        z, log_det = map_.forward_and_log_det(x)
        return jnp.where(jnp.isfinite(log_det), log_det, 0.0) - 0.5 * jnp.minimum(z, 100.0) ** 2

    assert np.isfinite(float(jax.grad(log_prob)(jnp.float32(x))))
