"""What a comparison of flows says."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

GAUSSIAN, INDEPENDENT = "gaussian", "independent"
"""The baselines, by their names in a comparison."""
HEADER = ("flow", "nats", "±", "better by", "±", "seconds", "note")


@dataclass(frozen=True)
class Compared:
    """One row of a comparison.

    Attributes:
        flow: Its name.
        nats: Mean negative log-density of the rows that a fit had not seen, in nats per row and in the units of the
            data; lower is better. None where a fit failed.
        error: Its standard error.
        gain: By how many nats a row it is better than one Gaussian on the same rows; None where a fit failed.
        gain_error: The standard error of the mean of these differences, which is far below that of `nats`.
        worst: The lowest log-density of a row.
        seconds: Of a fit, in the mean.
        note: What went wrong; empty if nothing did.
    """

    flow: str
    nats: float | None
    error: float | None
    gain: float | None
    gain_error: float | None
    worst: float | None
    seconds: float
    note: str = ""

    @property
    def is_better(self) -> bool:
        """Whether it is better than one Gaussian by more than a standard error."""
        return self.gain is not None and self.gain_error is not None and self.gain > self.gain_error


@dataclass(frozen=True, repr=False)
class Comparison:
    """Flows beside each other, each scored on rows that it was not fitted to; print it for a table.

    Attributes:
        rows: One for each flow, the best first; `gaussian` and `independent` are among them.
        folds: In how many parts the rows were divided, each held out once.
        num_rows: How many rows were compared on.
        notes: Sentences on the data and on what was left out.
    """

    rows: tuple[Compared, ...]
    folds: int
    num_rows: int
    notes: tuple[str, ...] = ()

    @property
    def best(self) -> str:
        """The flow with the lowest nats that is better than one Gaussian by a standard error; else `gaussian`."""
        better = [row for row in self.rows if row.flow != INDEPENDENT and row.is_better]
        return min(better, key=lambda row: row.nats or 0.0).flow if better else GAUSSIAN

    def __getitem__(self, flow: str) -> Compared:
        """The row of a flow.

        Raises:
            KeyError: If it was not compared.
        """
        found = {row.flow: row for row in self.rows}
        return found[flow]

    def to_json(self) -> dict[str, Any]:
        """Plain data; figures that are not finite are None."""
        rows = [{name: _plain(value) for name, value in asdict(row).items()} for row in self.rows]
        return {
            "best": self.best,
            "folds": self.folds,
            "num_rows": self.num_rows,
            "flows": rows,
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The comparison from plain data."""
        rows = tuple(Compared(**row) for row in data["flows"])
        return cls(rows, data["folds"], data["num_rows"], tuple(data["notes"]))

    @property
    def header(self) -> tuple[str, ...]:
        """Of the columns of `cells`."""
        return HEADER

    def cells(self) -> list[tuple[str, ...]]:
        """The rows as text, under `header`."""
        return [
            (row.flow, *map(_told, (row.nats, row.error, row.gain, row.gain_error)), f"{row.seconds:.1f}", row.note)
            for row in self.rows
        ]

    def __repr__(self) -> str:
        lines = [HEADER, *self.cells()]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        aligned = [
            "  ".join(
                cell.rjust(width) if 0 < place < len(widths) - 1 else cell.ljust(width)
                for place, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        ]
        return "\n".join([*aligned, self.legend(), *self.notes, self.verdict()])

    def verdict(self) -> str:
        """What to take."""
        if self.best == GAUSSIAN:
            return "no flow is better than one Gaussian by more than a standard error: take gaussian"
        return f"best: {self.best}"

    def legend(self) -> str:
        """What the figures are."""
        return (
            f"nats per row of {self.num_rows:,} rows, each held out once in {self.folds} folds: lower is better. "
            "'better by': than one Gaussian, on the same rows."
        )


def compared(
    flow: str, scores: np.ndarray, baseline: np.ndarray, weights: np.ndarray | None, seconds: float
) -> Compared:
    """The row of a flow from the log-densities of all rows, and those of one Gaussian."""
    gain, gain_error = mean_and_error(scores - baseline, weights)
    mean, error = mean_and_error(scores, weights)
    outside = int(np.sum(~np.isfinite(scores)))
    note = f"no density at {outside:,} row{'s' * (outside != 1)}" if outside else ""
    return Compared(flow, -mean, error, gain, gain_error, float(scores.min()), seconds, note)


def mean_and_error(values: np.ndarray, weights: np.ndarray | None = None) -> tuple[float, float]:
    """The mean of rows and its standard error, `(rows,)`; the error is infinite for one row, or if a value is."""
    if not np.isfinite(values).all():
        return (-math.inf if (values == -math.inf).any() else math.nan), math.inf
    shares = np.full(len(values), 1.0 / len(values)) if weights is None else weights / weights.sum()
    mean, effective = float(shares @ values), 1.0 / float(np.sum(shares**2))
    if effective <= 1.0 + 1e-9:
        return mean, math.inf
    # the variance over n - 1, where n is how many equal weights would tell as much
    return mean, math.sqrt(float(shares @ (values - mean) ** 2) / (effective - 1.0))


def sorted_rows(rows: Sequence[Compared]) -> tuple[Compared, ...]:
    """The best first, those that failed last."""
    return tuple(sorted(rows, key=lambda row: math.inf if row.nats is None else row.nats))


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _told(value: float | None) -> str:
    if value is None:
        return "-"
    value = 0.0 if abs(value) < 0.0005 else value  # no -0.000
    return f"{value:.3f}" if abs(value) < 1e5 else f"{value:.3g}"
