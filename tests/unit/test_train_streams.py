"""Data without an end: functions and iterators."""

import jax
import numpy as np
import pytest

from pushforward import flows
from pushforward.objectives import nll
from pushforward.train import fit

QUICK = {"learning_rate": 0.2, "max_epochs": 6, "batch_size": 64, "steps_per_epoch": 20, "progress": False}


@pytest.fixture(scope="module")
def flow():
    return flows.affine(2, key=jax.random.key(0))


def draw(key, batch_size):
    return 3.0 + 0.5 * jax.random.normal(key, (batch_size, 2))


def chunks(lengths, seed=0):
    generator = np.random.default_rng(seed)
    for length in lengths:
        yield (3.0 + 0.5 * generator.normal(size=(length, 2))).astype(np.float32)


class Loader:
    """Begins again whenever it is iterated."""

    def __iter__(self):
        return chunks([100, 37, 163])


def test_a_function_draws_new_data_for_every_step(flow, key):
    result = fit(flow, draw, key=key, **QUICK | {"max_epochs": 12})
    np.testing.assert_allclose(result.flow.bijection.loc, 3.0, atol=0.1)
    assert len(result.history) == 12
    assert all(epoch.validation is not None for epoch in result.history)


def test_a_function_without_validation_keeps_the_last(flow, key):
    result = fit(flow, draw, validation=None, key=key, **QUICK)
    assert result.best_epoch == 6
    assert result.history[-1].validation is None


def test_a_function_may_return_conditions(key):
    def pair(key, batch_size):
        x = draw(key, batch_size)
        return x[:, :1], x[:, 1:]

    flow = flows.affine(1, cond_dim=1, width=8, depth=1, key=key)
    assert fit(flow, pair, key=key, **QUICK).best_loss < 1.0


def test_a_function_of_the_wrong_shape_is_refused(flow, key):
    with pytest.raises(ValueError, match=r"must return x of shape \(64, 2\)"):
        fit(flow, lambda key, n: jax.random.normal(key, (n, 3)), key=key, **QUICK)


def test_chunks_of_any_length_are_cut_into_batches_without_loss(flow, key):
    lengths = [1, 500, 3, 1000, 64, 212]  # 1780 rows are 27 batches of 64
    result = fit(flow, chunks(lengths), key=key, **QUICK)
    assert result.stopped_because == "the data have ended"
    assert len(result.history) == 2  # 20 and 7 steps
    assert _steps(result) == 27


def test_a_generator_that_never_ends_fills_all_epochs(flow, key):
    result = fit(flow, chunks(iter(lambda: 50, None)), key=key, **QUICK)
    np.testing.assert_allclose(result.flow.bijection.loc, 3.0, atol=0.15)
    assert len(result.history) == 6


def test_a_loader_begins_again(flow, key):
    result = fit(flow, Loader(), key=key, **QUICK)
    assert len(result.history) == 6


def test_another_length_of_the_last_chunk_does_not_compile_again(flow, key):
    traced = []

    def objective(flow, batch, *, key):
        traced.append(batch.x.shape)
        return nll(flow, batch, key=key)

    fit(flow, chunks([300]), objective=objective, key=key, **QUICK)
    before = len(traced)
    fit(flow, chunks([300, 5000, 77]), objective=objective, key=key, **QUICK)
    assert len(traced) == before > 0


def test_an_iterator_can_be_validated_on_an_array(flow, key):
    held_out = next(chunks([200], seed=1))
    result = fit(flow, chunks(iter(lambda: 50, None)), validation=held_out, key=key, **QUICK)
    assert result.best_loss == pytest.approx(-float(result.flow.log_prob(held_out).mean()), rel=1e-5)


def test_a_bad_chunk_is_named(flow, key):
    bad = next(chunks([5]))
    bad[3, 0] = np.nan
    with pytest.raises(ValueError, match="rows 3"):
        fit(flow, iter([bad]), key=key, **QUICK)


def test_an_empty_iterator_is_refused(flow, key):
    with pytest.raises(ValueError, match="no rows"):
        fit(flow, iter([]), key=key, **QUICK)


def test_conditions_beside_a_function_are_refused(flow, key):
    with pytest.raises(ValueError, match="returns them itself"):
        fit(flow, draw, weights=np.ones(3), key=key, **QUICK)


def _steps(result):
    """Steps taken, told from the learning rate of a schedule that counts them."""
    last = result.history[-1].learning_rate / QUICK["learning_rate"]
    return round(np.arccos(2 * last - 1) / np.pi * 120) + 1
