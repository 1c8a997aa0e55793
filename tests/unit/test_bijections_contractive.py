"""Contractive layers: estimates in the mean, exact without a key, and how their inverse is reached."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cases import perturb
from pushforward._errors import PushforwardError
from pushforward.bijections import Contractive, Inverse
from pushforward.bijections.residual import _contractive as module
from pushforward.distributions import Normal, Transformed


def layer(key, coeff=0.7):
    """With slopes near the bound, where estimates are hard and the iteration is slow."""
    make = jax.jit(lambda k: Contractive(3, width=8, depth=1, coeff=coeff, key=k))
    return perturb(make(key), 3.0)


@pytest.mark.usefixtures("x64")
def test_the_mean_of_estimates_is_exact(key):
    case, x = layer(key), 0.1 * jnp.ones((3, 1))

    def log_det(k):
        return case._inverse_many(x, None, k)[1][0]

    exact, draws = jax.jit(lambda keys: (log_det(None), jax.vmap(log_det)(keys)))(jax.random.split(key, 10_000))
    assert abs(exact) > 0.1
    assert abs(draws.mean() - exact) < 4 * draws.std() / 100


@pytest.mark.usefixtures("x64")
def test_a_training_step_follows_the_exact_gradient_in_the_mean(key):
    """Gradients for all weights, over many rows at once: each has its own noise and number of terms."""
    case, x = layer(key), 0.1 * jnp.ones((3, 20_000))

    def mean_log_det(case, k):
        return jnp.mean(case._inverse_many(x if k is not None else x[:, :1], None, k)[1])

    estimate, exact = jax.jit(lambda c, k: [jax.grad(mean_log_det)(c, given) for given in (k, None)])(case, key)
    for a, b in zip(jax.tree.leaves(estimate), jax.tree.leaves(exact), strict=True):
        np.testing.assert_allclose(a, b, atol=0.05 * max(1e-3, float(jnp.max(jnp.abs(b)))))


def test_a_sample_carries_its_exact_density_with_a_key_too(key):
    case, z = layer(key), jax.random.normal(key, (3,))

    @jax.jit
    def both(z):
        x, log_det = case.forward_and_log_det(z, key=key)
        return log_det, case.inverse_and_log_det(x)[1]

    log_det, back = both(z)
    np.testing.assert_allclose(log_det, -back, atol=1e-5)


def test_many_dimensions_use_fixed_noise_and_say_so(key, monkeypatch):
    case, x = layer(key), jax.random.normal(key, (3, 400))
    assert case.exact
    _, exact = jax.jit(lambda: case._inverse_many(x, None, None))()
    monkeypatch.setattr(module, "EXACT_UP_TO", 2)
    assert not case.exact
    (_, first), (_, again) = (jax.jit(lambda: case._inverse_many(x, None, None))() for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert 1e-4 < abs(jnp.mean(first - exact)) < 0.1


@pytest.mark.usefixtures("x64")
def test_the_iteration_is_reported_and_keeps_its_rate(key):
    case = layer(key, coeff=0.95)
    z = jnp.array([0.3, -0.2, 1.0])
    found, back = jax.jit(lambda c: ((s := c.solution(z)), c.inverse(s.x)))(case)
    np.testing.assert_allclose(back, z, atol=1e-12)
    assert 1 < found.steps <= case._max_steps
    assert 0.01 < found.rate < 0.95
    assert found.residual < 1e-14


def test_a_point_that_is_not_finite_gives_nan_and_spares_the_others(key):
    z = jnp.zeros((3, 3)).at[0, 0].set(jnp.nan).at[1, 1].set(jnp.inf)
    x, _ = jax.jit(lambda c, z: c._forward_many(z, None, None))(layer(key), z)
    assert np.all(np.isnan(x[:, :2]))
    assert np.all(np.isfinite(x[:, 2]))


def test_a_fixed_point_that_is_not_reached_is_an_error_that_names_the_worst(key, monkeypatch):
    monkeypatch.setattr(Contractive, "_max_steps", property(lambda self: 3))
    far = jnp.array([[0.0, 0.0, 0.0], [1.0, -1.0, 2.0]])
    there, back = (Transformed(Normal.standard((3,)), case) for case in (layer(key), Inverse(layer(key))))
    for name, call in (
        ("Contractive.forward", lambda: layer(key).forward(far[1])),
        ("sample", lambda: there.sample(key, 4)),
        ("log_prob", lambda: back.log_prob(far)),
    ):
        with pytest.raises(PushforwardError, match=rf"{name}: no root .* The worst is point \d, \[.*missed by 0\.\d"):
            call()


@pytest.mark.usefixtures("x64")
def test_gradients_of_samples_are_implicit_ones_to_second_order(key):
    case, z = layer(key), jnp.array([0.3, -0.2, 1.0])

    def first(v):
        return jax.grad(lambda c, u: jnp.sum(jnp.sin(c.forward(u))), argnums=1)(case, v)

    def differences(v):
        return jax.vmap(lambda e: (first(v + 1e-5 * e) - first(v - 1e-5 * e)) / 2e-5)(jnp.eye(3))

    second, expected = jax.jit(lambda v: (jax.jacfwd(first)(v), differences(v)))(z)
    np.testing.assert_allclose(second, expected, atol=1e-8)

    def moved(by):
        bias = case.net.biases[0].at[1].add(by)
        return jnp.sum(jnp.sin(eqx.tree_at(lambda c: c.net.biases[0], case, bias).forward(z)))

    slope, above, below = jax.jit(lambda: (jax.grad(moved)(0.0), moved(1e-6), moved(-1e-6)))()
    np.testing.assert_allclose(slope, (above - below) / 2e-6, atol=1e-8)


def test_bad_options_say_what_is_legal(key):
    with pytest.raises(ValueError, match="did you mean 'roulette'"):
        Contractive(3, log_det="rulette", key=key)
    with pytest.raises(ValueError, match="`num_terms` must be at least 1"):
        Contractive(3, num_terms=0, key=key)
