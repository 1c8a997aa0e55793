"""How a fit to a table is told before it begins."""

from pushforward.data import Schema
from pushforward.flows import RECIPES
from pushforward.modalities._talk import plural
from pushforward.modalities.table._rows import Rows
from pushforward.modalities.table._settings import AUTO


def plan(rows: Rows, flow: str) -> str:
    """`300 rows of 6 columns given age`, and by which flows the columns are learned."""
    given = "" if rows.condition is None else f" given {', '.join(rows.condition.names)}"
    how = "" if rows.schema is None else _how(flow, rows.schema)
    return f"{plural(rows.total, 'row')} of {plural(rows.x.num_columns, 'column')}{given}{how}"


def _how(flow: str, schema: Schema) -> str:
    """How columns are fitted that are not by the flow alone that was asked for."""
    if flow == AUTO:
        return ": the best of maf, nsf and one Gaussian, by a comparison"
    count = len(schema.categorical)
    if schema.atomic:
        atoms = f"which of {plural(len(schema.atomic), 'column')} with atoms is at one"
        first = f"{plural(count, 'categorical column')} and {atoms}" if count else atoms
        return f": {first} by a masked network, the others by {flow} given them"
    if not count or RECIPES[flow].events == "categories":
        return _how_angles(flow, schema)
    others = [place for place in range(len(schema.columns)) if place not in schema.categorical]
    if not others:
        return ": all are categorical, so it is a masked network of their probabilities alone"
    law = f": {plural(count, 'categorical column')} by a masked network, the others by {flow} given them"
    return law + _how_angles(flow, schema.select(others))


def _how_angles(flow: str, schema: Schema) -> str:
    """How circular columns are fitted, where it is not by the flow that was asked for."""
    angles, events = len(schema.circular), RECIPES[flow].events
    if not angles or events == "sphere" or (events == "circle" and angles == len(schema.columns)):
        return ""
    if angles == len(schema.columns):
        return ": all are circular, so it is circular-nsf"
    other = "nsf" if events == "circle" else flow
    return f": {plural(angles, 'circular column')} by circular-nsf, the others by {other} given cosine and sine"
