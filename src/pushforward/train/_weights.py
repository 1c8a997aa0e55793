"""Weights of rows: what counts is their ratio, and no row is so heavy that a step sees little else."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import PRNGKeyArray

from pushforward._errors import DataError
from pushforward.train._batches import SPLIT, shuffled

HEAVY = 4.0
"""A row that weighs more than this many rows is trained on as several; an epoch is a quarter longer at most."""

HELD_OUT_SHARE = 0.25
"""A heavy row that would be more than this share of the held-out rows' weight stands on both sides, in parts."""


class Split(NamedTuple):
    """Rows on both sides, and what they weigh there.

    Attributes:
        train: Numbers of the rows to train on; a heavy row has several entries.
        held_out: Numbers of the rows that are held out.
        train_weights: Of an entry, for every row of the data, `(rows,)`; 1 on average over the entries.
        held_out_weights: Likewise for the rows that are held out.
    """

    train: np.ndarray
    held_out: np.ndarray
    train_weights: np.ndarray
    held_out_weights: np.ndarray


def shared_out(key: PRNGKeyArray, weights: np.ndarray, train: np.ndarray, held_out: np.ndarray) -> Split:
    """A split by rows, with heavy rows cut into parts, as the copies that a row of weight 100 stands for would be.

    Otherwise the gradients of the few batches with such a row would be shortened like those of outliers, and the
    held-out loss would be that of one row, or of all others.

    Args:
        key: Of the fit.
        weights: Of all rows, not negative.
        train: Numbers of the rows to train on, all of positive weight.
        held_out: Likewise of those that are held out; perhaps none.
    """
    rows, weights = np.concatenate([train, held_out]), weights / weights.max()
    mean, share = weights[rows].mean(), len(held_out) / len(rows)
    both = (weights > max(HEAVY, HELD_OUT_SHARE * len(held_out)) * mean) & (share > 0)
    train, held_out = (np.concatenate([side[~both[side]], rows[both[rows]]]) for side in (train, held_out))
    here, there = (np.where(both, part * weights, weights) for part in (1.0 - share, share))
    copies = np.maximum(np.ceil(here / (HEAVY * mean)), 1.0).astype(int)
    entries = np.repeat(train, copies[train])
    if len(entries) > len(train):
        entries = shuffled(key, (SPLIT, 1), entries)
    here = here / copies
    return Split(entries, held_out, _mean_one(here, entries), _mean_one(there, held_out))


def _mean_one(weights: np.ndarray, rows: np.ndarray) -> np.ndarray:
    # So that weights change what is learned, but not how large the steps are.
    return weights / weights[rows].mean() if len(rows) else weights


def checked_weights(weights: Any, rows: int, what: str) -> np.ndarray:
    """Weights `(rows,)` in float64, as they are: only their ratios count, so 1e-300 is a weight like any other.

    Raises:
        ValueError: If the shape is wrong.
        DataError: If their number is wrong, they are no numbers, some are negative or not finite, or all are 0.
    """
    try:
        array = np.asarray(weights, np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{what}: `weights` is not an array of numbers.", "Give one number for each row.") from error
    if array.ndim != 1:
        raise ValueError(f"{what}: `weights` must have shape (rows,) with one batch axis, got {array.shape}.")
    if len(array) != rows:
        raise DataError(
            f"{what}: `weights` has {len(array)} rows, but `x` has {rows}.", "Give one for each row of `x`."
        )
    for wrong, said in ((~np.isfinite(array), "be finite"), (array < 0, "not be negative")):
        if wrong.any():
            row = int(np.argmax(wrong))
            raise DataError(f"{what}: weights must {said}, row {row} has {array[row]}.", "Use 0 to leave a row out.")
    if not array.any():
        raise DataError(f"{what}: all weights are 0.", "Give at least two rows a positive weight.")
    return array
