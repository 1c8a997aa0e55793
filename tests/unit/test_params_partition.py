"""Which arrays are trained: `partition`, `trainable`, `frozen`, and buffers that no gradient reaches."""

import types

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import pushforward as pf
from cases import CASES
from pushforward._params import trainable_mask
from pushforward.bijections import HMC, Affine, Chain, Scale, Standardize
from pushforward.distributions import Bridge, Normal, Transformed

ROWS = 3.0 + 2.0 * jax.random.normal(jax.random.key(0), (64, 2))


def standardized(key):
    maps = [pf.flows.maf(2, num_layers=1, width=4, key=key).bijection, Standardize(jnp.ones(2), 2.0)]
    return Transformed(Normal(jnp.zeros(2)), Chain(maps))


def nll(flow):
    return -jnp.mean(flow.log_prob(ROWS))


def leaves(tree):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


def test_parts_join_to_the_flow_again(key):
    flow = standardized(key)
    params, rest = pf.partition(flow)
    joined = eqx.combine(params, rest)
    assert jax.tree.structure(joined) == jax.tree.structure(flow)
    assert all(np.array_equal(a, b) for a, b in zip(leaves(joined), leaves(flow), strict=True))
    standardize = params.bijection.bijections[1]
    assert (standardize.loc, standardize.scale) == (None, None)


def test_frozen_parts_are_in_the_rest(key):
    params, rest = pf.partition(standardized(key), frozen=lambda flow: (flow.base, flow.bijection.bijections[0]))
    assert leaves(params) == []
    assert leaves(rest.base)


def test_one_array_can_be_frozen():
    flow = Transformed(Normal(jnp.zeros(2)), Affine(jnp.zeros(2), 1.0))
    mask = pf.trainable(flow, frozen=lambda flow: flow.bijection.loc)
    assert (mask.bijection.loc, mask.bijection.scale_raw, mask.base.loc) == (False, True, True)


@pytest.mark.parametrize("frozen", [lambda flow: 3.0, lambda flow: jnp.zeros(2)])
def test_what_is_no_part_of_the_flow_cannot_be_frozen(frozen, key):
    with pytest.raises(ValueError, match="must return parts or arrays of the flow"):
        pf.partition(standardized(key), frozen=frozen)


def test_the_mask_is_what_optax_takes(key):
    flow = standardized(key)
    optimizer = optax.chain(
        optax.adam(0.1), optax.masked(optax.set_to_zero(), lambda f: jax.tree.map(lambda m: not m, pf.trainable(f)))
    )
    updates, _ = optimizer.update(jax.tree.map(jnp.ones_like, flow), optimizer.init(flow), flow)
    assert not np.any(updates.bijection.bijections[1].loc)
    assert np.any(updates.base.loc)


def test_fit_leaves_frozen_parts_as_they_are(key):
    flow = standardized(key)
    fitted = pf.fit(flow, ROWS, frozen=lambda f: f.base, max_epochs=2, key=key, progress=False).flow
    assert all(np.array_equal(a, b) for a, b in zip(leaves(flow.base), leaves(fitted.base), strict=True))
    assert not np.array_equal(leaves(flow.bijection)[0], leaves(fitted.bijection)[0])


def test_fit_with_everything_frozen_says_so(key):
    with pytest.raises(ValueError, match="nothing to train"):
        pf.fit(standardized(key), ROWS, frozen=lambda flow: flow, key=key, progress=False)


def test_the_standard_idiom_of_equinox_leaves_buffers_alone(key):
    flow = standardized(key)
    before = leaves(flow.bijection.bijections[1])
    optimizer = optax.adam(0.1)
    state = optimizer.init(eqx.filter(flow, eqx.is_inexact_array))
    for _ in range(3):
        updates, state = optimizer.update(eqx.filter_grad(nll)(flow), state)
        flow = eqx.apply_updates(flow, updates)
    assert all(np.array_equal(a, b) for a, b in zip(before, leaves(flow.bijection.bijections[1]), strict=True))
    assert np.any(leaves(flow.base)[0])


BUFFERED = ["standardize", "permute", "actnorm", "chain", "own_autoregressive"]


@pytest.mark.parametrize("name", [name for name in BUFFERED if name in CASES])
@pytest.mark.parametrize("method", ["forward_and_log_det", "inverse_and_log_det"])
def test_no_gradient_reaches_a_buffer(name, method, key):
    bijection = CASES[name].bijection(key)
    x = 0.3 * jax.random.normal(key, bijection.in_shape)
    gradient = jax.grad(lambda b: sum(jnp.sum(out) for out in getattr(b, method)(x)))(bijection)
    trained = jax.tree.leaves(trainable_mask(bijection))
    assert not any(np.any(g) for g, t in zip(leaves(gradient), trained, strict=True) if not t)


def test_no_gradient_reaches_the_densities_of_a_stochastic_layer(key):
    bridge = Bridge(Normal(jnp.zeros(2)), Normal(jnp.ones(2)), 0.5)
    layer = Chain([Scale(jnp.ones(2)), HMC(bridge, num_steps=1)])
    gradient = jax.grad(lambda b: jnp.sum(b.forward_and_log_det(jnp.ones(2), key=key)[1]))(layer)
    assert not any(np.any(leaf) for leaf in leaves(gradient.bijections[1]))
    direct = jax.grad(lambda b: jnp.sum(b.log_prob(jnp.ones(2))))(bridge)
    assert not any(np.any(leaf) for leaf in leaves(direct))


def test_methods_for_users_are_trees_and_those_for_own_use_are_python_methods(key):
    """The first can be given to a transform of JAX; the second would take longer to look up than to run."""
    flow = pf.flows.maf(2, width=8, key=key)
    doubled = jax.tree.map(lambda a: 2.0 * a, flow)
    x = jnp.ones((3, 2))
    assert isinstance(flow.log_prob, eqx.Module)
    np.testing.assert_array_equal(jax.jit(lambda f: f(x))(doubled.log_prob), doubled.log_prob(x))
    assert isinstance(flow._log_prob_many, types.MethodType)
    assert isinstance(flow.bijection._forward_many, types.MethodType)
