"""From a table to series: the columns of time, item and values, checked row by row."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from pushforward._errors import DataError, did_you_mean
from pushforward.data._arrow import open_frame
from pushforward.data._given import plain
from pushforward.data._read import open_source, with_holes
from pushforward.data._source import Selection, Source
from pushforward.data._tables import Table, positions
from pushforward.data.moments._columns import converted, with_moments
from pushforward.data.moments._moment import Moment
from pushforward.data.series._grid import Grid, gaps, grid_of
from pushforward.data.series._series import Clock, Item, SeriesData, time_text

LEAST = 3
"""Times that tell a step."""
ITEM = "--item (in Python: `item=`)"


def read_series(
    source: str | os.PathLike[str],
    *,
    time: str,
    item: str | None = None,
    series: Sequence[str] | None = None,
    known: Sequence[str] = (),
    drop: Sequence[str] = (),
    fill_gaps: bool = False,
    clock: Clock | None = None,
) -> SeriesData:
    """Read series from a table, a row a time; an empty cell is a missing value.

    Args:
        source: As in `read_table`.
        time: The column of times: dates, or whole numbers that count steps.
        item: The column that says which item a row is of, in a table with several rows for a time.
        series: The columns of values; all others when None.
        known: Columns that are known ahead, of the future too: covariates.
        drop: Columns to leave out.
        fill_gaps: Put a step of missing values where one is missing, instead of raising.
        clock: The step and the type of the times, where a model knows them.

    Raises:
        DataError: If times repeat, are not sorted, or are missing, there is a gap, or a column is not what it must be.
    """
    return series_of(
        read_rows(source, drop=drop, text=() if item is None else (item,)),
        time=time,
        item=item,
        series=series,
        known=known,
        fill_gaps=fill_gaps,
        clock=clock,
        label=os.path.basename(os.fspath(source)),
    )


def read_rows(source: str | os.PathLike[str], *, drop: Sequence[str] = (), text: Sequence[str] = ()) -> Table:
    """A table whose missing cells are NaN; dates and times as what they are."""
    return _rows(open_source(source, Selection(drop=tuple(drop), text=tuple(text))))


def rows_in_memory(data: Any, *, text: Sequence[str] = ()) -> Table | None:
    """The same of a frame, a mapping from names to columns or a list of records; None for an array."""
    if isinstance(data, Table):
        return data
    data = plain(data, "y")
    if not hasattr(data, "__arrow_c_stream__"):
        return None
    return _rows(open_frame(data, Selection(text=tuple(text)), label="y"))


def _rows(opened: Source) -> Table:
    table = with_holes(opened)
    for name in opened.texts:
        _refuse_empty(opened.label, table, name)
    if table.moments or opened.texts:
        rows = np.arange(1, table.num_rows + 1)
        table = with_moments(table, opened.texts, opened.order, rows=rows, typed=opened.typed)
    return table


def series_of(
    table: Table,
    *,
    time: str,
    item: str | None = None,
    series: Sequence[str] | None = None,
    known: Sequence[str] = (),
    fill_gaps: bool = False,
    clock: Clock | None = None,
    label: str = "table",
) -> SeriesData:
    """Series from a table; see `read_series`."""
    times, moment = _times(table, time, clock, label)
    groups = _groups(table, item, label)
    apart = {time, *known, *(() if item is None else (item,))}
    names = tuple(series) if series is not None else tuple(n for n in table.names if n not in apart)
    for name in (*names, *known):
        _refuse_text(table, name, label)
    if not names:
        raise DataError(f"{label}: no column of values is left.", f"the columns are {', '.join(table.names)}")
    for name, rows in groups:
        _check_order(times[rows], rows, moment, label, name, item)
    grid = None if clock is None else clock.grid
    if grid is None:
        pieces = [times[rows] for _, rows in groups if len(rows) > 1]
        if not pieces or max(map(len, pieces)) < LEAST:
            raise DataError(
                f"{label}: {max(len(rows) for _, rows in groups)} times are too few to tell a step.", "give more rows"
            )
        grid = grid_of(pieces, dated=moment is not None)
    where = positions(label, table.names, names), positions(label, table.names, known)
    items = tuple(
        _on_grid(table, times, rows, where, grid, moment, name, label, fill_gaps=fill_gaps) for name, rows in groups
    )
    _refuse_unknown(items, known, label)
    return SeriesData(names, items, grid, time, moment, item or "", tuple(known), label, table.notes)


def _times(table: Table, name: str, clock: Clock | None, label: str) -> tuple[np.ndarray, Moment | None]:
    """Seconds or plain numbers of every row, and their type: that of a model where there is one."""
    if name not in table.names:
        raise DataError(f"{label}: there is no column {name!r} of times.", did_you_mean(name, table.names))
    cells = table.column(name)
    _refuse_empty(label, table, name)
    moment = table.moments.get(name)
    if clock is not None:
        cells, moment = converted(cells, moment, clock.moment, name), clock.moment
    if moment is not None and moment.what in ("date", "datetime"):
        return moment.clock(cells), moment
    if name in table.categories or moment is not None or not np.array_equal(cells, np.round(cells)):
        raise DataError(
            f"{label}: column {name!r} holds no dates and no whole numbers.",
            "write times as 2024-03-31 or 2024-03-31T12:00:00, or number the steps",
        )
    return cells.astype(np.float64), None


def _groups(table: Table, item: str | None, label: str) -> list[tuple[str, np.ndarray]]:
    """The items and their rows, from 0."""
    if item is None:
        return [("", np.arange(table.num_rows))]
    if item not in table.names:
        raise DataError(f"{label}: there is no column {item!r} of items.", did_you_mean(item, table.names))
    _refuse_empty(label, table, item)
    cells = table.column(item)
    labels = table.categories.get(item)
    found, first = np.unique(cells, return_index=True)
    found = found[np.argsort(first)]
    return [(str(labels[int(v)]) if labels else f"{v:.17g}", np.flatnonzero(cells == v)) for v in found]


def _check_order(
    times: np.ndarray, rows: np.ndarray, moment: Moment | None, label: str, name: str, item: str | None
) -> None:
    of = f" of {item} {name!r}" if item else ""
    steps = np.diff(times)
    if (steps < 0).any():
        at = int(np.argmax(steps < 0))
        raise DataError(
            f"{label}: the times{of} are not sorted: row {rows[at + 1] + 1}, {time_text(moment, times[at + 1])}, comes "
            f"behind row {rows[at] + 1}, {time_text(moment, times[at])}.",
            "sort the rows by time" if item else f"sort the rows by time; where they are of several items, give {ITEM}",
        )
    if (steps == 0).any():
        at = int(np.argmax(steps == 0))
        raise DataError(
            f"{label}: two rows for one time{of}: rows {rows[at] + 1} and {rows[at + 1] + 1} are both of "
            f"{time_text(moment, times[at])}.",
            "keep one of them" if item else f"keep one of them, or name the column of items with {ITEM}",
        )


def _on_grid(
    table: Table,
    times: np.ndarray,
    rows: np.ndarray,
    where: tuple[list[int], list[int]],
    grid: Grid,
    moment: Moment | None,
    name: str,
    label: str,
    *,
    fill_gaps: bool,
) -> Item:
    """One item with a row for every step."""
    own = times[rows]
    whose = f"{label}, {name}" if name else label
    places = gaps(grid, own, rows + 1, lambda time: time_text(moment, time), whose)
    missed = np.flatnonzero(np.diff(places) > 1)
    if len(missed) and not fill_gaps:
        at = missed[0]
        count = int(places[at + 1] - places[at] - 1)
        more = f", and {len(missed) - 1} more" if len(missed) > 1 else ""
        raise DataError(
            f"{whose}: a gap of {count} {'step' if count == 1 else 'steps'} of {grid.length} between row "
            f"{rows[at] + 1}, {time_text(moment, float(own[at]))}, and row {rows[at + 1] + 1}, "
            f"{time_text(moment, float(own[at + 1]))}{more}.",
            "put the steps in as missing with --fill-gaps (in Python: `fill_gaps=True`), or give the rows",
        )
    length = int(places[-1]) + 1
    every = np.concatenate([own[:1], grid.after(float(own[0]), length - 1)]) if len(missed) else own
    values, known = (np.full((length, len(columns)), np.nan) for columns in where)
    values[places], known[places] = (table.values[rows][:, columns] for columns in where)
    numbers = np.zeros(length, np.int64)
    numbers[places] = rows + 1
    if len(missed):
        put_in = numbers == 0
        last = np.maximum.accumulate(np.where(put_in, 0, np.arange(length)))
        known = known[last]
    return Item(name, every, values, known, numbers)


def _refuse_unknown(items: Sequence[Item], known: Sequence[str], label: str) -> None:
    for item in items:
        empty = np.argwhere(~np.isfinite(item.known))
        if len(empty):
            row, place = empty[0]
            raise DataError(
                f"{label}: row {item.rows[row]} has no value in {known[place]!r}, which is to be known of every step.",
                "fill it in, or leave it out of --known",
            )


def _refuse_empty(label: str, table: Table, name: str) -> None:
    bad = ~np.isfinite(table.column(name))
    if bad.any():
        raise DataError(
            f"{label}: row {int(np.argmax(bad)) + 1} has nothing in {name!r}.", "fill it in, or leave it out"
        )


def _refuse_text(table: Table, name: str, label: str) -> None:
    positions(label, table.names, [name])
    if name in table.categories or name in table.moments:
        what = "text" if name in table.categories else "dates or times"
        raise DataError(
            f"{label}: column {name!r} holds {what}, but series are numbers.",
            f"leave it out with --drop {name}, or name it in --item if it says whose row it is",
        )
