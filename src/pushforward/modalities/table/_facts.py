"""What a model of a table knows of its columns, and how that is told."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from pushforward.data import Schema
from pushforward.modalities._base import Told
from pushforward.modalities._talk import plural


@dataclass(frozen=True)
class TableFacts:
    """What is needed to use the flow of a table.

    Attributes:
        schema: The columns.
        condition_schema: Those of the condition, or None.
        named: Whether the columns had names, or were called `x0, x1, ...`.
        scores: The log-densities of the training rows at the quantiles 0, 0.01, ..., 1; empty where they are not known.
    """

    schema: Schema
    condition_schema: Schema | None
    named: bool
    scores: tuple[float, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        conditions = self.condition_schema
        return {
            "schema": self.schema.to_json(),
            "condition_schema": None if conditions is None else conditions.to_json(),
            "named": self.named,
        } | ({"scores": list(self.scores)} if self.scores else {})

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The facts from plain data."""
        conditions = data["condition_schema"]
        given = None if conditions is None else Schema.from_json(conditions)
        return cls(Schema.from_json(data["schema"]), given, data["named"], tuple(data.get("scores", ())))

    def told(self) -> Told:
        """What `show` tells."""
        columns = column_facts(self.schema)
        given = [] if self.condition_schema is None else list(self.condition_schema.names)
        cells = [(c["name"], c["kind"], _limits(c), c["note"]) for c in columns]
        return Told(
            {"columns": columns, "condition": given},
            [("given", ", ".join(given))] if given else [],
            [(("column", "kind", "limits", "why"), cells)],
        )


def column_facts(schema: Schema) -> list[dict[str, Any]]:
    """Name, kind, limits, how the kind was found, and categories if there are any, for each column."""
    return [
        {"name": c.name, "kind": c.kind, "low": c.low, "high": c.high, "note": c.note}
        | ({"categories": list(c.categories)} if c.categories else {})
        for c in schema.columns
    ]


def _limits(column: dict[str, Any]) -> str:
    if "categories" in column:
        return plural(len(column["categories"]), "value")
    low, high = column["low"], column["high"]
    if low is None and high is None:
        return ""
    return f"{'' if low is None else f'{low:g}'} .. {'' if high is None else f'{high:g}'}".strip()
