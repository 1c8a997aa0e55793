"""What a model of a table knows of its columns, and how that is told."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from pushforward.data import Schema
from pushforward.data._units import Units
from pushforward.data.files._stored import Stored
from pushforward.modalities._talk import plural
from pushforward.modalities._told import Told
from pushforward.modalities.table.incomplete._completed import ASSUMED, Completed
from pushforward.modalities.table.oddity._calibration import Calibration
from pushforward.train import Spent


@dataclass(frozen=True)
class TableFacts:
    """What is needed to use the flow of a table.

    Attributes:
        schema: The columns.
        condition_schema: Those of the condition, or None.
        named: Whether the columns had names, or were called `x0, x1, ...`.
        units: Between the columns and what the flow works with; None for a flow that takes them as they are, and in
            files of 0.1, whose flow tells them.
        condition_units: The same of the condition.
        condition_ranges: The least and the greatest training value of each column of the condition; None for angles and
            categories, and empty in files that do not know them.
        gain: By how many nats a row the model is better than one Gaussian on the rows that were held out, and the
            standard error; None where it is not known.
        compared: What was compared where the flow was left open, `Comparison.to_json()`; None where it was not.
        scores: The log-densities of the training rows at the quantiles 0, 0.01, ..., 1; empty where they are not known.
        calibration: Log-densities of rows that were held out; None where they are not known.
        completed: The missing cells that the model was fitted around; None where all rows were whole.
        privacy: What a private fit has cost; None of any other.
        condition_shares: Where the condition is one column of categories, how often each was there; else empty.
    """

    schema: Schema
    condition_schema: Schema | None
    named: bool
    units: Units | None = None
    condition_units: Units | None = None
    condition_ranges: tuple[tuple[float, float] | None, ...] = ()
    scores: tuple[float, ...] = ()
    gain: tuple[float, float] | None = None
    compared: Mapping[str, Any] | None = None
    calibration: Calibration | None = None
    completed: Completed | None = None
    privacy: Spent | None = None
    condition_shares: tuple[float, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        conditions = self.condition_schema
        known = {"scores": list(self.scores), "gain": self.gain and list(self.gain), "compared": self.compared}
        known["calibration"] = self.calibration and self.calibration.to_json()
        known["privacy"] = self.privacy and self.privacy.to_json()
        known["condition_shares"] = list(self.condition_shares)
        known["completed"] = self.completed and self.completed.to_json()
        return {
            "schema": self.schema.to_json(),
            "condition_schema": None if conditions is None else conditions.to_json(),
            "named": self.named,
            "units": None if self.units is None else self.units.to_json(),
            "condition_units": None if self.condition_units is None else self.condition_units.to_json(),
            "condition_ranges": [None if ends is None else list(ends) for ends in self.condition_ranges],
        } | {name: value for name, value in known.items() if value}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The facts from plain data."""
        conditions, units, given_units = data["condition_schema"], data.get("units"), data.get("condition_units")
        given = None if conditions is None else Schema.from_json(conditions)
        schema = Schema.from_json(data["schema"])
        return cls(
            schema,
            given,
            data["named"],
            None if units is None else Units.from_json(units, schema.supports),
            None if given is None or given_units is None else Units.from_json(given_units, given.supports).plain(),
            tuple(None if ends is None else (ends[0], ends[1]) for ends in data.get("condition_ranges", ())),
            tuple(data.get("scores", ())),
            tuple(data["gain"]) if "gain" in data else None,
            data.get("compared"),
            Calibration.from_json(data["calibration"]) if "calibration" in data else None,
            Completed.from_json(data["completed"]) if "completed" in data else None,
            Spent(**data["privacy"]) if "privacy" in data else None,
            tuple(data.get("condition_shares", ())),
        )

    def told(self) -> Told:
        """What `show` tells."""
        columns = column_facts(self.schema)
        given = [] if self.condition_schema is None else list(self.condition_schema.names)
        cells = [(c["name"], c["kind"], _limits(c), c["note"]) for c in columns]
        plain = {"columns": columns, "condition": given, "gain": self.gain, "compared": self.compared}
        better: list[tuple[str, object]] = [] if self.gain is None else [("gain", _gain(*self.gain))]
        if self.completed is not None:
            plain |= {"completed": self.completed.to_json()}
            better += [("incomplete", self.completed.sentence), ("assumed", ASSUMED)]
        if self.calibration is not None and self.calibration.rows is not None:
            kept = len(self.calibration.rows.points)
            plain |= {"rows_kept": kept}
            better += [("keeps", f"{kept:,} rows of the fit, in deviations of the columns")]
        if self.privacy is not None:
            plain |= {"privacy": self.privacy.to_json()}
            better += [("private", self.privacy.sentence)]
        return Told(
            plain,
            [*([("given", ", ".join(given))] if given else []), *better, *_compared(self.compared), *_units(columns)],
            [(("column", "kind", "limits", "why"), cells)],
        )


def column_facts(schema: Schema) -> list[dict[str, Any]]:
    """Name, kind, limits, how the kind was found, and categories if there are any, for each column."""
    return [
        {"name": c.name, "kind": c.kind, "low": c.low, "high": c.high, "note": c.note}
        | ({"categories": list(c.categories)} if c.categories else {})
        | ({"atoms": list(c.atoms)} if c.atoms else {})
        | ({} if c.moment is None else {"unit": c.moment.unit_name, "since": c.moment.since, "zone": c.moment.zone})
        | ({"type": c.type.arrow} if isinstance(c.type, Stored) else {})
        for c in schema.columns
    ]


def _units(columns: list[dict[str, Any]]) -> list[tuple[str, object]]:
    """Of dates and times, what one is: nats are logarithms of a density per such a unit."""
    counted = [f"{c['name']} in {c['unit']}s {c['since']}".strip() for c in columns if "unit" in c]
    return [("units", f"densities and whole numbers count {', '.join(counted)}")] if counted else []


def _gain(amount: float, error: float) -> str:
    word = "better" if amount >= 0 else "worse"
    return f"{abs(amount):.2f} ± {error:.2f} nats a row {word} than one Gaussian, on the rows that were held out"


def _compared(comparison: Mapping[str, Any] | None) -> list[tuple[str, object]]:
    """A line for each flow that was compared."""
    if comparison is None:
        return []
    found = []
    for row in comparison["flows"]:
        nats = row["note"] if row["nats"] is None else f"{row['nats']:.3f} ± {row['error'] or math.inf:.3f} nats a row"
        found.append(("compared", f"{row['flow']}: {nats}, in {comparison['folds']} folds"))
    return found


def _limits(column: dict[str, Any]) -> str:
    if "categories" in column:
        return plural(len(column["categories"]), "value")
    low, high = ("" if end is None else f"{end:.15g}" for end in (column["low"], column["high"]))
    atoms = ", ".join(f"{atom:.15g}" for atom in column.get("atoms", ()))
    told = [f"{low} .. {high}".strip()] if low or high else []
    return "; ".join([*told, *([f"atoms {atoms}"] if atoms else [])])
