"""Every flow takes every float type, and computes in JAX's own: float32, or float64 under `jax_enable_x64`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from pushforward import bijections as b
from pushforward.objectives import Batch

TYPES = ("float16", "bfloat16", "float32", "float64", "int8")
SMALL = {
    "num_blocks": 2,
    "num_flows": 1,
    "num_layers": 2,
    "num_steps": 1,
    "num_levels": 1,
    "width": 4,
    "depth": 1,
    "num_categories": 3,
}


def shapes_of(recipe):
    """A small flow as shapes alone: nothing is drawn or compiled."""
    options = {name: SMALL[name] for name in recipe.options() if name in SMALL}
    if recipe.conditional:
        options["cond_dim"] = 2
    if "patch" in recipe.options():
        options |= {"patch": 2, "num_heads": 2}
    size = (4, 4, 1) if recipe.events == "image" else recipe.example
    return jax.eval_shape(lambda key: recipe.build(size, key=key, **options), jax.random.key(0))


def types_of(tree):
    return {leaf.dtype.name for leaf in jax.tree.leaves(tree)}


@pytest.mark.parametrize("name", pf.flows.RECIPES)
def test_a_flow_of_float32_takes_halves_and_computes_in_float64_under_x64(name, key):
    """The hardest case: three types meet, and loops refuse a carry whose type changes."""
    flow = shapes_of(pf.flows.RECIPES[name])
    x = np.zeros((2, *flow.event_shape), np.float16)
    condition = None if flow.cond_shape is None else np.zeros((2, *flow.cond_shape), jnp.bfloat16)

    def both_ways(flow):
        return flow.log_prob(x, condition, key=key), flow.sample(key, (), condition)

    with jax.enable_x64(True):
        found = jax.eval_shape(both_ways, flow)
    assert types_of(found) == {"float64"}


@pytest.mark.parametrize("x64", [False, True])
@pytest.mark.parametrize("kind", TYPES)
def test_inputs_of_every_type_are_computed_in_jax_s_own(kind, x64):
    """Means, scales and data are small whole numbers, which all types hold; their density has a closed form."""
    with jax.enable_x64(x64):
        own = np.dtype("float64" if x64 else "float32")
        flow = pf.distributions.Transformed(pf.distributions.Normal.standard((2,)), b.Affine(jnp.ones(2), 2.0))
        for x in (np.array([[1, 5]], jnp.dtype(kind)), jnp.array([[1, 5]], None if kind == "float64" else kind)):
            log_prob, (z, log_det) = flow.log_prob(x), flow.bijection.inverse_and_log_det(x[0])
            y, _ = flow.bijection.forward_and_log_det(x[0])
            columns, _ = Batch(x).columns(flow)
            assert types_of((log_prob, z, log_det, y, columns)) == {own.name}
            assert log_prob[0] == pytest.approx(-2.0 - np.log(2 * np.pi) - 2 * np.log(2), rel=1e-6)
            np.testing.assert_allclose(z, [0.0, 2.0], rtol=1e-6)
            np.testing.assert_allclose(y, [3.0, 11.0], rtol=1e-6)


@pytest.mark.parametrize("x64", [False, True])
def test_halves_are_fitted_like_single_numbers(x64, key):
    """The flow of float32 that sylvester is; batches become wide one by one, so the data stay small on the device."""
    x = jax.random.normal(key, (64, 2), jnp.float16)
    flow = pf.flows.sylvester(2, num_layers=2, key=key)
    with jax.enable_x64(x64):
        settings = {"max_epochs": 2, "validation": 0.25, "key": key, "progress": False}
        half, single = (pf.fit(flow, data, **settings) for data in (x, np.asarray(x, np.float32)))
    assert np.isfinite(half.best_loss)
    assert half.best_loss == pytest.approx(single.best_loss, rel=1e-6)
    assert types_of(half.flow) == {"float32"}
