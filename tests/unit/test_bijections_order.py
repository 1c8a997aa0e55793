"""Autoregressive layers in another order, or along a graph."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cases import perturb
from pushforward.bijections import Affine, Autoregressive, fill


def random_graph(dim: int, seed: int) -> np.ndarray:
    """A graph of `dim` coordinates in a random order, each with about a third of those before it."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(dim)
    below = np.tril(rng.random((dim, dim)) < 0.35, -1)
    adjacency = np.zeros((dim, dim), dtype=bool)
    adjacency[np.ix_(order, order)] = below
    return adjacency


def layer(dim, key, **options):
    return perturb(Autoregressive(Affine(), dim, activation="tanh", key=key, **options), 0.7)


@pytest.mark.usefixtures("x64")
def test_the_jacobian_has_exactly_the_sparsity_of_the_graph(key):
    adjacency, dim = random_graph(12, 0), 12
    made = layer(dim, key, width=24, adjacency=adjacency)
    x = jax.random.normal(key, (5, dim))
    jacobian = np.abs(jax.jit(jax.vmap(jax.jacrev(made.inverse)))(x)).max(axis=0)
    np.testing.assert_array_equal(jacobian > 0, adjacency | np.eye(dim, dtype=bool))


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(("dim", "depth", "cond_dim"), [(6, 1, 2), (30, 2, None)])
def test_the_sequential_direction_of_a_graph_agrees_with_one_pass_per_coordinate(dim, depth, cond_dim, key):
    made = layer(dim, key, width=40, depth=depth, cond_dim=cond_dim, adjacency=random_graph(dim, 1))
    z = jax.random.normal(key, (dim, 4))
    condition = None if cond_dim is None else jax.random.normal(key, (cond_dim, 4))
    x, log_det = jax.jit(lambda: made._forward_many(z, condition, None))()

    @jax.jit
    def one_pass(known):
        filled = fill(made.inner, made.net(made._in_order(known), condition))
        return made._as_given(filled._forward_pointwise(made._in_order(z))[0])

    expected = jnp.zeros_like(z)
    for _ in range(dim):
        expected = one_pass(expected)
    np.testing.assert_allclose(x, expected, rtol=1e-9, atol=1e-9)
    back, log_det_back = jax.jit(lambda: made._inverse_many(x, condition, None))()
    np.testing.assert_allclose(back, z, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(log_det_back, -log_det, rtol=1e-9, atol=1e-9)


def test_a_graph_takes_one_step_for_each_level(key):
    star = np.zeros((50, 50), bool)
    star[1:, 0] = True
    assert Autoregressive(Affine(), 50, adjacency=star, key=key).net.steps == [(0, 1), (1, 50)]


def test_a_graph_without_links_maps_each_coordinate_by_itself(key):
    made = layer(5, key, width=4, cond_dim=1, adjacency=np.eye(5))
    x = jax.random.normal(key, (5,))
    by_x, by_condition = jax.jit(jax.jacrev(made.inverse, argnums=(0, 1)))(x, jnp.ones(1))
    np.testing.assert_array_equal(by_x != 0, np.eye(5, dtype=bool))
    assert np.all(by_condition != 0)


def test_an_order_decides_who_comes_first(key):
    made = layer(3, key, width=12, order=[2, 0, 1])
    jacobian = np.asarray(jax.jit(jax.jacrev(made.inverse))(jnp.array([0.3, -0.5, 0.2])))
    np.testing.assert_array_equal(jacobian != 0, [[True, False, True], [True, True, True], [False, False, True]])


def test_a_random_order_is_drawn_from_the_key():
    orders = {
        tuple(np.asarray(Autoregressive(Affine(), 6, order="random", width=4, key=jax.random.key(i)).order).tolist())
        for i in range(3)
    }
    assert len(orders) > 1
    assert all(sorted(order) == list(range(6)) for order in orders)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"adjacency": [[0, 1, 0], [0, 0, 1], [1, 0, 0]]}, "a cycle: 0 depends on 1, 1 depends on 2, 2 depends on 0"),
        ({"adjacency": [[0, 0, 0], [0, 0, 1], [1, 1, 0]]}, "a cycle: 1 depends on 2, 2 depends on 1"),
        ({"adjacency": [[0, 1], [0, 0]]}, r"must have shape \(3, 3\), got \(2, 2\)"),
        ({"adjacency": np.eye(3), "order": [0, 1, 2]}, "give `order` or `adjacency`"),
        ({"adjacency": np.tril(np.ones((3, 3)), -1), "width": 1}, "`width` must be at least 2"),
        ({"order": [0, 1, 1]}, r"each of 0 .. 2 once, got \[0, 1, 1\]"),
        ({"order": "sorted"}, "unknown order 'sorted'"),
    ],
)
def test_a_wrong_order_is_told(options, message, key):
    with pytest.raises(ValueError, match=message):
        Autoregressive(Affine(), 3, key=key, **options)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("dim", [5, 11])
def test_angles_are_solved_in_order_like_other_coordinates(dim, key):
    made = perturb(Autoregressive(Affine(), dim, width=20, circular=True, key=key), 0.5)
    z = jax.random.normal(key, (dim, 4))
    x, _ = jax.jit(lambda: made._forward_many(z, None, None))()
    back, seen, turned = jax.jit(
        lambda: (made._inverse_many(x, None, None)[0], made.net(x, None), made.net(x + 2 * jnp.pi, None))
    )()
    np.testing.assert_allclose(back, z, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(turned, seen, rtol=1e-8, atol=1e-8)
