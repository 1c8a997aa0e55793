"""From rows to what training needs: the schema, the flow in the user's units, arrays on the device."""

from dataclasses import replace

import jax

from pushforward.data import Schema, Table, encode
from pushforward.modalities._events import on_sphere, takes_binary
from pushforward.modalities._learn import Prepared, on_device
from pushforward.modalities.table._columns import (
    binary_schema,
    condition_schema_of,
    embedding_of,
    schema_of,
    sphere_schema,
    split_kinds,
)
from pushforward.modalities.table._facts import TableFacts
from pushforward.modalities.table._flow import build_flow, in_user_units, objective_of
from pushforward.modalities.table._rows import Rows, in_order, with_weight
from pushforward.modalities.table._settings import TableSettings


def prepare_rows(rows: Rows, settings: TableSettings, key: jax.Array) -> Prepared:
    """What training needs, of rows as the user has them.

    Raises:
        ValueError: If the data, the flow or a setting cannot be used.
    """
    rows = in_order(with_weight(rows))
    columns, of_conditions = split_kinds(settings.columns, rows.condition)
    conditions = None if rows.condition is None else condition_schema_of(rows.condition, of_conditions)
    schema = schema_of(rows.x, columns)
    rows = _encoded(rows, schema, conditions)
    seen = rows.condition
    embedding = None if conditions is None or seen is None else embedding_of(conditions, seen.values)
    cond_dim = None if embedding is None else embedding.in_shape[0]
    flow = build_flow(settings.flow, settings.options, schema, cond_dim, key)
    schema = binary_schema(rows.x) if takes_binary(flow) else schema
    if on_sphere(flow):
        schema = sphere_schema(rows.x, schema)
        rows = rows._replace(x=replace(rows.x, values=schema.turned(rows.x.values)))
    return Prepared(
        flow=in_user_units(flow, schema.bijection(rows.x.values), embedding),
        x=on_device(rows.x.values),
        condition=None if seen is None else on_device(seen.values),
        weights=None if rows.weights is None else on_device(rows.weights),
        objective=objective_of(settings.flow, schema),
        facts=TableFacts(schema, conditions, rows.named),
        data=rows,
    )


def _encoded(rows: Rows, schema: Schema, conditions: Schema | None) -> Rows:
    """The rows with the codes of the schemas, and angles within the period."""
    rows = rows._replace(x=_in_codes(rows.x, schema))
    if rows.condition is None or conditions is None:
        return rows
    return rows._replace(condition=_in_codes(rows.condition, conditions))


def _in_codes(table: Table, schema: Schema) -> Table:
    coded = encode(table, schema)
    return replace(coded, values=schema.turned(coded.values))
