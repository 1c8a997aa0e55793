"""Conditions far outside what a model was trained on, where what it says is a guess."""

from collections.abc import Iterator

import numpy as np

from pushforward.data import Schema
from pushforward.modalities._talk import plural
from pushforward.modalities.table._facts import TableFacts

BEYOND = 0.2
"""A condition is far outside when it lies beyond the training range by more than this share of its width."""


def training_ranges(conditions: Schema, values: np.ndarray) -> tuple[tuple[float, float] | None, ...]:
    """The least and the greatest value of each column of numbers; None for angles and categories."""
    pairs = zip(conditions.columns, values.T, strict=True)
    return tuple(
        None if column.kind in ("circular", "categorical") else (float(cells.min()), float(cells.max()))
        for column, cells in pairs
    )


class FarConditions:
    """Counts the conditions that are far outside, batch by batch.

    Args:
        facts: Of a conditional model.
    """

    def __init__(self, facts: TableFacts):
        self._facts = facts
        self._counts: dict[int, int] = {}
        self._worst: dict[int, float] = {}

    def add(self, values: np.ndarray) -> None:
        """Look at conditions, `(rows, conditions)`."""
        for place, ends in enumerate(self._facts.condition_ranges):
            if ends is None:
                continue
            (low, high), cells = ends, values[:, place]
            beyond = np.maximum(low - cells, cells - high)
            count = int(np.sum(beyond > BEYOND * (high - low)))
            if count:
                self._counts[place] = self._counts.get(place, 0) + count
                cell, before = float(cells[np.argmax(beyond)]), self._worst.get(place)
                if before is None or max(low - cell, cell - high) > max(low - before, before - high):
                    self._worst[place] = cell

    def sentences(self) -> Iterator[str]:
        """One for each column with such values."""
        schema = self._facts.condition_schema
        for place, count in self._counts.items():
            ends = self._facts.condition_ranges[place]
            assert schema is not None
            assert ends is not None
            column = schema.columns[place]
            low, high, worst = (column.text(value) for value in (*ends, self._worst[place]))
            yield (
                f"condition {column.name!r}: {plural(count, 'row')} far outside what the model was trained on, "
                f"{low} to {high}, up to {worst}: what it says there is a guess."
            )
