"""What a model remembers of the missing cells that it was fitted around."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from pushforward.modalities._talk import plural

ASSUMED = "cells are missing at random: whether one is may depend on the cells that are there, not on its own value"


@dataclass(frozen=True)
class Completed:
    """Which cells were drawn by the model while it was trained.

    Attributes:
        cells: How many were missing.
        rows: In how many rows.
        of: Of how many rows.
        columns: By name, how many were missing in each column that had any.
        left_out: Rows that had no cell at all, and were left out.
        nats: Mean log-density of the cells that are there of the rows that were held out; None where none was.
        error: Its standard error.
    """

    cells: int
    rows: int
    of: int
    columns: Mapping[str, int]
    left_out: int = 0
    nats: float | None = None
    error: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain data, with what was assumed."""
        return asdict(self) | {"assumed": ASSUMED}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From plain data."""
        return cls(**{name: value for name, value in data.items() if name != "assumed"})

    @property
    def sentence(self) -> str:
        """How many cells and rows."""
        apart = f"; {plural(self.left_out, 'row')} without any cell left out" if self.left_out else ""
        cells = f"{plural(self.cells, 'missing cell')} in {self.rows:,} of {plural(self.of, 'row')}"
        return f"{cells}, drawn again and again given the others{apart}"

    def sentences(self) -> tuple[str, ...]:
        """What a fit ends with."""
        told = (self.sentence, f"  assumed: {ASSUMED}")
        if self.nats is None:
            return told
        return (
            *told,
            "  the validation loss is that of rows whose missing cells the model has drawn itself; the cells that are "
            f"there have {self.nats:.4f} ± {self.error:.4f} nats a row",
        )
