"""From rows to what training needs: the schema, the flow, arrays on the device."""

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import numpy as np

from pushforward.bijections import AbstractBijection
from pushforward.data import Schema, Table, encode
from pushforward.distributions import AbstractDistribution
from pushforward.modalities._events import by_name, on_sphere, takes_binary
from pushforward.modalities._learn import Prepared, on_device
from pushforward.modalities.table._columns import (
    binary_schema,
    condition_schema_of,
    embedding_of,
    schema_of,
    seen_size,
    sphere_schema,
    split_kinds,
)
from pushforward.modalities.table._facts import TableFacts
from pushforward.modalities.table._far import training_ranges
from pushforward.modalities.table._flow import build_flow, objective_of, stands_alone, with_ends, without_ends
from pushforward.modalities.table._rows import Rows, in_order, with_weight
from pushforward.modalities.table._settings import TableSettings
from pushforward.modalities.table.streamed._groups import TableGroups
from pushforward.objectives import Objective

GIVEN_EMA = 0.99
"""Of densities of some columns given others, which learn rows by heart; see design record 0058."""


def prepare_flow(rows: Rows, settings: TableSettings, key: jax.Array) -> Prepared:
    """What training needs of one flow, of rows as the user has them.

    Raises:
        ValueError: If the data, the flow or a setting cannot be used.
    """
    rows = in_order(with_weight(rows))
    rows, schema, conditions = coded(rows, settings.columns)
    cond_dim = None if conditions is None else seen_size(conditions)
    build = partial(build_flow, settings.flow, by_name(settings.options), schema, cond_dim)
    flow = build(key)
    schema = binary_schema(rows.x) if takes_binary(flow) else schema
    if on_sphere(flow):
        schema = sphere_schema(rows.x, schema)
        rows = rows._replace(x=replace(rows.x, values=schema.turned(rows.x.values)))
    facts = facts_of(rows, schema, conditions, alone=stands_alone(flow))
    ready = in_standard_units(flow, rows, facts, objective_of(settings.flow, schema))
    ready = ready._replace(again=lambda key: with_ends(build(key), *_training_ends(facts)))
    if rows.streamed is None:
        return ready
    held_out = partial(rows.streamed.held_out, settings.validation)
    return ready._replace(x=TableGroups(rows.streamed, facts), condition=None, log_det=None, held_out=held_out)


def _training_ends(facts: TableFacts) -> tuple[AbstractBijection | None, AbstractBijection | None]:
    """What stands at the ends of a flow while it is trained on rows in standard units."""
    conditions = None if facts.condition_units is None else facts.condition_schema
    return (
        None if facts.units is None else facts.units.training_map(),
        None if conditions is None else embedding_of(conditions, None),
    )


def ends_of(
    flow: AbstractDistribution, facts: TableFacts
) -> tuple[AbstractDistribution, AbstractBijection | None, AbstractBijection | None]:
    """The flow of a model of columns, and what stands at its ends."""
    return without_ends(flow, columns=facts.units is not None, conditions=facts.condition_schema is not None)


def coded(rows: Rows, columns: Any) -> tuple[Rows, Schema, Schema | None]:
    """The rows with the codes of their schemas, and angles within the period; the schemas, unless they are known.

    Args:
        rows: As the user has them, or with the schemas that were found in more rows.
        columns: What columns can hold, as in `TableSettings`.
    """
    columns, of_conditions = split_kinds(columns, rows.condition)
    conditions = rows.conditions
    if conditions is None and rows.condition is not None:
        conditions = condition_schema_of(rows.condition, of_conditions)
    schema = rows.schema or schema_of(rows.x, columns, recurring=rows.condition is None)
    return _encoded(rows, schema, conditions), schema, conditions


def facts_of(rows: Rows, schema: Schema, conditions: Schema | None, *, alone: bool) -> TableFacts:
    """What a model knows of the columns; `alone` says that the flow takes them as they are."""
    given = rows.condition
    return TableFacts(
        schema,
        conditions,
        rows.named,
        None if alone else schema.units(rows.x.values),
        None if conditions is None or given is None else conditions.condition_units(given.values),
        () if conditions is None or given is None else training_ranges(conditions, given.values),
        condition_shares=() if conditions is None or given is None else _shares(conditions, given.values, rows.weights),
    )


def _shares(conditions: Schema, values: np.ndarray, weights: np.ndarray | None) -> tuple[float, ...]:
    """Of the categories of a condition that is one column of them."""
    count = len(conditions.columns[0].categories)
    if len(conditions.columns) != 1 or not count:
        return ()
    counts = np.bincount(values[:, 0].astype(int), weights, count)
    return tuple(float(share) for share in counts / counts.sum())


def in_standard_units(flow: AbstractDistribution, rows: Rows, facts: TableFacts, objective: Objective) -> Prepared:
    """Rows as the flow sees them; only the noise of integer columns, drawn anew in each step, is left to the device."""
    x, log_det, condition = rows.x.values, None, None
    bijection = embedding = None
    noise, seen = _training_ends(facts)
    if facts.units is not None:
        x, log_det = facts.units.for_training(x)
        bijection = facts.units.bijection()
    if rows.condition is not None and facts.condition_schema is not None and facts.condition_units is not None:
        condition, _ = facts.condition_units.standard(rows.condition.values)
        embedding = embedding_of(facts.condition_schema, facts.condition_units.standardize())

    def finish(trained: AbstractDistribution) -> AbstractDistribution:
        inner, _, _ = without_ends(trained, columns=noise is not None, conditions=seen is not None)
        return with_ends(inner, bijection, embedding)

    return Prepared(
        flow=with_ends(flow, noise, seen),
        x=on_device(x),
        condition=None if condition is None else on_device(condition),
        weights=rows.weights,
        objective=objective,
        facts=facts,
        data=rows,
        log_det=None if log_det is None else on_device(log_det),
        finish=finish,
        training={} if condition is None else {"ema": GIVEN_EMA},
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
