"""What the tests are made of."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from pushforward._errors import DataError

LEAST_ROWS, MOST_ROWS = 40, 5000
"""Rows that a check needs, and that it uses at most."""


class Columns(NamedTuple):
    """What columns hold.

    Attributes:
        names: Of each; empty where they have none.
        categorical: Places of the columns of codes, whose order means nothing.
        whole: Places of the columns of whole numbers.
        atoms: For each column the values that have a probability of their own; empty where there are none.
    """

    names: tuple[str, ...] = ()
    categorical: tuple[int, ...] = ()
    whole: tuple[int, ...] = ()
    atoms: tuple[tuple[float, ...], ...] = ()

    def called(self, place: int) -> str:
        """A column in a sentence."""
        return f"column {self.names[place]!r}" if self.names else f"column {place}"


class Case(NamedTuple):
    """Rows `(rows, dim)` of data, of the model and of training, and log-densities `(rows,)`.

    Attributes:
        data: Rows that the model was not fitted to.
        drawn: As many rows of the model.
        data_scores: Log-densities of the data, in nats.
        drawn_scores: The same of the draws.
        train: Rows of training, or None.
        train_scores: Their log-densities, or None.
        gaussian: Log-densities of the data by one Gaussian that was made without them; None where there is none.
        by_columns: The same by independent columns.
        noise: The noise of data, `(rows, k)`, which is standard normal where the model is right; or None.
        problems: What is wrong with the numbers of the flow.
        columns: What columns hold.
        level: Of each test.
        seed: Of all randomness.
    """

    data: np.ndarray
    drawn: np.ndarray
    data_scores: np.ndarray
    drawn_scores: np.ndarray
    train: np.ndarray | None
    train_scores: np.ndarray | None
    gaussian: np.ndarray | None
    by_columns: np.ndarray
    noise: np.ndarray | None
    problems: tuple[str, ...]
    columns: Columns
    level: float
    seed: int


@runtime_checkable
class Tested(Protocol):
    """A fitted estimator that knows what its columns hold, and makes the case of its rows itself."""

    def _case(self, data: Any, train: Any, *, level: float, seed: int) -> Case: ...


def check_level(what: str, level: float) -> None:
    """A DataError for a level that is no probability between 0 and 1."""
    if not 0 < level < 1:
        raise DataError(f"{what}: `level` must lie between 0 and 1, got {level}.", "0.05 is usual")


def used(name: str, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """At most 5,000 rows, at random.

    Raises:
        DataError: If there are too few.
    """
    if len(rows) < LEAST_ROWS:
        raise DataError(f"check: `{name}` has {len(rows)} rows, and {LEAST_ROWS} are needed", "give more rows")
    return rows[rng.permutation(len(rows))[:MOST_ROWS]]


def numeric(rows: np.ndarray, categorical: Sequence[int]) -> np.ndarray:
    """Rows in which distances mean something: a number for each category, and other columns in deviations."""
    parts = []
    for place, cells in enumerate(rows.T):
        if place in categorical:
            parts.append(cells[:, None] == np.arange(int(cells.max()) + 1))
        else:
            parts.append(cells[:, None])
    return np.concatenate(parts, axis=1).astype(np.float64)
