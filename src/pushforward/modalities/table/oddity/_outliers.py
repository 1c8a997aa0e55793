"""`pushforward outliers` of a table: which rows are odd, how sure that is, and by which columns."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from pushforward._errors import DataError
from pushforward.data import Schema, TableWriter, encode
from pushforward.data._read import Part, read_parts
from pushforward.diagnostics.oddity import conformal_p_values
from pushforward.diagnostics.oddity._conformal import check_resolved
from pushforward.modalities._model import Model
from pushforward.modalities._odd import level, promised, verdicts
from pushforward.modalities._options import flatten
from pushforward.modalities._talk import Talk, plural
from pushforward.modalities.table._aligned import ROW, aligned, selection
from pushforward.modalities.table._chunks import TableFlow, log_prob
from pushforward.modalities.table._given import condition_values
from pushforward.modalities.table.oddity._calibration import Calibration
from pushforward.modalities.table.oddity._columns import column_gains
from pushforward.modalities.table.oddity._scores import Oddity

SCORE, P_VALUE, COLUMNS, FLAG = "log_prob", "p_value", "odd_columns", "outlier"
"""What is written beside a row: nats, its p-value, the columns that make it odd, and with --all whether it is."""
LEAST_GAIN, SHARE_OF_GAIN, MOST_NAMED = 1.0, 0.25, 3
"""A column is named if its gain is at least this many nats, and this share of the largest; at most so many are."""


class Scored(NamedTuple):
    """Rows as they were read, with a log-density and a p-value for each that has no missing cell.

    Attributes:
        part: The rows.
        x: In codes, `(rows, columns)`.
        condition: `(rows, conditions)`, or None.
        scores: `(rows,)`.
        p_values: `(rows,)`.
    """

    part: Part
    x: np.ndarray
    condition: np.ndarray | None
    scores: np.ndarray
    p_values: np.ndarray


def outliers(model: Model, source: str, target: str, given: Mapping[str, Any], talk: Talk) -> None:
    """Write the rows whose p-values are small.

    Raises:
        DataError: If there are no calibration rows, or too few for the share of false alarms that is asked for.
    """
    flow, keep = TableFlow.of(model), flatten(given["keep"])
    known = calibration(model, flow, given, talk)
    if (alpha := level(given)) is not None:
        check_resolved(alpha, len(known.scores))
    names = [ROW, *keep, SCORE, P_VALUE, COLUMNS, *([FLAG] if given["all_rows"] else [])]
    scored = _scored(flow, model, known, _read(source, model, given))
    rows = dropped = flagged = 0
    with TableWriter(target, names) as writer:
        for one, odd in _judged(scored, given):
            found = [one.scores.astype(np.float32), one.p_values, _reasons(flow, one, odd)]
            table = aligned(one.part, [*found, odd] if given["all_rows"] else found, rows + dropped, names)
            writer.write_arrow(table if given["all_rows"] else table.filter(_present(one.part, odd)))
            rows, dropped, flagged = rows + len(odd), dropped + one.part.table.dropped, flagged + int(odd.sum())
    _say(rows, dropped, flagged, known, given, target=target, talk=talk)


def calibration(model: Model, flow: TableFlow, given: Mapping[str, Any], talk: Talk) -> Calibration:
    """The scores that p-values are made of: of a file that is given, or those that the model keeps.

    Raises:
        DataError: If there are none.
    """
    file = given["calibration"]
    known: Calibration | None = model.facts.calibration
    if file is not None:
        parts = _read(file, model, {**given, "keep": ()})
        by, rows = ("density", None) if known is None else (known.by, known.rows)
        score = Oddity(flow, by, rows)
        values = [_values(model, part) for part in parts if part.table.num_rows]
        scores = [score(x, log_prob(flow, x, condition)) for x, condition in values]
        found = np.concatenate(scores) if scores else np.zeros(0)
        _check_possible(found, file, talk)
        return Calibration(tuple(found.tolist()), True, by, rows)
    if known is None:
        raise DataError(
            "the model keeps no scores of rows that were held out, so nothing says which score is odd.",
            "give ordinary rows that it was not fitted to: `--calibration FILE`",
        )
    if not known.unseen:
        talk.say(
            f"calibrated by the {plural(len(known.scores), 'row')} that the fit held out, which chose its best epoch: "
            "a little more than the share may be false alarms; `--calibration FILE` with other rows is exact"
        )
    return known


def _check_possible(scores: np.ndarray, file: str, talk: Talk) -> None:
    """A DataError where no calibration row can be one of the model's, a warning where some cannot."""
    never = np.flatnonzero(np.isneginf(scores))
    if not never.size:
        return
    says = f"{file}: {plural(len(never), 'row')} of {len(scores):,} have probability zero, row {never[0] + 1} the first"
    if len(never) == len(scores):
        raise DataError(
            f"{says}: beside them no row is odd.", "give ordinary rows, with values that the model has seen"
        )
    talk.warn(f"{says}: as large a share of other rows passes as ordinary, whatever they are.")


def odd_columns(schema: Schema, gains: np.ndarray) -> str:
    """The names of the columns that make a row odd, the oddest first; empty where none does alone."""
    order = np.argsort(-gains)[:MOST_NAMED]
    least = max(LEAST_GAIN, SHARE_OF_GAIN * gains[order[0]])
    return ", ".join(schema.names[place] for place in order if gains[place] >= least)


def _read(source: str, model: Model, given: Mapping[str, Any]) -> Iterator[Part]:
    facts = model.facts
    own = [*facts.schema.columns, *(() if facts.condition_schema is None else facts.condition_schema.columns)]
    written = [SCORE, P_VALUE, COLUMNS, FLAG]
    chosen = selection(own, flatten(given["keep"]), written, given)
    return read_parts(source, chosen, drop_missing=given["drop_missing"])


def _values(model: Model, part: Part) -> tuple[np.ndarray, np.ndarray | None]:
    """Rows and conditions in the model's codes."""
    conditions = model.facts.condition_schema
    condition = None if conditions is None else condition_values(part.table, conditions)
    return encode(part.table, model.facts.schema).values, condition


def _scored(flow: TableFlow, model: Model, known: Calibration, parts: Iterator[Part]) -> Iterator[Scored]:
    score = Oddity(flow, known.by, known.rows)
    for part in parts:
        x, condition = _values(model, part)
        density = log_prob(flow, x, condition) if len(x) else np.zeros(0)
        found = score(x, density) if len(x) else density
        yield Scored(part, x, condition, density, conformal_p_values(known.scores, found))


def _judged(scored: Iterator[Scored], given: Mapping[str, Any]) -> Iterator[tuple[Scored, np.ndarray]]:
    """Each part, and which of its rows are flagged; with --false-share when all parts are read."""
    if level(given) is not None:
        yield from ((one, verdicts(one.p_values, given)) for one in scored)
        return
    parts = list(scored)
    flags = verdicts(np.concatenate([one.p_values for one in parts]), given)
    ends = np.cumsum([len(one.p_values) for one in parts])[:-1]
    yield from zip(parts, np.split(flags, ends), strict=True)


def _reasons(flow: TableFlow, one: Scored, odd: np.ndarray) -> Any:
    """The columns that make each flagged row odd, and nothing for others."""
    import pyarrow as pa

    condition = None if one.condition is None else one.condition[odd]
    gains = iter(column_gains(flow, one.x[odd], condition))
    return pa.array([odd_columns(flow.schema, next(gains)) if flag else "" for flag in odd], pa.string())


def _present(part: Part, odd: np.ndarray) -> np.ndarray:
    """Which rows are flagged, of all that were read."""
    if part.present is None:
        return odd
    flags = np.zeros(len(part.present), bool)
    flags[part.present] = odd
    return flags


def _say(
    rows: int,
    dropped: int,
    flagged: int,
    known: Calibration,
    given: Mapping[str, Any],
    *,
    target: str,
    talk: Talk,
) -> None:
    where = "standard output" if target == "-" else target
    talk.say(f"flagged {flagged:,} of {plural(rows, 'row')}; wrote {where}")
    for line in promised(rows, flagged, len(known.scores), given, "row"):
        talk.say(line)
    if dropped:
        talk.say(f"{plural(dropped, 'row')} without a verdict: a cell was missing")
