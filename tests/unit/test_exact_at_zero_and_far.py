"""Slopes at exact zeros and knees, numbers far out, laws with impossible values: right values from closed forms."""

import equinox as eqx
import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from pushforward import flows
from pushforward.bijections import (
    CircularShift,
    Householder,
    Inverse,
    LeakyTanh,
    LongTails,
    Mobius,
    NormalQuantile,
    QuadraticSpline,
    Radial,
    Tanh,
)
from pushforward.bijections.elementwise._piece import unit
from pushforward.distributions import (
    Autoregression,
    Bernoulli,
    Categorical,
    Normal,
    OneHotCategorical,
    StudentT,
    Transformed,
)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("x", [0.0, 1.0, -1.0, 4.0, -4.0])
@pytest.mark.parametrize(
    "bijection", [Tanh(), LeakyTanh(), NormalQuantile(), LongTails(), LongTails(knee=0.0)], ids=lambda b: repr(b)[:24]
)
def test_the_slope_is_that_of_the_log_det_at_zeros_and_knees(bijection, x):
    for method in (bijection.forward, bijection.inverse):
        if isinstance(bijection, Tanh) and method == bijection.inverse and abs(x) >= 1:
            continue
        log_det = getattr(bijection, f"{method.__name__}_and_log_det")(x)[1]
        np.testing.assert_allclose(jax.grad(method)(x), jnp.exp(log_det), rtol=1e-9)


def test_the_score_behind_an_inverse_is_right_at_zero():
    """By hand: atanh'(0) = 1; 2 phi(0) / (Phi(0) Phi(0)) over 2 is the slope of the normal's log-odds there."""
    slope = float(mpmath.npdf(0) / (mpmath.ncdf(0) * (1 - mpmath.ncdf(0))))
    for bijection, right in ((Tanh(), 1.0), (LeakyTanh(), 1.0), (NormalQuantile(), slope)):
        flow = Transformed(Normal(1.0, 1.0), bijection)
        np.testing.assert_allclose(jax.grad(flow.log_prob)(0.0), right, rtol=1e-5)


@pytest.mark.parametrize("place", [-1e-6, 0.0, 0.3, 1.0, 1.000001])
def test_a_place_that_rounding_put_outside_of_its_bin_keeps_its_slope(place):
    value, slope = jax.value_and_grad(unit)(place)
    assert value == np.float32(min(max(place, 0.0), 1.0))
    assert slope == 1.0


def test_a_quadratic_spline_has_its_slope_up_to_the_last_number(key):
    spline = QuadraticSpline()
    raw = jax.random.normal(key, spline.slopes_raw.shape)
    for one in (spline, eqx.tree_at(lambda s: s.slopes_raw, spline, raw)):
        for x in (np.nextafter(np.float32(5), np.float32(0)), np.nextafter(np.float32(-5), np.float32(0))):
            for method in ("forward", "inverse"):
                log_det = getattr(one, f"{method}_and_log_det")(x)[1]
                np.testing.assert_allclose(jax.grad(getattr(one, method))(x), jnp.exp(log_det), rtol=2e-3)


@pytest.mark.parametrize("size", [1e20, 1e30])
def test_radial_maps_keep_the_density_of_their_base_far_out(size, key):
    """They start as the identity; a density is -inf where the base's is."""
    x = jnp.full(2, size)
    base = StudentT(3.0, jnp.zeros(2))
    for radial in (Radial(2, key=key), Inverse(Radial(2, key=key))):
        np.testing.assert_allclose(Transformed(base, radial).log_prob(x), base.log_prob(x), rtol=1e-5)
        np.testing.assert_allclose(radial.forward(x), x, rtol=1e-6)
    flow = flows.radial(2, key=key)
    assert flow.log_prob(x) == -jnp.inf
    assert not jnp.any(jnp.isnan(jax.grad(flow.log_prob)(x)))


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("raws", [(0.7, -2.0), (-3.0, 5.0), (0.0, 0.0)])
def test_radial_maps_against_autodiff_and_back(raws, key):
    radial = eqx.tree_at(lambda r: (r.alpha_raw, r.gain_raw), Radial(3, key=key), tuple(map(jnp.asarray, raws)))
    for x in (jnp.asarray([0.3, -2.0, 1.0]), radial.centre, radial.centre + 1e-9, 1e6 * jnp.ones(3)):
        y, log_det = radial.forward_and_log_det(x)
        np.testing.assert_allclose(jnp.linalg.slogdet(jax.jacobian(radial.forward)(x))[1], log_det, atol=1e-9)
        back, back_det = radial.inverse_and_log_det(y)
        np.testing.assert_allclose(back, x, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(back_det, -log_det, atol=1e-8)


@pytest.mark.parametrize("size", [3e19, 1e20, 1e30])
def test_the_gradient_of_a_made_is_finite_far_out(size, key):
    for law in (Autoregression(2, num_orders=1, key=key), Autoregression(2, law="mixture", key=key)):
        assert jnp.all(jnp.isfinite(jax.grad(law.log_prob)(jnp.full(2, size))))
        of_all = eqx.filter_grad(lambda law: law.log_prob(jnp.full(2, size)))(law)
        assert all(jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(of_all))


@pytest.mark.parametrize("angle", [1e7, 1e8, 1e12, 1e30, -1e30])
@pytest.mark.parametrize("bijection", [CircularShift(0.0), CircularShift(3.0), Mobius(3)])
def test_angles_of_any_size_end_on_the_circle(bijection, angle):
    for method in (bijection.forward, bijection.inverse):
        assert abs(method(angle)) <= np.float32(np.pi)


def test_angles_of_many_turns_keep_what_float32_knows():
    """The float itself is exact: its rest is that of mpmath's sine and cosine."""
    angles = np.random.default_rng(0).uniform(-4e5, 4e5, 200).astype(np.float32)
    right = [float(mpmath.atan2(mpmath.sin(a), mpmath.cos(a))) for a in map(mpmath.mpf, angles.tolist())]
    found = jax.vmap(CircularShift(0.0).forward)(angles)
    np.testing.assert_allclose(np.exp(1j * np.asarray(found)), np.exp(1j * np.asarray(right)), atol=1e-5)


@pytest.mark.usefixtures("x64")
def test_reflections_by_vectors_of_any_length(key):
    reflections = Householder(3, key=key)
    vectors = jnp.asarray([[1.0, 2.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [1.0, 2.0, 3.0]])

    def of(vectors):
        return eqx.tree_at(lambda h: h.vectors, reflections, vectors)

    x = jnp.asarray([0.5, -1.0, 2.0])
    right = x
    for v in np.asarray(vectors):
        right = right - 2 * v * (v @ right) / (v @ v)
    for scale in (1e-200, 1.0, 1e200):
        np.testing.assert_allclose(of(scale * vectors).forward(x), right, rtol=1e-12)
    zero = jnp.zeros_like(vectors)
    np.testing.assert_array_equal(of(zero).forward(x), x)
    assert jnp.all(jnp.isfinite(jax.grad(lambda v: jnp.sum(of(v).forward(x)))(zero)))


def test_without_noise_the_likeliest_category_is_drawn(key):
    logits = jnp.log(jnp.asarray([[0.2, 0.7, 0.1], [0.1, 0.3, 0.6]]))
    drawn = OneHotCategorical(logits).sample(key, 5, temperature=0.0)
    np.testing.assert_array_equal(jnp.argmax(drawn, axis=-1), np.tile([1, 2], (5, 1)))


def test_draws_at_temperature_one_are_those_of_the_law(key):
    law = OneHotCategorical(jnp.asarray([0.5, 2.0, -jnp.inf]))
    np.testing.assert_array_equal(law.sample(key, 500, temperature=1.0), law.sample(key, 500))
    shares = jnp.mean(law.sample(key, 4000), axis=0)
    np.testing.assert_allclose(shares, [1 / (1 + np.e**1.5), 1 / (1 + np.e**-1.5), 0], atol=0.03)


@pytest.mark.parametrize("law", [Normal(jnp.zeros(2), 1.0), Bernoulli(jnp.zeros(2)), OneHotCategorical(jnp.zeros(3))])
@pytest.mark.parametrize("temperature", [-1.0, float("nan")])
def test_noise_of_a_negative_scale_is_refused(law, temperature, key):
    with pytest.raises(ValueError, match="temperature"):
        law.sample(key, 3, temperature=temperature)


@pytest.mark.parametrize("spread", [0.2, 3.0, 1e-9])
def test_the_variance_of_sharp_categories_does_not_cancel(spread):
    codes = np.arange(256)
    shares = np.exp(-0.5 * ((codes - 200) / spread) ** 2) if spread > 1e-3 else np.where(codes == 250, 1.0, 1e-9)
    shares = shares + 1e-30
    shares = shares / shares.sum()
    mean = shares @ codes
    right = shares @ (codes - mean) ** 2
    found = Categorical(jnp.log(jnp.asarray(shares, jnp.float32))).variance()
    np.testing.assert_allclose(found, right, rtol=1e-4, atol=1e-9)


def test_the_variance_of_many_categories():
    np.testing.assert_allclose(Categorical(jnp.zeros(65536)).variance(), (65536**2 - 1) / 12, rtol=1e-5)


def test_the_entropy_of_what_cannot_be():
    log_2 = np.log(2.0)
    np.testing.assert_allclose(Categorical(jnp.asarray([0.0, 0.0, -jnp.inf])).entropy(), log_2, rtol=1e-6)
    np.testing.assert_allclose(Bernoulli(jnp.asarray([jnp.inf, 0.0, -jnp.inf])).entropy(), log_2, rtol=1e-6)
    gradient = jax.grad(lambda logits: Categorical(logits).entropy())(jnp.asarray([0.0, 1.0, -jnp.inf]))
    assert jnp.all(jnp.isfinite(gradient[:2]))
