"""Columns of a model, as text and as plain data."""

from typing import Any

from pushforward.data import Schema


def column_facts(schema: Schema) -> list[dict[str, Any]]:
    """Name, kind, limits, how the kind was found, and categories if there are any, for each column."""
    return [
        {"name": c.name, "kind": c.kind, "low": c.low, "high": c.high, "note": c.note}
        | ({"categories": list(c.categories)} if c.categories else {})
        for c in schema.columns
    ]
