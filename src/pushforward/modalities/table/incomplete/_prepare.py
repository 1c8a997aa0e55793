"""From rows with missing cells to what training needs."""

from dataclasses import replace

import jax
import numpy as np

from pushforward._errors import DataError, UsageError
from pushforward.modalities._learn import Prepared
from pushforward.modalities.table._rows import Rows
from pushforward.modalities.table._settings import AUTO, TableSettings
from pushforward.modalities.table.choice._prepare import prepare_rows
from pushforward.modalities.table.incomplete._completed import Completed
from pushforward.modalities.table.incomplete._read import Holed


def prepare_incomplete(rows: Rows, settings: TableSettings, key: jax.Array) -> Prepared:
    """What training needs of rows of which some lack cells.

    Raises:
        ValueError: If the data, the flow or a setting cannot be used.
    """
    if rows.holes is None or not rows.holes.any():
        return prepare_rows(rows, settings, key)
    if rows.condition is not None:
        raise UsageError(
            "incomplete rows and conditions exclude each other.",
            "fit a model of all columns, and give some of them afterwards: `sample --where`, `FlowDensity.condition`",
        )
    if settings.flow == AUTO:
        raise UsageError(
            "flows are compared on whole rows, and here cells are missing.",
            "name the flow, such as `--flow maf`, or compare on the rows that are whole (`compare --drop-missing`)",
        )
    if settings.resume:
        raise UsageError(
            "a fit to incomplete rows goes through rounds, and cannot be resumed.", "leave out `resume` (`--resume`)"
        )
    if settings.ensemble != 1:
        raise UsageError(
            "a fit to incomplete rows is of one flow: each would draw other cells.",
            "leave out `ensemble` (`--ensemble`), or the incomplete rows (`--drop-missing`)",
        )
    # Imported here: conditionals are of no use to a fit of whole rows, which starts sooner without them.
    from pushforward.modalities.table.incomplete._rounds import in_rounds, joint_of_fit

    ready = prepare_rows(rows, settings, key)
    joint_of_fit(ready.flow, ready, settings)
    return ready._replace(learn=in_rounds, settings=settings, facts=replace(ready.facts, completed=rows.completed))


def counted(found: Holed) -> Completed:
    """What was missing."""
    holes = found.holes
    columns = {name: int(n) for name, n in zip(found.table.names, holes.sum(axis=0), strict=True) if n}
    rows = int(np.asarray(holes.any(axis=1)).sum())
    return Completed(int(holes.sum()), rows, len(holes), columns, found.left_out)


def refuse_holes(name: str, holes: np.ndarray, what: str) -> None:
    """A DataError for missing cells of a column that must be whole."""
    if holes.any():
        count, row = int(holes.sum()), int(np.argmax(holes)) + 1
        raise DataError(
            f"column {name!r} is {what}, and {count:,} of its cells are missing, the first in row {row}.",
            "cells may be missing in the columns that are learned alone: fill it, or leave these rows out",
        )
