"""The rows that a model finds least and most likely."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pushforward.data import Table
from pushforward.modalities._model import Model
from pushforward.modalities.table._chunks import TableFlow, log_prob
from pushforward.modalities.table._mixed import in_user_values
from pushforward.modalities.table.oddity._columns import column_gains
from pushforward.modalities.table.oddity._outliers import odd_columns
from pushforward.modalities.table.oddity._ranks import percentiles
from pushforward.reports import AbstractPart, Section, Words
from pushforward.reports import Table as Shown

NUM_ROWS = 5
MOST_COLUMNS = 5


def extremes(model: Model, rows: Table, condition: np.ndarray | None) -> Section:
    """Five rows of either end, with the columns that make the first ones odd."""
    flow = TableFlow.of(model)
    scores = log_prob(flow, rows.values, condition)
    order = np.argsort(scores, kind="stable")
    worst, best = order[:NUM_ROWS], order[::-1][:NUM_ROWS]
    gains = column_gains(flow, rows.values[worst], None if condition is None else condition[worst])
    reasons = [odd_columns(flow.schema, own) for own in gains]
    shown = _columns(rows.names, gains)
    parts: list[AbstractPart] = [Words(_about(rows, len(shown)))]
    for places, caption, odd in (
        (worst, "Least likely", reasons),
        (best, "Most likely", None),
    ):
        parts.append(_table(model, rows, scores, places, shown, caption=caption, odd=odd))
    return Section("Worst and best rows", parts)


def _columns(names: Sequence[str], gains: np.ndarray) -> list[int]:
    """All, or of many those that make the worst rows odd."""
    if len(names) <= MOST_COLUMNS:
        return list(range(len(names)))
    highest = np.where(np.isfinite(gains), gains, np.finfo(float).max).max(axis=0)
    return sorted(np.argsort(-highest, kind="stable")[:MOST_COLUMNS].tolist())


def _about(rows: Table, shown: int) -> str:
    text = "Rows are counted from 1. "
    if rows.dropped:
        text = f"Rows are counted from 1, without the {rows.dropped:,} with a missing cell. "
    text += (
        "The percentile says which share of the training rows has a lower log-density. A column is odd if the value of "
        "a likely row nearby would raise the log-density much."
    )
    if shown < rows.num_columns:
        text += f" Of {rows.num_columns} columns the {shown} are shown that make the worst rows odd."
    return text


def _table(
    model: Model,
    rows: Table,
    scores: np.ndarray,
    places: np.ndarray,
    shown: list[int],
    *,
    caption: str,
    odd: list[str] | None,
) -> Shown:
    ranks = model.facts.scores
    header = ["row", "log_prob", *(["percentile"] if ranks else []), *(["odd columns"] if odd is not None else [])]
    values = in_user_values(model.facts.schema, rows.values[places])
    lines = []
    for number, place in enumerate(places):
        line: list[object] = [int(place) + 1, f"{scores[place]:.2f}"]
        line += [f"{percentiles(scores[place : place + 1], ranks)[0]:.0f}"] if ranks else []
        line += [odd[number] or "none alone"] if odd is not None else []
        lines.append(line + [_cell(values[number, column]) for column in shown])
    return Shown([*header, *(rows.names[column] for column in shown)], lines, caption)


def _cell(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)
