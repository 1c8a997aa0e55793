"""Whole numbers to the range coder and back, by tables of their probabilities.

Tables are made in float64 on the host. A law that is the same for all rows has one; predicted laws have one for each
row and number, so those are coded in two steps.
"""

from typing import Any

import numpy as np

from pushforward.distributions import AbstractCountable, AbstractPredicted, MassTable

PRECISION = 2**24
"""Probabilities are multiples of one over this, as the coder has them."""

SPAN = 32
"""A predicted number is coded in two steps, which stretch of this many it is in, and where: few probabilities each."""

REACH = 2**11
"""Predicted numbers further than this from their median over the rows are stored as they are."""

LEAST_MASS = 1e-20
"""So that a number of which rounding leaves no probability has one."""


class Side:
    """Whole numbers beside the range-coded ones: those outside of tables, and where windows begin."""

    def __init__(self, numbers: np.ndarray):
        self.numbers, self.place = numbers, 0

    def take(self, count: int) -> np.ndarray:
        """The next numbers.

        Raises:
            ValueError: If there are not so many.
        """
        taken = self.numbers[self.place : self.place + count]
        if len(taken) < count:
            raise ValueError("too few numbers")
        self.place += count
        return taken


class Writer:
    """Encodes numbers that are known.

    Args:
        coder: The module of the range coder.
    """

    def __init__(self, coder: Any):
        self.coder, self.encoder = coder, coder.queue.RangeEncoder()
        self.known: list[np.ndarray] = []
        self.side: list[np.ndarray] = []

    def shared(self, part: AbstractCountable, rows: int) -> np.ndarray:
        numbers = self.known.pop(0)
        for column, table in zip(numbers, part.tables(), strict=True):
            symbols = _symbols(column, table.low, len(table.probabilities))
            self.side.append(column[symbols == len(table.probabilities)])
            self.encoder.encode(symbols, table_model(self.coder, table))
        return numbers

    def predicted(self, part: AbstractPredicted, laws: np.ndarray) -> np.ndarray:
        numbers, family = self.known.pop(0), self.coder.model.Categorical(perfect=False)
        low, bins = _window(numbers)
        self.side.append(np.array([low, bins]))
        for column, law in zip(numbers, np.moveaxis(laws, (2, 1), (0, 1)), strict=True):
            coarse = _symbols(column - low, 0, bins * SPAN) // SPAN
            inside = coarse < bins
            self.encoder.encode(coarse, family, coarse_masses(part, law, low, bins))
            if inside.any():
                fine = ((column[inside] - low) % SPAN).astype(np.int32)
                self.encoder.encode(fine, family, fine_masses(part, law[:, inside], low, coarse[inside]))
            self.side.append(column[~inside])
        return numbers


class Reader:
    """Decodes numbers.

    Args:
        coder: The module of the range coder.
        words: What was range-coded.
        side: The numbers beside it.
    """

    def __init__(self, coder: Any, words: np.ndarray, side: Side):
        self.coder, self.decoder, self.side = coder, coder.queue.RangeDecoder(words), side

    def shared(self, part: AbstractCountable, rows: int) -> np.ndarray:
        columns = []
        for table in part.tables():
            column = self.decoder.decode(table_model(self.coder, table), rows) + np.int64(table.low)
            outside = np.flatnonzero(column - table.low == len(table.probabilities))
            column[outside] = self.side.take(len(outside))
            columns.append(column)
        return np.stack(columns)

    def predicted(self, part: AbstractPredicted, laws: np.ndarray) -> np.ndarray:
        low, bins = (int(number) for number in self.side.take(2))
        family, columns = self.coder.model.Categorical(perfect=False), []
        for law in np.moveaxis(laws, (2, 1), (0, 1)):
            coarse = self.decoder.decode(family, coarse_masses(part, law, low, bins))
            inside = coarse < bins
            column = low + SPAN * coarse.astype(np.int64)
            if inside.any():
                column[inside] += self.decoder.decode(family, fine_masses(part, law[:, inside], low, coarse[inside]))
            column[~inside] = self.side.take(int(np.sum(~inside)))
            columns.append(column)
        return np.stack(columns)


def table_model(coder: Any, table: MassTable) -> Any:
    """The coder's model of a table and an escape, from probabilities that are whole multiples of 1 / PRECISION."""
    counts = np.floor(table.probabilities * PRECISION)
    escape = max(PRECISION - counts.sum(), 1.0)
    return coder.model.Categorical(np.append(counts, escape) / PRECISION, perfect=False)


def coarse_masses(part: AbstractPredicted, law: np.ndarray, low: int, bins: int) -> np.ndarray:
    """Of each stretch of `SPAN` numbers from `low` on, and of all others, `(rows, bins + 1)`."""
    edges = low + SPAN * np.arange(bins + 1.0)[:, None]
    masses = np.diff(part.below(law, np.broadcast_to(edges, (bins + 1, law.shape[-1]))), axis=0)
    return np.maximum(np.vstack([masses, 1.0 - masses.sum(axis=0)]), LEAST_MASS).T.copy()


def fine_masses(part: AbstractPredicted, law: np.ndarray, low: int, coarse: np.ndarray) -> np.ndarray:
    """Of each number of a stretch, as shares of it, `(rows, SPAN)`."""
    edges = low + SPAN * coarse.astype(np.float64) + np.arange(SPAN + 1.0)[:, None]
    masses = np.maximum(np.diff(part.below(law, edges), axis=0), LEAST_MASS)
    return (masses / masses.sum(axis=0)).T.copy()


def _window(numbers: np.ndarray) -> tuple[int, int]:
    """From which number on, and how many stretches of `SPAN`."""
    if not numbers.size:
        return 0, 1
    middle = int(np.median(numbers))
    low, high = max(int(numbers.min()), middle - REACH), min(int(numbers.max()), middle + REACH)
    return low, (high - low) // SPAN + 1


def _symbols(column: np.ndarray, low: int, count: int) -> np.ndarray:
    """Places in a table; one behind its end for numbers that are not in it."""
    places = column - low
    return np.where((places < 0) | (places >= count), count, places).astype(np.int32)
