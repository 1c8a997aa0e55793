"""What is to be said of a synthetic table, in figures and in words."""

import dataclasses
import textwrap
from collections.abc import Mapping
from typing import Any, NamedTuple

from pushforward.diagnostics.synthetic._estimate import Estimate

CANDIDATES = ("synthetic", "independent", "copy")
"""The table that is judged, its training rows with each column shuffled, and a copy of the training rows."""


class Figure(NamedTuple):
    """One figure of a synthetic table, beside the same of two tables that nobody wants.

    Attributes:
        name: What was measured.
        about: `quality`, `privacy` of the table, or `model`: what is told of training rows by who has the model.
        ideal: What new rows of the same source would have.
        values: By candidate; None where it cannot be computed.
        percent: Whether it is a share that is told in percent.
        passed: Whether it is as it should be; None where that is for the reader to judge.
        says: A sentence on what it means.
        then: What to try where it did not pass; else empty.
    """

    name: str
    about: str
    ideal: float
    values: Mapping[str, Estimate | None]
    percent: bool
    passed: bool | None
    says: str
    then: str = ""

    def cell(self, candidate: str) -> str:
        """A figure with its standard error, or a dash."""
        found = self.values.get(candidate)
        if found is None:
            return "-"
        if self.percent:
            return f"{100 * found.value:.1f} ± {100 * found.error:.1f} %"
        return f"{found.value:.3f} ± {found.error:.3f}"

    @property
    def wanted(self) -> str:
        """The ideal as text."""
        return f"{100 * self.ideal:.1f} %" if self.percent else f"{self.ideal:g}"


class ColumnFigures(NamedTuple):
    """Of one column of a synthetic table.

    Attributes:
        name: Of the column.
        shape: How alike it is, from 0 to 1.
        measure: Of predictions of this column: AUC, accuracy or R2; empty if it was no target.
        synthetic: Of trees that learned from synthetic rows.
        real: Of trees that learned from the training rows.
        risk: That it is disclosed; None where the table has no other column.
    """

    name: str
    shape: Estimate
    measure: str
    synthetic: Estimate | None
    real: Estimate | None
    risk: Estimate | None


@dataclasses.dataclass(frozen=True)
class Assessment:
    """What is to be said of a synthetic table; `print` shows it.

    Attributes:
        rows: How many training rows, held-out rows and synthetic rows there are, by these names.
        figures: On quality, then on privacy, then on the model.
        columns: Column by column.
        notes: What was left out.
    """

    rows: dict[str, int]
    figures: tuple[Figure, ...]
    columns: tuple[ColumnFigures, ...]
    notes: tuple[str, ...] = ()

    @property
    def private(self) -> bool:
        """Whether no attack found out more than chance and its error allow."""
        return all(figure.passed is not False for figure in self.figures if figure.about == "privacy")

    @property
    def useful(self) -> bool:
        """Whether trees tell the table from real rows less easily than independent columns, or not at all."""
        return all(figure.passed is not False for figure in self.figures if figure.about == "quality")

    def verdict(self) -> str:
        """One or two sentences for whoever decides."""
        good = (
            "Trees tell the synthetic rows from real ones less easily than independent columns, or not at all."
            if self.useful
            else "Trees tell the synthetic rows from real ones as easily as independent columns: of little use."
        )
        model = [f for f in self.figures if f.about == "model" and f.passed is False]
        apart = " Do not share the model that drew them: by it, rows of training can be told." if model else ""
        if self.private:
            return (
                f"{good} None of the attacks on them that were tried found out more of the rows of training than of "
                "others. That is no proof: other attacks may, and only differential privacy gives a bound on all of "
                f"them.{apart}"
            )
        failed = ", ".join(f.name for f in self.figures if f.about == "privacy" and f.passed is False)
        return (
            f"{good} Do not share them as they are: more is told of the rows of training than of others ({failed})."
            f"{apart}"
        )

    def header(self) -> tuple[str, ...]:
        """Of `cells`."""
        return ("figure", "ideal", "synthetic", "independent columns", "copy of the rows")

    def cells(self) -> list[tuple[str, ...]]:
        """Each figure of the three tables."""
        return [(f.name, f.wanted, *(f.cell(candidate) for candidate in CANDIDATES)) for f in self.figures]

    def column_header(self) -> tuple[str, ...]:
        """Of `column_cells`."""
        return ("column", "shape", "predicted by", "from synthetic", "from real", "disclosure")

    def column_cells(self) -> list[tuple[str, ...]]:
        """The figures of each column."""
        return [
            (c.name, str(c.shape), c.measure or "-", *(str(e) if e else "-" for e in (c.synthetic, c.real, c.risk)))
            for c in self.columns
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        figures = [
            figure._asdict() | {"values": {name: _plain(value) for name, value in figure.values.items()}}
            for figure in self.figures
        ]
        columns = [
            {name: _plain(value) if isinstance(value, Estimate) else value for name, value in c._asdict().items()}
            for c in self.columns
        ]
        words = {"private": self.private, "useful": self.useful, "verdict": self.verdict()}
        return {"rows": self.rows, **words, "figures": figures, "columns": columns, "notes": list(self.notes)}

    def __str__(self) -> str:
        counts = ", ".join(f"{count:,} {name}" for name, count in self.rows.items())
        lines = [f"rows: {counts}", *_columns([self.header(), *self.cells()]), ""]
        for figure in self.figures:
            sign = {True: "ok", False: "NO", None: "  "}[figure.passed]
            lines += _wrapped(f"{sign:2}  {figure.name}: {figure.says}", 4)
            lines += _wrapped(f"    try: {figure.then}", 6) if figure.passed is False and figure.then else []
        lines += ["", *_columns([self.column_header(), *self.column_cells()]), ""]
        lines += [line for note in self.notes for line in _wrapped(f"note: {note}", 6)]
        return "\n".join([*lines, *_wrapped(f"verdict: {self.verdict()}", 9)])


def _plain(value: Estimate | None) -> dict[str, float] | None:
    return None if value is None else {"value": value.value, "error": value.error}


def _wrapped(text: str, indent: int) -> list[str]:
    return textwrap.wrap(text, 110, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)


def _columns(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    return ["  ".join(f"{c:<{w}}" for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]
