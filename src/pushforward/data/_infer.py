"""Finding out where the values of each column can lie, conservatively, with a sentence for each column."""

import math
import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from pushforward._errors import ColumnError, DataError, shell_names, together
from pushforward.data._categories import LEAST_ROWS, Category, in_order, listed, numbers_recur, refuse_too_many
from pushforward.data._coding import cells, numbers
from pushforward.data._doubts import ASKED, repeated, share_sentence
from pushforward.data._kinds import KindSpec, parse_kind
from pushforward.data._schema import Column, Schema
from pushforward.data._tables import Table, positions, quoted, require_rows
from pushforward.data._units import LARGEST
from pushforward.data.files._stored import ColumnType, Stored
from pushforward.data.limits._named import named_limits
from pushforward.data.limits._ratings import rating_limits
from pushforward.data.moments._kinds import kind_of, refuse_turn, told, told_kind
from pushforward.data.moments._moment import DAY, PLURALS, Moment, turned

LOGNORMAL_GAIN = 0.1
"""Nats per row by which a lognormal must describe a column better than a normal before it is called positive.

An exponential column gains 0.33 and a gamma of shape 2 gains 0.14; heights or weights of adults, positive too, gain
about 0.01 and stay unbounded, because the model can do without the map.
"""
END_WIDTH, END_SHARE = 0.05, 0.01
"""A column in (0, 1) is called bounded when this share of its rows lies within this width of each end.

An exponential column that happens to stay below 1 does not pass: a hundredth of it near 1 means more beyond.
"""
ANGLE_NAMES = re.compile(
    r"angle|degree|radian|direction|bearing|heading|azimuth|phase|torsion|dihedral|longitude|\b(deg|rad|lon|lng)\b"
)
"""Names of columns that may hold angles."""
TURNS = ((0.0, 360.0), (-180.0, 180.0), (0.0, 2.0 * math.pi), (-math.pi, math.pi))
WHOLE = 2.0**53
"""Beyond this not every whole number is a float64, and all floats are whole."""


def infer_schema(
    table: Table, overrides: Mapping[str, str] | None = None, *, recurring: bool = True
) -> tuple[Schema, tuple[str, ...]]:
    """The schema of a table, and one sentence per column of what was inferred and why.

    Text and truth values are categories. The rules for numbers, in this order: values with a fraction that fill
    [0, 360), [-180, 180), [0, 2 pi) or [-pi, pi) to both ends, under a name that says angle or direction or the like,
    are circular; latitude, longitude and percentages, by name, keep the limits that these have; whole numbers are
    integers (two different values: only those and what lies between them; ratings, whose frequencies break off at both
    ends: between these; skewed counts from 0 up: at or above 0); values that fill (0, 1) to both ends are bounded;
    positive values that a lognormal describes clearly better than a normal are positive; all others are unbounded.
    Values that are repeated far more often than all others are atoms, and the rules are asked of the rest. Numbers with
    fractions, but no angles, are categories where there are at most 32 of them, ten rows for each, and none that is
    there only once. Whole numbers are categories only if an override says so.

    Args:
        table: The data that a flow will be fitted to.
        overrides: By column name, a kind as `parse_kind` reads it.
        recurring: Whether few numbers that recur are categories, and so have no order and no other value between them.

    Raises:
        DataError: If a column is constant, an override names no column, or a value lies outside its support.

    Example:
        >>> table = Table(("age",), np.array([[31.0], [45.0], [62.0]]))
        >>> schema, sentences = infer_schema(table)
        >>> sentences[0]
        "'age' is integer: all values are whole numbers, from 31 to 62."
    """
    require_rows(table)
    overrides = dict(overrides or {})
    positions("column kinds", table.names, list(overrides))
    kinds = {name: parse_kind(text) for name, text in overrides.items()}
    problems: list[DataError] = []
    columns = []
    constant = []
    for name in table.names:
        categorical = _is_categorical(table, name, kinds.get(name))
        stored = table.types.get(name)
        try:
            if categorical:
                columns.append(_categories(table, name, asked=name in kinds))
            elif isinstance(stored, Moment) and name not in table.categories and not _is_constant(table.column(name)):
                columns.append(moment_column(name, table.column(name), stored, kinds.get(name)))
            elif _is_constant(cells := numbers(table, name)):
                constant.append(name)
            elif recurring and name not in kinds and stored is None and _recur(name, cells):
                columns.append(_categories(table, name, asked=False))
            else:
                columns.append(_stored_as(_column(name, cells, kinds.get(name)), stored, asked=name in kinds))
        except DataError as error:
            problems.append(error)
    if constant:
        holds = "holds one value only" if len(constant) == 1 else "hold one value each"
        problems.append(
            ColumnError(
                f"{quoted('column', constant)} {holds}: a density has no finite value there.",
                f"leave out what does not vary (`--drop {shell_names(constant)}`)",
                constant,
            )
        )
    if problems:
        raise together(problems)
    return Schema(columns), tuple(f"{column.name!r} is {column.spec}: {column.note}." for column in columns)


def _recur(name: str, cells: np.ndarray) -> bool:
    """Whether numbers are few that recur; angles are what they are, however few there are."""
    return numbers_recur(cells) and _inferred(name, cells.astype(np.float64))[0].kind != "circular"


def _is_constant(cells: np.ndarray) -> bool:
    return bool(cells.size and np.ptp(cells) == 0)


def _stored_as(column: Column, stored: ColumnType | None, *, asked: bool) -> Column:
    """Whole numbers of a small type, or without a sign, have the limits of the type where none is nearer."""
    if not isinstance(stored, Stored) or column.kind != "integer":
        return column
    low, high = stored.limits
    if asked or (low, high) == (None, None) or (column.low is not None and column.high is not None):
        return replace(column, type=stored)
    low, high = column.low if column.low is not None else low, column.high if column.high is not None else high
    return replace(column, type=stored, low=low, high=high, note=f"{column.note}, of type {stored.arrow}")


def _is_categorical(table: Table, name: str, asked: KindSpec | None) -> bool:
    return name in table.categories if asked is None else asked.kind == "categorical"


def _categories(table: Table, name: str, *, asked: bool) -> Column:
    """A categorical column with the categories that occur."""
    if name in table.moments:
        raise ColumnError(
            f"column {name!r} cannot be categorical: it holds {PLURALS[table.moments[name].what]}, not text.",
            "leave the kind out, or turn the values into text",
            [name],
        )
    labels, places = cells(table, name)
    found = [labels[place] for place in np.unique(places) if place < len(labels)]
    if any(isinstance(label, float) for label in found):
        found = [float(label) if isinstance(label, int | float) else label for label in found]
    if any(not isinstance(label, str | bool) and abs(label) > WHOLE for label in found if isinstance(label, int)):
        raise ColumnError(
            f"column {name!r} cannot be categorical: whole numbers beyond 2**53 are not told apart.",
            "turn them into text",
            [name],
        )
    refuse_too_many(name, len(found), table.num_rows)
    whole: list[Category] = [label for label in found if isinstance(label, str | int | float)]
    stored = table.types.get(name)
    ordered = isinstance(stored, Stored) and stored.ordered
    categories = tuple(whole) if ordered else in_order(whole)[0]
    if isinstance(stored, Stored):
        fixed = ordered or stored.metadata
        levels = tuple(label for label in labels if isinstance(label, str | int)) if fixed else ()
        stored = replace(stored, levels=levels) if stored.dictionary else None
    of_type = {str: "text", bool: "truth values", int: "whole numbers", float: "numbers that recur"}
    what = of_type[type(categories[0])]
    what = f"{what} in an order" if ordered else what
    count = f"{len(categories)} value{'s' * (len(categories) != 1)}"
    reason = f"{'as asked for' if asked else what}, with {count}: {listed(categories)}"
    return Column(name, "categorical", note=reason, categories=categories, type=stored)


def moment_column(name: str, cells: np.ndarray, moment: Moment, spec: KindSpec | None) -> Column:
    """A column of dates, times or durations: what it counts, and how to say otherwise."""
    if spec is None and moment.what == "duration":
        spec, reason = _inferred("", cells)
        return Column(name, spec.kind, spec.low, spec.high, told(moment, cells, reason), atoms=spec.atoms, type=moment)
    if spec is None:
        spec, reason = kind_of(cells, moment)
        if spec.turn:
            moment = turned(moment, spec.turn, moment.seconds(cells, name))
        return Column(name, spec.kind, spec.low, spec.high, told_kind(name, moment, reason), type=moment)
    if spec.kind == "circular":
        refuse_turn(name, moment, spec)
        moment = turned(moment, spec.turn, moment.seconds(cells, name))
        return Column(name, spec.kind, spec.low, spec.high, told_kind(name, moment, ASKED), type=moment)
    if moment.what == "time" and spec == KindSpec("integer"):
        spec = KindSpec("integer", 0.0, DAY / moment.unit - 1)
    return replace(_column(name, cells, spec), type=moment, note=told(moment, cells, ASKED))


def _column(name: str, cells: np.ndarray, spec: KindSpec | None) -> Column:
    if spec is not None and spec.turn:
        raise ColumnError(
            f"column {name!r} cannot be {spec}: it holds numbers, not dates or times.",
            "give the period in its units, as in `circular(24)` for hours",
            [name],
        )
    if spec is None:
        spec, reason = _inferred(name, cells.astype(np.float64))
        column = Column(name, spec.kind, spec.low, spec.high, reason, atoms=spec.atoms)
        _refuse_extremes(column, cells)
        return column
    if spec.kind == "integer" and np.abs(cells).max() > WHOLE:
        raise ColumnError(
            f"column {name!r} cannot be {spec}: it holds {cells[np.abs(cells).argmax()]:.6g}, and beyond 2**53 not "
            "every whole number is a float64.",
            "give another kind, such as positive or unbounded",
            [name],
        )
    column = Column(name, spec.kind, spec.low, spec.high, _asked_for(spec, cells), atoms=spec.atoms)
    _refuse_atoms_alone(column, cells)
    _refuse_extremes(column, cells)
    outside = np.flatnonzero(~column.support.contains(cells))
    if len(outside):
        shown = ", ".join(f"{cells[i]:.6g} in row {i + 1}" for i in outside[:5])
        raise ColumnError(
            f"column {name!r} cannot be {column.spec}: {len(outside)} of {len(cells)} values lie outside "
            f"({shown}{', ...' if len(outside) > 5 else ''}).",
            "give another kind, or leave these rows out",
            [name],
        )
    return column


def _refuse_atoms_alone(column: Column, cells: np.ndarray) -> None:
    away = column.support.away(cells)
    if column.atoms and (len(away) < 2 or np.ptp(away) == 0):
        raise ColumnError(
            f"column {column.name!r} cannot be {column.spec}: fewer than two values lie elsewhere.",
            "say categorical if these are all values that there are",
            [column.name],
        )


def _asked_for(spec: KindSpec, cells: np.ndarray) -> str:
    if spec.atoms:
        return f"{ASKED}, with {share_sentence(cells, spec.atoms)}"
    if spec.kind != "circular" or spec.low is None or spec.high is None:
        return "as asked for"
    elsewhere = (cells < spec.low) | (cells > spec.high)
    taken = f", and values of other turns are taken into [{spec.low:g}, {spec.high:g})"
    return f"as asked for{taken * bool(elsewhere.any())}"


def _inferred(name: str, cells: np.ndarray) -> tuple[KindSpec, str]:
    low, high = float(cells.min()), float(cells.max())
    said = ANGLE_NAMES.search(re.sub(r"[\W_]+", " ", name.lower()))
    if said is not None and (turn := _turn_of(cells, low, high)) is not None:
        start, end = turn
        ends = f"[{start:.4g}, {end:.4g})"
        return KindSpec("circular", start, end), f"its name says {said[0]!r}, and the values fill {ends}"
    spec, reason = _not_circular(name, cells, low, high)
    if said is not None and low >= -360 and high <= 360:
        reason += f"; its name says {said[0]!r}, and if it is an angle, say so, as in circular(360)"
    return spec, reason


def _not_circular(name: str, cells: np.ndarray, low: float, high: float) -> tuple[KindSpec, str]:
    if (named := named_limits(name, cells)) is not None:
        return named
    whole = np.array_equal(cells, np.floor(cells))
    if whole and max(-low, high) <= WHOLE:
        return _integer(cells, low, high)
    if (atoms := repeated(cells)) and not whole:
        return _beside_atoms(cells, atoms)
    spec, reason = _real(cells, low, high)
    return spec, reason + "; whole, but beyond 2**53, where every float is" * whole


def _real(cells: np.ndarray, low: float, high: float) -> tuple[KindSpec, str]:
    enough = len(cells) >= LEAST_ROWS
    if enough and low > 0 and high < 1 and _fills_unit(cells):
        return KindSpec("bounded", 0.0, 1.0), "the values fill the interval from 0 to 1"
    if low <= 0:
        return KindSpec("unbounded"), f"values from {low:.6g} to {high:.6g}"
    gain = _lognormal_gain(cells)
    if enough and gain > LOGNORMAL_GAIN:
        return KindSpec("positive"), f"all values are above 0, and a lognormal fits better by {gain:.2f} nats per row"
    reason = f"all values are above 0, but a lognormal fits not clearly better ({gain:+.2f} nats per row)"
    return KindSpec("unbounded"), reason if enough else f"{len(cells)} rows are too few to infer a limit"


def _beside_atoms(cells: np.ndarray, atoms: tuple[float, ...]) -> tuple[KindSpec, str]:
    """What the values are that lie at no atom."""
    rest = cells[~np.isin(cells, atoms)]
    low, high = float(rest.min()), float(rest.max())
    if len(atoms) > 1 and atoms[0] < low and high < atoms[-1]:
        spec, reason = KindSpec("bounded", atoms[0], atoms[-1]), "the others lie between"
    elif 0.0 in atoms and low > 0:
        spec, reason = KindSpec("positive"), "the others are above 0"
    else:
        spec, reason = _real(rest, low, high)
        reason = f"of the others, {reason}"
    return spec._replace(atoms=atoms), f"{share_sentence(cells, atoms)}; {reason}"


def _integer(cells: np.ndarray, low: float, high: float) -> tuple[KindSpec, str]:
    whole = f"all values are whole numbers, from {low:.15g} to {high:.15g}"
    if np.all((cells == low) | (cells == high)):
        return KindSpec("integer", low, high), f"the only values are {low:.15g} and {high:.15g}"
    if (ends := rating_limits(cells)) is not None:
        return KindSpec(
            "integer", float(ends[0]), float(ends[1])
        ), f"{whole}, which break off at both ends as ratings do"
    if len(cells) >= LEAST_ROWS and low >= 0 and _lognormal_gain(cells + 0.5) > LOGNORMAL_GAIN:
        return KindSpec("integer", 0.0), f"{whole}, skewed as counts are"
    return KindSpec("integer"), whole


def _turn_of(cells: np.ndarray, low: float, high: float) -> tuple[float, float] | None:
    """The turn that values with a fraction fill, if they fill one."""
    if len(cells) < LEAST_ROWS or np.array_equal(cells, np.floor(cells)):
        return None
    for start, end in TURNS:
        if start <= low and high <= end and _fills_unit((cells - start) / (end - start)):
            return start, end
    return None


def _fills_unit(cells: np.ndarray) -> bool:
    return bool(min(np.mean(cells < END_WIDTH), np.mean(cells > 1 - END_WIDTH)) >= END_SHARE)


def _lognormal_gain(cells: np.ndarray) -> float:
    """Log-likelihood per row of the best lognormal less that of the best normal; `cells` are above 0."""
    logs = np.log(cells)
    spread, log_spread = float(np.std(cells)), float(np.std(logs))
    if not spread > 0 or not log_spread > 0:
        return 0.0
    return math.log(spread) - math.log(log_spread) - float(np.mean(logs))


def _refuse_extremes(column: Column, cells: np.ndarray) -> None:
    if column.kind == "positive":
        return  # their logarithm is of ordinary size
    largest = float(np.max(np.abs(cells)))
    if largest > LARGEST:
        row = int(np.argmax(np.abs(cells))) + 1
        raise ColumnError(
            f"column {column.name!r} holds {largest:.3g} in row {row}, too large for float32.",
            "change its unit, or leave the row out",
            [column.name],
        )
