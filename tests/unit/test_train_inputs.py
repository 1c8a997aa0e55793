"""What `fit` refuses, and how it says so."""

import jax
import numpy as np
import pytest

from pushforward import flows
from pushforward._errors import DataError, as_key
from pushforward.objectives import Batch
from pushforward.train import fit
from pushforward.train._inputs import MONITOR_BLOCK, MONITOR_LEAST, monitor_blocks, rows_at_once, split_rows
from pushforward.train._prepare import prepare


@pytest.fixture(scope="module")
def flow():
    return flows.affine(2, key=jax.random.key(0))


def refusal(flow, x, **settings):
    with pytest.raises((ValueError, DataError)) as error:
        fit(flow, x, **{"key": jax.random.key(0), "progress": False} | settings)
    return str(error.value)


X = np.random.default_rng(0).normal(size=(20, 2))


@pytest.mark.parametrize(
    ("x", "settings", "says"),
    [
        (X[:0], {}, "got 0 sample(s)"),
        (X[:1], {}, "at least 2 rows to train on, got 1 sample(s)"),
        (X[:, :1], {}, "must have shape (rows, 2) with one batch axis, got (20, 1)"),
        (X[None], {}, "with one batch axis, got (1, 20, 2)"),
        (np.array([["a", "b"]] * 3), {}, "not an array of numbers"),
        ([[1.0, 2.0], [3.0]], {}, "not an array of numbers"),
        (np.where(X > 1.0, 1e300, X), {}, "too large"),
        (X, {"condition": X}, "not conditional"),
        (X, {"weights": np.ones(3)}, "`weights` has 3 rows, but `x` has 20"),
        (X, {"weights": np.ones((20, 1))}, "must have shape (rows,)"),
        (X, {"weights": np.arange(20) - 1.0}, "must not be negative, row 0 has -1.0"),
        (X, {"weights": np.zeros(20)}, "all weights are 0"),
        (X, {"weights": np.eye(20)[0]}, "at least 2 rows"),
        (X, {"validation": 1.0}, "must be in [0, 1), got 1.0"),
        (X, {"validation": X[:, :1]}, "fit: validation: `x` must have shape (rows, 2)"),
        (X, {"validation": (X, X)}, "not conditional"),
        (X, {"learning_rate": -1.0}, "`learning_rate` must be positive"),
        (X, {"clip": 0.0}, "`clip` must be positive"),
        (X, {"batch_size": 0}, "`batch_size` must be a whole number of at least 1, got 0"),
        (X, {"max_epochs": 0}, "`max_epochs` must be a whole number"),
        (X, {"patience": 0}, "`patience`"),
        (X, {"ema": 1.0}, "`ema` must be in (0, 1)"),
        (X, {"weight_decay": -0.1}, "`weight_decay` must be a number from 0 on, and finite, got -0.1"),
        (X, {"weight_decay": "a"}, "`weight_decay` must be a number from 0 on, and finite, got 'a'"),
        (X, {"weight_decay": np.nan}, "`weight_decay` must be a number"),
        (X, {"schedule": "cosin"}, "unknown schedule 'cosin'; did you mean 'cosine'?"),
        (X, {"resume": True}, "needs `checkpoint=`"),
    ],
)
def test_a_refusal_says_what_is_wrong(flow, x, settings, says):
    assert says in refusal(flow, x, **settings)


def test_rows_that_are_not_finite_are_named(flow):
    x = X.copy()
    x[[3, 5, 7, 8, 9, 11], 0] = np.nan
    assert "in 6 of 20 rows (rows 3, 5, 7, 8, 9, ...)" in refusal(flow, x)


def test_a_missing_condition_is_refused():
    flow = flows.affine(2, cond_dim=1, width=4, depth=1, key=jax.random.key(0))
    assert "needs a `condition`" in refusal(flow, X)
    assert "`condition` has 3 rows" in refusal(flow, X, condition=np.ones((3, 1)))


def test_a_seed_is_not_a_key():
    with pytest.raises(ValueError, match=r"fit: `key` must be a key .* got 3. Write `key=jax.random.key\(3\)`"):
        as_key("fit", 3)


def test_old_keys_are_welcome(flow):
    settings = {"max_epochs": 1, "progress": False}
    old, new = (fit(flow, X, key=make(3), **settings) for make in (jax.random.PRNGKey, jax.random.key))
    assert old.best_loss == new.best_loss


def test_integers_and_frames_are_welcome(flow):
    import pandas as pd

    frame = pd.DataFrame({"a": np.arange(20), "b": np.arange(20) % 3})
    assert fit(flow, frame, max_epochs=1, progress=False, key=jax.random.key(0)).history


def test_held_out_rows_are_a_share_and_never_trained_on(key):
    train, held_out = split_rows(key, Batch(np.zeros((100, 2))), 0.1)
    assert (len(train), len(held_out)) == (90, 10)
    assert sorted([*train, *held_out]) == list(range(100))
    assert len(split_rows(key, Batch(np.zeros((4, 2))), 0.01)[1]) == 1
    assert len(split_rows(key, Batch(np.zeros((4, 2))), 0.0)[1]) == 0


def test_rows_of_weight_zero_are_in_neither_part(key):
    train, held_out = split_rows(key, Batch(np.zeros((10, 2)), None, np.arange(10) % 2), 0.4)
    assert sorted([*train, *held_out]) == [1, 3, 5, 7, 9]


@pytest.mark.parametrize(
    ("rows", "asked", "steps"),
    [(30, None, 1), (400, None, 11), (700, None, 19), (4000, None, 14), (400, 100, 3), (400, 1000, 1)],
)
def test_the_default_batch_gives_a_small_table_enough_steps(flow, key, rows, asked, steps):
    source, _ = prepare(flow, np.ones((rows, 2)), None, None, None, 0.1, asked, 100, key)
    assert source.steps_per_epoch == steps


def test_wide_events_are_evaluated_in_smaller_blocks():
    assert rows_at_once((2,), 64) == MONITOR_BLOCK
    assert rows_at_once((63,), 64) < 1000
    assert rows_at_once((3, 256, 256), 1024) == MONITOR_LEAST
    assert rows_at_once((3, 256, 256), 16) == 16


def test_blocks_hold_every_row_once():
    n = MONITOR_BLOCK + 10
    data = Batch(jax.numpy.arange(2.0 * n).reshape(n, 2))
    blocks = monitor_blocks(data, np.arange(n), 64)
    assert blocks.x.shape == (2, n // 2, 2)
    odd = monitor_blocks(data, np.arange(n - 1), 64)
    assert odd.weights.sum() == n - 1
    assert float((odd.weights * odd.x[..., 0]).sum()) == pytest.approx(float(data.x[: n - 1, 0].sum()), rel=1e-5)


def test_a_batch_of_held_out_rows_brings_its_log_det():
    flow, x = flows.affine(2, key=jax.random.key(0)), jax.random.normal(jax.random.key(1), (60, 2))
    given = {"max_epochs": 1, "progress": False, "key": jax.random.key(2)}
    plain = fit(flow, x, validation=x[:20], **given)
    moved = fit(flow, x, validation=Batch(x[:20], log_det=jax.numpy.full(20, 2.0)), **given)
    assert moved.start_loss == pytest.approx(plain.start_loss - 2.0, abs=1e-5)
