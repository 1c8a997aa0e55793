"""The sequential direction of autoregressive layers: the naive loop is the reference."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cases import INNERS, perturb
from pushforward.bijections import Affine, Autoregressive, Inverse
from pushforward.bijections.autoregressive import _blocked as blocked


def layer(dim, key, *, inner=Affine, cond_dim=None, width=16, depth=2):
    return perturb(Autoregressive(inner(), dim, width=width, depth=depth, cond_dim=cond_dim, key=key), 0.5)


def one_pass_per_coordinate(layer, z, condition):
    """The loop that other libraries run: `dim` passes, each fixing one more coordinate."""
    x = jnp.zeros_like(z)
    for _ in range(layer.net.dim):
        raw = layer.net(x, condition)
        from pushforward.bijections import fill

        x, log_slope = fill(layer.inner, raw)._forward_pointwise(z)
    return x, jnp.sum(log_slope, axis=0)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("width", [7, 16, 40])
@pytest.mark.parametrize("dim", [1, 2, 8, 9, 12, 23])
@pytest.mark.parametrize("cond_dim", [None, 2])
def test_it_agrees_with_one_pass_per_coordinate(dim, width, cond_dim, key):
    case = layer(dim, key, cond_dim=cond_dim, width=width)
    z = jax.random.normal(key, (dim, 5))
    condition = None if cond_dim is None else jax.random.normal(key, (cond_dim, 5))
    x, log_det = jax.jit(lambda c: c._forward_many(z, condition, None))(case)
    expected, expected_log_det = one_pass_per_coordinate(case, z, condition)
    np.testing.assert_allclose(x, expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(log_det, expected_log_det, rtol=1e-9, atol=1e-9)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("depth", [1, 3])
def test_it_agrees_at_other_depths(depth, key):
    case = layer(11, key, depth=depth)
    z = jax.random.normal(key, (11, 5))
    x, _ = case._forward_many(z, None, None)
    np.testing.assert_allclose(x, one_pass_per_coordinate(case, z, None)[0], rtol=1e-9, atol=1e-9)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", ["rqs_inverted", "numerical"])
def test_it_works_with_any_inner_map(name, key):
    case = layer(10, key, inner=INNERS[name])
    z = jax.random.normal(key, (10, 4))
    x, _ = case._forward_many(z, None, None)
    np.testing.assert_allclose(case._inverse_many(x, None, None)[0], z, rtol=1e-8, atol=1e-8)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("dim", [4, 10])
def test_every_transformation_of_jax_agrees(dim, key):
    case = layer(dim, key)
    z = jax.random.normal(key, (3, dim))
    forward = jax.vmap(jax.jacfwd(case.forward))(z)
    np.testing.assert_allclose(jax.vmap(jax.jacrev(case.forward))(z), forward, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(jax.jit(jax.vmap(jax.jacrev(case.forward)))(z), forward, rtol=1e-9, atol=1e-9)

    def batched(x):
        return jnp.sum(jnp.sin(case._forward_many(x.T, None, None)[0]))

    def single(x):
        return jnp.sum(jnp.sin(case.forward(x)))

    np.testing.assert_allclose(jax.grad(batched)(z), jax.vmap(jax.grad(single))(z), rtol=1e-9, atol=1e-9)


@pytest.mark.usefixtures("x64")
def test_gradients_for_the_weights_match_the_density_direction(key):
    """x(z; w) solves z = inverse(x; w), so d log p / dw by either route must agree."""
    case = layer(10, key)
    z = jax.random.normal(key, (10, 4))
    through_loop = jax.grad(lambda c: jnp.sum(c._forward_many(z, None, None)[0] ** 2))(case)
    x = case._forward_many(z, None, None)[0]
    jacobian = jax.vmap(jax.jacrev(case.inverse), in_axes=-1, out_axes=-1)(x)
    adjoint = jnp.stack([jnp.linalg.solve(jacobian[..., i].T, 2 * x[:, i]) for i in range(4)], axis=-1)
    implicit = jax.grad(lambda c: -jnp.sum(c._inverse_many(x, None, None)[0] * adjoint))(case)
    for a, b in zip(jax.tree.leaves(through_loop), jax.tree.leaves(implicit), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)


def test_the_program_does_not_grow_with_the_dimension(key):
    """Compile time is flat in D: the loop's body is compiled once."""

    def size(dim):
        case = Autoregressive(Affine(), dim, width=64, key=key)
        lowered = jax.jit(lambda c, z: c._forward_many(z, None, None)).lower(case, jnp.zeros((dim, 8)))
        return lowered.as_text().count("\n")

    assert size(200) < 1.1 * size(blocked.UNROLL_UP_TO + 4)


def test_density_of_the_inverted_layer_takes_the_same_loop(key):
    turned = Inverse(layer(10, key))
    z = jax.random.normal(key, (10,))
    x, log_det = turned.forward_and_log_det(z)
    back, log_det_back = turned.inverse_and_log_det(x)
    np.testing.assert_allclose(back, z, atol=1e-4)
    np.testing.assert_allclose(log_det, -log_det_back, atol=1e-4)
