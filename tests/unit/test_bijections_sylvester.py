"""Sylvester maps: three sources of directions, one condition for invertibility, which planar maps have too."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cases import perturb
from pushforward.bijections import Planar, Sylvester


@jax.jit
def there_and_back(layer, x):
    y, log_det = layer._forward_many(x, None, None)
    return log_det, *layer._inverse_many(y, None, None)


@pytest.mark.parametrize("variant", ["householder", "triangular"])
def test_the_other_variants_invert_far_out(variant, key):
    """At 1e3 times the data's scale, where the bends are flat."""
    layer = perturb(Sylvester(4, variant=variant, num_reflections=2, key=key), 1.0)
    x = 1e3 * jax.random.normal(key, (4, 50))
    log_det, back, log_det_back = there_and_back(layer, x)
    np.testing.assert_allclose(back, x, rtol=1e-4)
    np.testing.assert_allclose(log_det, -log_det_back, atol=1e-3)


def test_directions_stay_orthonormal_whatever_the_weights(key):
    layer = perturb(Sylvester(5, num_directions=3, key=key), 3.0)
    q = layer.basis.matrix
    np.testing.assert_allclose(q.T @ q, np.eye(3), atol=1e-6)


def test_a_direction_does_not_jump_when_its_weight_changes_sign(key):
    layer = Sylvester(3, num_directions=1, key=key)
    a, b = (eqx.tree_at(lambda s: s.basis.columns, layer, jnp.array([[v], [1.0], [0.5]])) for v in (1e-4, -1e-4))
    np.testing.assert_allclose(a.basis.matrix, b.basis.matrix, atol=1e-3)


def test_it_is_invertible_at_the_edge_of_its_condition(key):
    """Diagonals at +-1 to rounding: the slope is nearly zero where the bend is steepest."""
    layer = perturb(Sylvester(2, variant="triangular", key=key))
    edge = eqx.tree_at(lambda s: (s.outer, s.inner), layer, (50.0 * jnp.eye(2), -50.0 * jnp.eye(2)))
    y, log_det = edge._forward_many(jnp.zeros((2, 1)) - edge.offset[:, None], None, None)
    back, _ = edge._inverse_many(y, None, None)
    assert np.all(np.isfinite(log_det))
    assert np.all(np.isfinite(back))


def test_planar_maps_of_large_weights_invert_in_float32(key):
    """Where w'u is far below -1, rounding of |w||u| = 200 must not take the slope along w below zero."""
    rng = np.random.default_rng(0)
    start, find_u = Planar(2, key=key), jax.jit(lambda layer: layer._u()[0])
    for _ in range(20):
        w, u = 10 * rng.normal(size=(2, 2)).astype(np.float32)
        layer = eqx.tree_at(lambda p: (p.direction, p.u_raw), start, (jnp.asarray(w), -jnp.sign(w @ u) * u))
        x = 0.03 * rng.normal(size=(2, 64)).astype(np.float32)
        log_det, back, log_det_back = there_and_back(layer, x)
        w, u_hat, x_exact = (np.asarray(a, np.float64) for a in (w, find_u(layer), x))
        slope = 1 + (w @ u_hat) * (1 - np.tanh(w @ x_exact) ** 2)
        assert slope.min() > 0
        np.testing.assert_allclose(log_det, np.log(slope), atol=0.02)
        np.testing.assert_allclose(log_det_back, -log_det, atol=0.02)
        np.testing.assert_allclose(back, x, atol=0.05)


def test_sylvester_maps_of_large_weights_invert_in_float32(key):
    weights = jnp.array([[-10.0, 10.0], [0.0, -10.0]]), jnp.array([[10.0, 10.0], [0.0, 10.0]])
    layer = eqx.tree_at(lambda s: (s.outer, s.inner), Sylvester(2, variant="triangular", key=key), weights)
    x = 0.3 * jax.random.normal(key, (2, 256))
    log_det, back, log_det_back = there_and_back(layer, x)
    np.testing.assert_allclose(log_det_back, -log_det, atol=0.02)
    np.testing.assert_allclose(back, x, atol=0.05)


def test_bad_options_say_what_is_legal(key):
    with pytest.raises(ValueError, match="did you mean 'householder'"):
        Sylvester(3, variant="housholder", key=key)
    with pytest.raises(ValueError, match="from 1 to dim=3, got 4"):
        Sylvester(3, num_directions=4, key=key)
