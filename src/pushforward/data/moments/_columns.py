"""Columns of moments as they were read: text becomes numbers, and all are counted in their own resolution."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pushforward._errors import ColumnError, DataError, together, told_together
from pushforward.data._tables import Table, positions
from pushforward.data.moments._moment import DAY, PLURALS, SECOND, Moment, step_of
from pushforward.data.moments._parse import Texts, read_texts
from pushforward.data.moments._zones import days_at_zone


def with_moments(table: Table, texts: Sequence[str], order: str | None, *, rows: np.ndarray, typed: bool) -> Table:
    """The table with columns of text as moments, and every column of moments in its own resolution.

    Args:
        table: As it was read: texts as categories, other moments in seconds.
        texts: Columns of text that are moments.
        order: Of day and month, where the user says it.
        rows: The number of each row in the source, from 1.
        typed: Whether the source has types, among which text is one.

    Raises:
        DataError: With all that is wrong with the texts.
    """
    problems: list[DataError] = []
    for name in texts:
        with told_together(problems):
            table = _of_text(table, name, order, rows=rows, typed=typed)
    if problems:
        raise together(problems)
    moments = {name: kind for name, kind in table.types.items() if isinstance(kind, Moment)}
    for name, moment in moments.items():
        place = positions("table", table.names, [name])[0]
        numbers, kind = at_resolution(table.values[:, place], moment)
        table.values[:, place] = numbers
        table = replace(table, types={**table.types, name: kind})
    return table


def _of_text(table: Table, name: str, order: str | None, *, rows: np.ndarray, typed: bool) -> Table:
    """One column of text in seconds."""
    place = positions("table", table.names, [name])[0]
    codes, labels = table.values[:, place].astype(int), table.categories[name]
    present, first = np.unique(codes, return_index=True)
    if not len(present):
        return replace(table, categories={n: c for n, c in table.categories.items() if n != name})
    by_row = np.argsort(first, kind="stable")
    present, first = present[by_row], first[by_row]
    texts = Texts(name, [str(labels[code]) for code in present], lambda i: int(rows[first[i]]))
    seconds, moment, note = read_texts(texts, order)
    of_code = np.empty(len(labels))
    of_code[present] = seconds
    table.values[:, place] = of_code[codes]
    rest = {n: c for n, c in table.categories.items() if n != name}
    kind = replace(moment, arrow="string" if typed else "")
    notes = (*table.notes, f"column {name!r} is {note}.") if note else table.notes
    return replace(table, categories=rest, types={**table.types, name: kind}, notes=notes)


def at_resolution(seconds: np.ndarray, moment: Moment) -> tuple[np.ndarray, Moment]:
    """Numbers that count the coarsest unit of which all values are multiples, from seconds to days, and their type."""
    if not len(seconds):
        return seconds, moment
    step = step_of(seconds)
    if moment.zone and step < DAY and step_of(days_at_zone(seconds, moment.zone)) == DAY:
        step, moment = DAY, replace(moment, local=True)
    kept = moment.step if moment.form and moment.step < SECOND else step
    moment = replace(moment, unit=max(step, SECOND), step=kept)
    return moment.numbers(seconds), moment


def converted(numbers: np.ndarray, given: object, wanted: object, name: str) -> np.ndarray:
    """Numbers of one type as those of another, `(rows,)`; what are no moments are themselves.

    Raises:
        ColumnError: If one is of moments and the other is not, or they are of different kinds.
    """
    if not isinstance(given, Moment) and not isinstance(wanted, Moment):
        return numbers
    if given == wanted:
        return numbers
    if not isinstance(wanted, Moment):
        assert isinstance(given, Moment)
        raise ColumnError(
            f"column {name!r} holds {PLURALS[given.what]}, but numbers are wanted.",
            "write them as numbers, as they were when the model was fitted",
            [name],
        )
    if not isinstance(given, Moment):
        raise ColumnError(
            f"column {name!r} holds numbers, but {PLURALS[wanted.what]} are wanted.",
            "give them as what they were when the model was fitted, such as text of ISO 8601",
            [name],
        )
    _check_alike(given, wanted, name)
    return wanted.numbers(_exact_seconds(given, numbers, name))


def _check_alike(given: Moment, wanted: Moment, name: str) -> None:
    dated = ("date", "datetime")
    if given.what != wanted.what and not (given.what in dated and wanted.what in dated):
        raise ColumnError(
            f"column {name!r} holds {PLURALS[given.what]}, but {PLURALS[wanted.what]} are wanted.",
            "give what the model was fitted to",
            [name],
        )
    if bool(given.zone) != bool(wanted.zone):
        has, wants = (f"the zone {m.zone}" if m.zone else "no time zone" for m in (given, wanted))
        raise ColumnError(
            f"column {name!r} has {has}, but the model was fitted to {wants}.",
            "give moments with a zone where the model knows one, and without where it does not",
            [name],
        )
    if given.turn:
        raise ColumnError(f"column {name!r} holds angles of a {given.turn} already.", "give the dates", [name])


def _exact_seconds(moment: Moment, numbers: np.ndarray, name: str) -> np.ndarray:
    """Seconds that no step has rounded; of local days, at the midnights that they are."""
    return moment.seconds(numbers, name) if moment.local else numbers * (moment.unit / SECOND)


def text_numbers(labels: Sequence[object], wanted: Moment, name: str, rows: np.ndarray) -> np.ndarray:
    """Texts, such as `--given` and streams give, as numbers of a type.

    Args:
        labels: The different texts.
        wanted: The type.
        name: Of the column.
        rows: The first row of each, from 0.
    """
    texts = Texts(name, [str(label) for label in labels], lambda i: int(rows[i]) + 1)
    order = None
    if "%d" in wanted.form.replace("-", "") and "%m" in wanted.form.replace("-", ""):
        form = wanted.form.replace("-", "")
        order = "day-first" if form.index("%d") < form.index("%m") else "month-first"
    seconds, given, _ = read_texts(texts, order)
    if given.what == "time" and wanted.what == "duration":
        given = replace(given, what="duration")
    return converted(seconds, given, wanted, name)
