"""Flows of sound: log-dets against autodiff, round trips, and what does not depend on the length."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from pushforward._errors import DataError
from pushforward.flows import RECIPES
from pushforward.modalities.table._flow import check_flow
from pushforward.testing import perturb

SMALL = {"width": 4, "depth": 2}
FLOWS = {
    "flowavenet": {"num_blocks": 2, "num_flows": 1, "split_every": 1},
    "parallel-wavenet": {"num_flows": 2},
    "waveglow": {"num_flows": 2, "early_every": 1, "group_size": 4},
    "wavenet": {"num_blocks": 2},
}
SOUNDS = [name for name, recipe in RECIPES.items() if recipe.events == "sound"]
LENGTH = 32


def build(name, key, *, length=LENGTH, **options):
    flow = RECIPES[name].build(length, key=key, **SMALL, **FLOWS[name], **options)
    return perturb(flow, 0.2)


def conditions(flow, key, n=None):
    shape = flow.cond_shape
    return None if shape is None else jax.random.normal(key, shape if n is None else (n, *shape))


def test_every_flow_of_sound_is_tried_here():
    assert sorted(SOUNDS) == sorted(FLOWS)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", SOUNDS)
def test_log_det_is_that_of_the_jacobian(name, key):
    flow = build(name, key, cond_dim=(8, 2))
    x, condition = jax.random.normal(key, (LENGTH,)), conditions(flow, key)
    _, log_det = jax.jit(lambda f: f.inverse_and_log_det(x, condition))(flow.bijection)
    jacobian = jax.jit(jax.jacrev(lambda x: flow.bijection.inverse(x, condition)))(x)
    np.testing.assert_allclose(log_det, np.linalg.slogdet(jacobian)[1], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", SOUNDS)
def test_a_round_trip_comes_back(name, key):
    flow = build(name, key, cond_dim=3)
    x, condition = jax.random.normal(key, (5, LENGTH)), conditions(flow, key, 5)
    last = tuple(None if a is None else jnp.moveaxis(a, 0, -1) for a in (x, condition))
    there = jax.jit(lambda f: f._inverse_many(*last, None)[0])(flow.bijection)
    back = jax.jit(lambda f: f._forward_many(there, last[1], None)[0])(flow.bijection)
    np.testing.assert_allclose(back, last[0], atol=1e-4)


@pytest.mark.parametrize("name", SOUNDS)
def test_no_leaf_depends_on_the_length(name, key):
    for cond in (None, 3, lambda length: (length // 4, 2)):
        trees = [
            RECIPES[name].build(
                length, key=key, **SMALL, **FLOWS[name], cond_dim=cond(length) if callable(cond) else cond
            )
            for length in (LENGTH, 4 * LENGTH)
        ]
        short, long = ([leaf.shape for leaf in jax.tree.leaves(tree)] for tree in trees)
        assert short == long


@pytest.mark.parametrize("name", SOUNDS)
def test_every_frame_reaches_its_samples(name, key):
    flow = build(name, key, cond_dim=(8, 2))
    x, condition = jnp.ones(LENGTH), conditions(flow, key)
    slopes = jax.jit(jax.jacrev(lambda c: flow.bijection.inverse(x, c)))(condition)
    sizes = np.abs(slopes).sum(axis=-1)  # (numbers of the base, frames)
    assert (sizes.max(axis=0) > 1e-4).all()


@pytest.mark.parametrize("name", SOUNDS)
def test_far_events_have_finite_gradients(name, key):
    flow = build(name, key)
    for scale in (0.0, 1e4, 1e12):
        x = scale * jax.random.normal(key, (2, LENGTH))
        grads = jax.jit(jax.grad(lambda f, x: jnp.mean(f.log_prob(x)), argnums=(0, 1)))(flow, x)
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(grads))


@pytest.mark.parametrize("name", SOUNDS)
def test_a_saved_flow_is_the_same(name, key, tmp_path):
    flow = build(name, key, cond_dim=(8, 2))
    pf.save(tmp_path / "flow.safetensors", flow)
    loaded = pf.load(tmp_path / "flow.safetensors")
    x, condition = jax.random.normal(key, (3, LENGTH)), conditions(flow, key, 3)
    np.testing.assert_array_equal(loaded.log_prob(x, condition), flow.log_prob(x, condition))


@pytest.mark.parametrize("name", [name for name in SOUNDS if RECIPES[name].multiple_of() > 1])
def test_a_length_that_does_not_fit_is_told_the_nearest(name, key):
    size = RECIPES[name].multiple_of()
    with pytest.raises(ValueError, match=f"multiple of {size}, got {3 * size + 1}.*{3 * size} or {4 * size} samples"):
        RECIPES[name].build(3 * size + 1, key=key)


@pytest.mark.parametrize("cond_dim", [0, (5, 2), (8, 0), (4, 2, 2), True])
@pytest.mark.parametrize("name", SOUNDS)
def test_a_condition_that_cannot_be_is_refused(name, cond_dim, key):
    with pytest.raises(ValueError, match="`cond_dim` must be"):
        RECIPES[name].build(LENGTH, cond_dim=cond_dim, key=key, **FLOWS[name])


def test_waveglow_starts_as_rotations(key):
    flow = pf.flows.waveglow(LENGTH, key=key, **SMALL)
    x = jax.random.normal(key, (3, LENGTH))
    np.testing.assert_allclose(flow.log_prob(x), jax.scipy.stats.norm.logpdf(x).sum(axis=-1), rtol=1e-5)


def test_waveglow_needs_channels_that_stay(key):
    with pytest.raises(ValueError, match="Use a larger group"):
        pf.flows.waveglow(LENGTH, group_size=4, key=key)


def test_a_flow_of_sound_is_not_for_tables():
    with pytest.raises(DataError, match="is for sound"):
        check_flow("waveglow")


def test_the_multiple_follows_the_options():
    assert RECIPES["waveglow"].multiple_of() == 8
    assert RECIPES["waveglow"].multiple_of({"group_size": 16}) == 16
    assert RECIPES["nsf"].multiple_of() == 1
