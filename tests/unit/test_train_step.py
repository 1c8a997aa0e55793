"""The compiled loop over steps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pushforward import flows
from pushforward._params import partition
from pushforward.objectives import Batch, nll
from pushforward.train._batches import RowSource, shuffled
from pushforward.train._packed import SMALL, packing_of
from pushforward.train._schedule import adam, clip_by_running_norm, rate_factor
from pushforward.train._state import first_state
from pushforward.train._step import Knobs, Plan, run_steps

BATCH = 4
LENGTHS = {"warm_up": 10.0, "total_steps": 100.0}


@pytest.fixture
def source():
    x = np.zeros((5 * BATCH, 2), np.float32)
    x[::BATCH] = np.arange(10).reshape(5, 2)
    return RowSource(Batch(jnp.asarray(x)), np.arange(len(x)), BATCH)


@pytest.fixture(params=[False, True], ids=["arrays apart", "arrays packed"])
def plan(source, request):
    return Plan(nll, adam(5.0), source.take, "constant", ema=True, packs=request.param)


@pytest.fixture
def run(plan, source, key):
    params, frozen = partition(flows.affine(2, key=key))

    def run(stop, state=None, *, bad_limit=5, poison=None, ceiling=np.inf):
        state = state or first_state(params, 1.0, 0, optimizer=plan.optimizer, ema=True, metrics=())
        data, order = source.feed(key, 0).arrays
        if poison is not None:
            data = Batch(data.x.at[order[poison * BATCH]].set(jnp.nan))
        knobs = Knobs(key, 0.1, 1.0, 5.0, 0.9, ceiling)
        return run_steps(plan, state, frozen, (data, order), knobs, 0, stop, bad_limit)

    return run


def large_and_small(key):
    """Matrices that are not packed among arrays that are, buffers, and arrays of one number."""
    return flows.maf(3, num_layers=2, width=80, key=key)


def test_packed_arrays_are_trained_as_those_apart(source, key, x64):
    params, frozen = partition(large_and_small(key))
    assert {leaf.size > SMALL for leaf in jax.tree.leaves(params)} == {True, False}
    x = jax.random.normal(key, (5 * BATCH, 3))
    source = RowSource(Batch(x), np.arange(len(x)), BATCH)
    ends = []
    for packs in (False, True):
        plan = Plan(nll, adam(5.0), source.take, "constant", ema=True, packs=packs)
        state = first_state(params, 1.0, 0, optimizer=plan.optimizer, ema=True, metrics=())
        knobs = Knobs(key, 0.01, 1.0, 5.0, 0.9, np.inf)
        ends.append(run_steps(plan, state, frozen, source.feed(key, 0).arrays, knobs, 0, 5, 5))
    apart, packed = ends
    assert jax.tree.structure(apart) == jax.tree.structure(packed)
    for one, other in zip(jax.tree.leaves(apart), jax.tree.leaves(packed), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_a_state_is_unpacked_as_it_was(key):
    params, _ = partition(large_and_small(key))
    state = first_state(params, 1.0, 0, optimizer=adam(5.0), ema=True, metrics=())
    packing = packing_of(params)
    packed = packing.pack(state)
    assert len(jax.tree.leaves(packed)) < len(jax.tree.leaves(state)) / 2
    back = packing.unpack(packed, state)
    assert jax.tree.structure(back) == jax.tree.structure(state)
    for one, other in zip(jax.tree.leaves(state), jax.tree.leaves(back), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("params", [{"a": jnp.ones(3)}, {"a": jnp.ones(3), "b": jnp.ones(2, jnp.bfloat16)}, {}])
def test_what_cannot_be_packed_is_left_as_it_is(params):
    packing = packing_of(params)
    packed = packing.pack(params)
    assert packed.keys() == params.keys()
    assert all(packed[name] is params[name] for name in params)
    assert packing.small(params) == []
    assert packing.open(params, []) is params


def learned(state):
    return [np.asarray(leaf) for leaf in jax.tree.leaves((state.params, state.opt_state, state.ema))]


def test_chunks_of_any_length_give_the_same_bits(run):
    whole, parts = run(5), run(5, run(3, run(2)))
    assert all(np.array_equal(a, b) for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(parts), strict=True))


def test_a_step_that_is_not_finite_is_counted_and_changes_nothing(run):
    before = learned(run(2))
    state = run(3, run(2), poison=2)
    assert all(np.array_equal(a, b) for a, b in zip(before, learned(state), strict=True))
    assert (int(state.step), int(state.bad_in_row), int(state.sums.skipped)) == (3, 1, 1)
    assert float(state.sums.weight) == 2.0
    after = run(4, state)
    assert int(after.bad_in_row) == 0
    assert not np.array_equal(before[0], learned(after)[0])


def test_the_loop_stops_early_at_a_bad_step(run):
    assert int(run(5, bad_limit=1, poison=1).step) == 2
    assert int(run(5, bad_limit=2, poison=1).step) == 5


def test_a_loss_above_the_ceiling_is_bad_but_not_skipped(run):
    state = run(5, bad_limit=3, ceiling=-1e9)
    assert (int(state.step), int(state.bad_in_row), int(state.sums.skipped)) == (3, 3, 0)


def test_the_sum_of_losses_counts_every_step(run):
    state = run(5)
    assert float(state.sums.weight) == 5.0
    assert np.isfinite(float(state.sums.loss))


def test_every_epoch_uses_each_row_at_most_once_in_a_new_order(source, key):
    orders = [np.asarray(source.feed(key, step).arrays[1])[:20] for step in (0, 4, 5)]
    assert np.array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[0], orders[2])
    assert all(sorted(order) == list(range(20)) for order in orders)


def test_the_order_depends_on_key_and_stream(key):
    rows = np.arange(50)
    orders = [shuffled(key, (0, 1), rows), shuffled(key, (0, 2), rows), shuffled(jax.random.key(1), (0, 1), rows)]
    assert np.array_equal(orders[0], shuffled(key, (0, 1), rows))
    assert len({tuple(order) for order in orders}) == 3


def test_the_cosine_rises_then_falls_to_zero():
    factors = [float(rate_factor("cosine", step, **LENGTHS)) for step in range(101)]
    assert factors[0] == pytest.approx(0.1)
    assert max(factors) == pytest.approx(np.cos(np.pi * 9 / 200) ** 2)
    assert factors[50] == pytest.approx(0.5)
    assert factors[100] == pytest.approx(0.0, abs=1e-7)
    assert float(rate_factor("constant", 100, **LENGTHS)) == 1.0
    assert float(rate_factor(lambda step: step / 4, 2, **LENGTHS)) == 0.5


def test_cooling_falls_to_zero_from_a_lower_rate():
    factors = [float(rate_factor("cosine", s, cool_from=40.0, cool_steps=10.0, **LENGTHS)) for s in range(55)]
    plain = [float(rate_factor("cosine", s, **LENGTHS)) for s in range(55)]
    assert factors[:40] == plain[:40]
    assert factors[40] == pytest.approx(0.3 * plain[40])
    assert factors[45] == pytest.approx(0.5 * factors[40])
    assert factors[50] == pytest.approx(0.0, abs=1e-7)
    assert factors[54] == factors[50]


def test_a_gradient_far_longer_than_the_running_mean_is_shortened():
    clip = clip_by_running_norm(5.0)
    state = clip.init(jnp.zeros(2))
    for length in (10.0, 40.0, 20.0):  # never 5 times the mean of those before
        updates, state = clip.update(jnp.array([0.6, 0.8]) * length, state)
        np.testing.assert_allclose(np.linalg.norm(updates), length, rtol=1e-6)
    weights = 0.01 * 0.99 ** np.arange(3)[::-1]
    mean = np.sum(weights * [10.0, 40.0, 20.0]) / weights.sum()
    updates, state = clip.update(jnp.array([0.6, 0.8]) * 1e6, state)
    np.testing.assert_allclose(updates, np.array([0.6, 0.8]) * 5.0 * mean, rtol=1e-5)
    # The long one enters the mean as what it was shortened to.
    assert state.total / state.weight < 2.1 * mean
