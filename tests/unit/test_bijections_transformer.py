"""Autoregressive layers over groups, seen through causal attention: the naive loop is the reference."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cases import ATTENTION, INNERS, perturb
from pushforward import flows
from pushforward.bijections import Affine, Inverse, TransformerAutoregressive, fill
from pushforward.nets import CausalTransformer


def layer(dim, key, *, inner=Affine, **options):
    return perturb(TransformerAutoregressive(inner(), dim, key=key, **(ATTENTION | options)), 0.5)


def one_pass_per_group(layer, z, condition):
    """Without a memory: as many passes as groups, each fixing one more group."""
    x = jnp.zeros_like(z)
    for _ in range(layer.net.num_tokens):
        raw = layer.net(layer._grouped(x), condition).reshape(layer.net.num_params, -1, z.shape[-1])[:, : layer.dim]
        x, log_slope = fill(layer.inner, raw)._forward_pointwise(z)
    return x, jnp.sum(log_slope, axis=0)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(("dim", "group_size", "cond_dim"), [(1, 1, 2), (7, 3, None), (9, 1, 2)])
def test_kept_keys_and_values_give_what_a_pass_per_group_gives(dim, group_size, cond_dim, key):
    case = layer(dim, key, group_size=group_size, cond_dim=cond_dim)
    z = jax.random.normal(key, (dim, 5))
    condition = None if cond_dim is None else jax.random.normal(key, (cond_dim, 5))
    x, log_det = jax.jit(lambda c: c._forward_many(z, condition, None))(case)
    expected, expected_log_det = jax.jit(lambda c: one_pass_per_group(c, z, condition))(case)
    np.testing.assert_allclose(x, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(log_det, expected_log_det, rtol=1e-12, atol=1e-12)


@pytest.mark.usefixtures("x64")
def test_a_coordinate_depends_on_itself_and_on_earlier_groups(key):
    jacobian = jax.jit(jax.jacrev(layer(7, key, group_size=3).inverse))(jax.random.normal(key, (7,)))
    group = np.arange(7) // 3
    np.testing.assert_array_equal(jacobian != 0, (group[:, None] > group) | np.eye(7, dtype=bool))


@pytest.mark.usefixtures("x64")
def test_the_condition_reaches_every_coordinate(key):
    case = layer(5, key, group_size=2, cond_dim=2)
    slopes = jax.jit(jax.jacrev(lambda c: case.inverse(jnp.ones(5), c)))(jnp.ones(2))
    assert np.all(np.abs(slopes) > 1e-6)


@pytest.mark.usefixtures("x64")
def test_every_transformation_of_jax_agrees(key):
    case = layer(5, key, group_size=2, depth=1)
    z = jax.random.normal(key, (3, 5))

    def both_modes(z):
        return jax.vmap(jax.jacfwd(case.forward))(z), jax.vmap(jax.jacrev(case.forward))(z)

    def batched_and_single(z):
        many = jax.grad(lambda x: jnp.sum(jnp.sin(case._forward_many(x.T, None, None)[0])))(z)
        return many, jax.vmap(jax.grad(lambda x: jnp.sum(jnp.sin(case.forward(x)))))(z)

    for pair in (both_modes, batched_and_single):
        np.testing.assert_allclose(*jax.jit(pair)(z), rtol=1e-9, atol=1e-9)


@pytest.mark.usefixtures("x64")
def test_gradients_for_the_weights_match_the_density_direction(key):
    """x(z; w) solves z = inverse(x; w), so d x / dw by either route must agree."""
    z = jax.random.normal(key, (5, 4))

    @jax.jit
    def gradients(case):
        x = case._forward_many(z, None, None)[0]
        through_steps = jax.grad(lambda c: jnp.sum(c._forward_many(z, None, None)[0] ** 2))(case)
        jacobian = jax.vmap(jax.jacrev(case.inverse), in_axes=-1)(x)
        adjoint = jnp.linalg.solve(jnp.swapaxes(jacobian, 1, 2), 2 * x.T[..., None])[..., 0].T
        return through_steps, jax.grad(lambda c: -jnp.sum(c._inverse_many(x, None, None)[0] * adjoint))(case)

    through_steps, implicit = gradients(layer(5, key, group_size=2, depth=1))
    for a, b in zip(jax.tree.leaves(through_steps), jax.tree.leaves(implicit), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)


def test_the_program_does_not_grow_with_the_number_of_groups(key):
    def size(dim):
        case = TransformerAutoregressive(Affine(), dim, key=key, **ATTENTION)
        return (
            jax.jit(lambda c, z: c._forward_many(z, None, None)).lower(case, jnp.zeros((dim, 8))).as_text().count("\n")
        )

    assert size(100) < 1.05 * size(3)


@pytest.mark.usefixtures("x64")
def test_a_step_works_with_an_inner_map_that_solves(key):
    case = layer(4, key, inner=lambda: Inverse(INNERS["numerical"]()), group_size=2)
    z = 0.5 * jax.random.normal(key, (4, 3))
    x, _ = jax.jit(lambda c: c._forward_many(z, None, None))(case)
    np.testing.assert_allclose(case._inverse_many(x, None, None)[0], z, rtol=1e-8, atol=1e-8)
    assert case.forward_kind == "iterative"


def test_it_starts_as_its_inner_map(key):
    fresh = TransformerAutoregressive(Affine(0.5, 2.0), 5, group_size=2, key=key, **ATTENTION)
    np.testing.assert_allclose(fresh.forward(jnp.arange(5.0)), 2.0 * np.arange(5.0) + 0.5)


@pytest.mark.parametrize(("dim", "groups"), [(2, 2), (8, 8), (9, 5), (43, 8)])
def test_the_recipe_takes_at_most_eight_groups(dim, groups, key):
    flow = jax.eval_shape(lambda k: flows.tarflow(dim, key=k), key)
    assert flow.bijection.stacked.bijections[0].net.num_tokens == groups


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda k: TransformerAutoregressive(Affine(), 4, group_size=0, key=k), "at most dim=4, got 0"),
        (lambda k: TransformerAutoregressive(Affine(), 4, group_size=5, key=k), "at most dim=4, got 5"),
        (lambda k: TransformerAutoregressive(Affine(jnp.zeros(2)), 4, key=k), "must act on scalars"),
        (lambda k: CausalTransformer(3, 2, 2, width=10, num_heads=4, key=k), "divide `width`, got 4 and 10"),
        (lambda k: CausalTransformer(3, 2, 2, depth=0, key=k), "`depth` must be at least 1, got 0"),
        (lambda k: CausalTransformer(3, 2, 2, activation="geluu", key=k), "did you mean 'gelu'"),
        (lambda k: flows.tarflow(4, num_layers=0, key=k), "at least 1, got 0"),
    ],
)
def test_what_cannot_be_is_refused(build, message, key):
    with pytest.raises(ValueError, match=message):
        build(key)
