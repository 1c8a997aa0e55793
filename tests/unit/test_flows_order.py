"""Recipes that take an order or a graph, and ensembles over orders."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cases import perturb
from pushforward import flows
from pushforward.bijections import Permute

SMALL = {"width": 8, "depth": 1, "activation": "tanh"}


def jacobian_of_inverse(flow, dim, key) -> np.ndarray:
    x = jax.random.normal(key, (4, dim))
    return np.abs(jax.jit(jax.vmap(jax.jacrev(flow.bijection.inverse)))(x)).max(axis=0)


def test_a_permutation_is_the_order_of_the_layer_next_to_the_data(key):
    flow = perturb(flows.maf(4, num_layers=1, order=[2, 0, 3, 1], key=key, **SMALL), 0.7)
    permute = flow.bijection.bijections[-1].bijections[-1]
    assert isinstance(permute, Permute)
    jacobian = jacobian_of_inverse(flow, 4, key)
    # In the order given, column k depends on the columns before it; rows stand in the order of the latents.
    seen = np.sort((jacobian[:, [2, 0, 3, 1]] > 0).sum(axis=1))
    np.testing.assert_array_equal(seen, [1, 2, 3, 4])
    assert np.all(np.diff((jacobian[:, [2, 0, 3, 1]] > 0).sum(axis=0)) == -1)


@pytest.mark.parametrize(("recipe", "num_layers"), [(flows.maf, 2), (flows.nsf_autoregressive, 1)])
def test_a_flow_along_a_graph_keeps_its_sparsity(recipe, num_layers, key):
    adjacency = np.array([[0, 0, 0], [1, 0, 0], [0, 0, 0]])
    flow = perturb(recipe(3, num_layers=num_layers, adjacency=adjacency, key=key, **SMALL), 0.7)
    np.testing.assert_array_equal(jacobian_of_inverse(flow, 3, key) > 0, adjacency + np.eye(3) > 0)


def test_several_layers_refuse_a_graph_to_which_they_would_add_links(key):
    line = [[0, 0, 0], [1, 0, 0], [0, 1, 0]]
    flows.maf(3, num_layers=1, adjacency=line, key=key, **SMALL)
    with pytest.raises(ValueError, match="2 depends on 0 through 1"):
        flows.maf(3, num_layers=2, adjacency=line, key=key, **SMALL)


def test_random_orders_differ_between_layers_and_go_back(key):
    flow = perturb(flows.maf(5, num_layers=2, order="random", key=key, **SMALL), 0.3)
    orders = [leaf for leaf in jax.tree.leaves(flow) if leaf.shape == (5,) and set(leaf.tolist()) == set(range(5))]
    assert len({tuple(order.tolist()) for order in orders}) > 1
    x, log_prob = flow.sample_and_log_prob(key, 6)
    np.testing.assert_allclose(flow.log_prob(x), log_prob, atol=1e-3)


def test_an_ensemble_over_orders_averages_densities(key):
    ensemble = perturb(flows.maf_orders(3, num_orders=3, num_layers=1, key=key, **SMALL), 0.5)
    x = jax.random.normal(key, (6, 3))
    each = jnp.stack([component.log_prob(x) for component in ensemble.components])
    assert np.std(each, axis=0).min() > 1e-3
    weights = jax.nn.softmax(ensemble.logits)
    np.testing.assert_allclose(ensemble.log_prob(x), np.log(weights @ np.exp(each)), rtol=1e-4)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda k: flows.maf(3, order="sorted", key=k), "unknown order 'sorted'"),
        (lambda k: flows.maf(3, order=(0, 1), key=k), "3|order"),
        (lambda k: flows.maf(2, adjacency=[[0, 1], [1, 0]], key=k), "a cycle: 0 depends on 1, 1 depends on 0"),
        (lambda k: flows.maf_orders(3, num_orders=0, key=k), "at least 1, got 0"),
    ],
)
def test_what_cannot_be_is_refused(build, message, key):
    with pytest.raises(ValueError, match=message):
        build(key)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"order": (0, 0, 1)}, r"hold each of 0 \.\. 2 once, got \(0, 0, 1\)"),
        ({"order": (1, 2, 3)}, "number the columns from 0 on"),
        ({"order": (0, 1)}, "hold each of"),
        ({"order": "random", "adjacency": np.zeros((3, 3), int)}, "a graph has an order of its own"),
        ({"cond_dim": -1}, "`cond_dim` must be at least 1"),
        ({"num_layers": 1.5}, "`num_layers` must be a whole number, got 1.5"),
    ],
)
def test_what_is_no_order_or_no_number_is_refused(options, words, key):
    with pytest.raises(ValueError, match=words):
        flows.maf(3, **options, key=key)


def test_arrays_are_orders_and_graphs_too(key):
    small = {"num_layers": 1, "width": 8, "depth": 1, "key": key}
    for order in (np.array([2, 0, 1]), jnp.array([2, 0, 1])):
        flow = flows.maf(np.int64(3), order=order, **small)
        assert flow.log_prob(jnp.ones(3)) == flows.maf(3, order=(2, 0, 1), **small).log_prob(jnp.ones(3))
    assert flows.maf(3, adjacency=jnp.zeros((3, 3), int), **small).event_shape == (3,)
