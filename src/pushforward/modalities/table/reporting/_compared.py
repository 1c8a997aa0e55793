"""Data beside samples: a test and two numbers of each column, and pictures."""

from typing import Any

import numpy as np

from pushforward.data import Table
from pushforward.diagnostics.goodness._tests import column_p_values
from pushforward.modalities._model import Model
from pushforward.modalities.table._pictures import Subject, Wanted, drawn
from pushforward.modalities.table.goodness._case import columns_of
from pushforward.reports import AbstractPart, Picture, Section
from pushforward.reports import Table as Shown

MOST_LINES, MOST_PANELS = 12, 6


def compared(
    model: Model, rows: Table, given: Table | None, drawn_rows: np.ndarray, columns: tuple[str, ...], seed: int
) -> Section:
    """Columns one by one, then pairs of numbers, then categories.

    Args:
        model: What was fitted.
        rows: In codes.
        given: The conditions of the rows, or None.
        drawn_rows: Samples, in codes.
        columns: Which columns are to be drawn; empty for those that differ most.
        seed: For samples.
    """
    parts: list[AbstractPart] = [_by_column(model, rows, drawn_rows, seed)]
    schema = model.facts.schema
    numbers = [name for name in columns or schema.names if name not in schema.categories]
    shares = [name for name in columns or schema.names if name in schema.categories]
    if numbers:
        chosen = tuple(numbers) if columns else ()
        subject = Subject(model, rows, given, seed, Wanted(chosen, most=MOST_PANELS))
        parts += _corner(subject, numbers)
    if shares:
        wanted = Wanted(tuple(shares) if columns else ())
        figure = drawn(Subject(model, rows, given, seed, wanted), "shares")
        parts.append(
            Picture(figure, f"Bars of the share of each value of {_listed(shares)}, {_SIDES}", _shares(shares))
        )
    return Section("Data beside samples", parts)


_SIDES = "in the data and in samples"
_MOST_BARS = 12  # columns that `plots.shares` shows


def _corner(subject: Subject, numbers: list[str]) -> list[AbstractPart]:
    if len(numbers) > MOST_PANELS and not subject.wanted.columns:
        told = (
            f"Of {len(numbers)} columns of numbers the {MOST_PANELS} are drawn whose samples differ most from the "
            "data. Others are drawn by `--columns A,B`."
        )
        alt = f"Every pair of the {MOST_PANELS} columns of numbers that differ most, {_SIDES}"
    else:
        told = "Every pair of columns of numbers." if len(numbers) > 1 else "The column of numbers."
        alt = f"Histograms and every pair of {_listed(numbers)}, {_SIDES}"
    told += (
        " Data are dots and filled histograms, samples are lines. Where the fit is good, the lines run along the dots."
    )
    return [Picture(drawn(subject, "corner"), alt, told)]


def _shares(names: list[str]) -> str:
    text = "How often each value occurs: filled in the data, outlined in samples."
    return text + (f" The first {_MOST_BARS} of {len(names)} columns." if len(names) > _MOST_BARS else "")


def _by_column(model: Model, rows: Table, drawn_rows: np.ndarray, seed: int) -> Shown:
    schema, columns = model.facts.schema, columns_of(model.facts.schema)
    p_values = column_p_values(rows.values, drawn_rows, columns.categorical, np.random.default_rng(seed))
    order = np.argsort(p_values, kind="stable")[:MOST_LINES]
    caption = "Each column alone: its p-value, and mean ± deviation of its numbers, or its commonest value."
    if len(p_values) > MOST_LINES:
        caption += f" The {MOST_LINES} of {len(p_values)} columns with the smallest p-values."
    lines = [
        (
            schema.names[place],
            schema.columns[place].kind,
            f"{p_values[place]:.2g}",
            _summary(schema.columns[place], rows.values[:, place]),
            _summary(schema.columns[place], drawn_rows[:, place], rows.values[:, place]),
        )
        for place in order
    ]
    return Shown(("column", "kind", "p-value", "data", "samples"), lines, caption)


def _summary(column: Any, cells: np.ndarray, like: np.ndarray | None = None) -> str:
    """Mean and deviation; of categories the share of the value that is commonest in the data."""
    if column.kind == "categorical":
        most = int(np.bincount((cells if like is None else like).astype(int)).argmax())
        return f"{column.categories[most]}: {100 * np.mean(cells == most):.1f} %"
    if column.moment is not None:
        return ""
    return f"{cells.mean():.4g} ± {cells.std():.3g}"


def _listed(names: list[str]) -> str:
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
