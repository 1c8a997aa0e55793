"""Columns of a model, as text and as plain data."""

from typing import Any

from pushforward.data import Schema


def column_facts(schema: Schema) -> list[dict[str, Any]]:
    """Name, kind, limits and how the kind was found, for each column."""
    return [{"name": c.name, "kind": c.kind, "low": c.low, "high": c.high, "note": c.note} for c in schema.columns]
