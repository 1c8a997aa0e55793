"""The bound on the slope holds whatever is in the weights, and whatever was done to a file."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from cases import perturb
from pushforward._errors import PushforwardError
from pushforward.bijections import Contractive
from pushforward.nets import LIPSCHITZ_ACTIVATIONS, LipschitzMLP, spectral_bound


def slopes(net, key, n=64):
    """The largest singular value of the Jacobian at points near and far."""
    x = jax.random.normal(key, (n, net.in_size)) * jnp.logspace(-2, 4, n)[:, None]
    jacobian = jax.jit(lambda n, x: jax.vmap(jax.jacfwd(lambda v: n(v[:, None])[:, 0]))(x))(net, x)
    return np.linalg.norm(np.asarray(jacobian, np.float64), ord=2, axis=(1, 2))


@pytest.mark.parametrize("shape", [(1, 1), (2, 64), (64, 2), (40, 40)])
def test_the_bound_is_above_the_norm_and_close(shape):
    rng = np.random.default_rng(0)
    for matrix in (rng.normal(size=shape), np.eye(*shape), 1e10 * rng.normal(size=shape), np.ones(shape)):
        ratio = jax.jit(spectral_bound)(jnp.asarray(matrix, jnp.float32)) / np.linalg.norm(matrix, ord=2)
        assert 1 - 1e-5 < ratio < 1.01


@pytest.mark.parametrize("name", LIPSCHITZ_ACTIVATIONS)
def test_activations_have_slopes_up_to_one(name):
    x = jnp.linspace(-30.0, 30.0, 60_001)
    slope = jax.vmap(jax.grad(LIPSCHITZ_ACTIVATIONS[name]))(x)
    assert jnp.max(jnp.abs(slope)) <= 1.0


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3, 1e12])
def test_no_weights_break_the_bound(size, key):
    net = perturb(LipschitzMLP(4, coeff=0.9, width=16, key=key), size)
    assert np.max(slopes(net, key)) <= 0.9 * (1 + 1e-5)


def test_gradients_are_finite_where_the_norm_has_none(key):
    net = jax.tree.map(jnp.zeros_like, LipschitzMLP(3, width=4, key=key))
    gradient = jax.jit(jax.grad(lambda n: jnp.sum(n(jnp.ones((3, 2))))))(net)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(gradient))


def test_weights_edited_in_a_file_do_not_break_the_bound(tmp_path, key):
    layer = perturb(Contractive(3, width=16, coeff=0.8, key=key), 1.0)
    edited = eqx.tree_at(lambda c: c.net.weights, layer, tuple(1e3 * w for w in layer.net.weights))
    pf.save(tmp_path / "layer", edited)
    loaded = pf.load(tmp_path / "layer")
    assert np.max(slopes(loaded.net, key)) <= 0.8 * (1 + 1e-5)
    z = loaded.inverse(jnp.ones(3))
    np.testing.assert_allclose(loaded.forward(z), jnp.ones(3), atol=1e-5)


@pytest.mark.parametrize(("field", "value"), [("coeff", 1.5), ("coeff", float("nan")), ("activation", "exp")])
def test_a_bound_edited_in_a_file_is_refused(field, value, tmp_path, key):
    layer = Contractive(3, width=4, key=key)
    object.__setattr__(layer.net, field, value)
    pf.save(tmp_path / "layer", layer)
    loaded = pf.load(tmp_path / "layer")
    for method in (loaded.inverse, loaded.forward):
        with pytest.raises(PushforwardError, match=r"is no contraction(?s:.*)restore them, or fit the model again"):
            method(jnp.ones(3))


def test_bad_options_say_what_is_legal(key):
    with pytest.raises(ValueError, match="above 0 and below 1"):
        LipschitzMLP(3, coeff=1.0, key=key)
    with pytest.raises(ValueError, match="'relu' is not smooth"):
        LipschitzMLP(3, activation="relu", key=key)
