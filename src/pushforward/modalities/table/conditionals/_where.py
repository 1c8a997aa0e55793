"""What a user gives of columns: `age=50`, `income>40000`, `sex!=F`, or values, pairs and sets in Python."""

import datetime
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pushforward._errors import DataError, UsageError, did_you_mean
from pushforward.data import Column, Schema
from pushforward.data._categories import UNKNOWN, codes_of, listed
from pushforward.data.moments._columns import text_numbers
from pushforward.modalities.table.conditionals._rows import Ends, refuse_impossible

COMPARISONS = (">=", "<=", "!=", "==", "=", ">", "<")
FORM = re.compile(r"^\s*(.+?)\s*(>=|<=|!=|==|=|>|<)\s*(.*?)\s*$")


@dataclass
class Given:
    """What is given of the columns of a schema, by place.

    Attributes:
        schema: The columns.
        values: Of columns at one value: a number, or the code of a category.
        ends: Of columns between limits.
        codes: Of columns with some of their categories, which ones, `(categories,)`.
    """

    schema: Schema
    values: dict[int, float] = field(default_factory=dict)
    ends: dict[int, Ends] = field(default_factory=dict)
    codes: dict[int, np.ndarray] = field(default_factory=dict)

    def add(self, name: str, comparison: str, value: Any) -> None:
        """One more condition.

        Raises:
            DataError: If the column is not known, cannot be so, or the conditions contradict each other.
            UsageError: If a column of categories or angles is compared, or a value is no number.
        """
        place = place_of(self.schema, name)
        column = self.schema.columns[place]
        ordered, labels = column.kind not in ("categorical", "circular"), column.labels
        if comparison in (">", ">=", "<", "<=") and labels is not None:
            self._add_codes(place, _compared(labels, comparison, number_of(column, value, limit=True)))
        elif comparison in (">", ">=", "<", "<=") and not ordered:
            raise UsageError(
                f"{name}{comparison}{value}: {column.kind} columns have no order.", f"write `{name}=VALUE`"
            )
        elif column.kind == "categorical":
            self._add_categories(place, [value], there=comparison != "!=")
        elif comparison == "!=":
            raise UsageError(
                f"{name}!={value}: of numbers, only limits are asked for.",
                f"ask `{name}<{value}` and `{name}>{value}` one after the other",
            )
        elif comparison in ("=", "=="):
            self._add_value(place, number_of(column, value))
        else:
            limit = number_of(column, value, limit=True)
            included = comparison.endswith("=")
            ends = Ends(limit, math.inf, included) if comparison[0] == ">" else Ends(-math.inf, limit, True, included)
            self._add_ends(place, ends)

    def add_set(self, name: str, values: Sequence[Any]) -> None:
        """That a column has one of some categories."""
        place = place_of(self.schema, name)
        if self.schema.columns[place].kind != "categorical":
            raise UsageError(f"{name}: a set is for categories.", "give two limits, as a pair, for numbers")
        self._add_categories(place, list(values), there=True)

    def check(self) -> None:
        """Refuse what leaves nothing to ask, or nothing to find.

        Raises:
            DataError: If no column is left free, or none is given.
        """
        for place in [place for place, codes in self.codes.items() if codes.sum() == 1]:
            self.values[place] = float(np.flatnonzero(self.codes.pop(place))[0])
        if len(self.values) == len(self.schema.columns):
            raise DataError(
                "all columns are given, and none is left to be drawn.",
                "leave one out; how likely a whole row is tells `score` (`score_samples`)",
            )
        if not (self.values or self.ends or self.codes):
            raise DataError("nothing is given.", "name a column and its value, such as `age=50`, or draw by `sample`")

    def _add_value(self, place: int, value: float) -> None:
        column = self.schema.columns[place]
        refuse_impossible(column, value)
        if column.kind == "circular":
            value = float(column.support.clip(np.array([value]))[0])
        before = self.values.get(place, value)
        if before != value:
            raise _contradiction(column, f"={column.text(before)} and ={column.text(value)}")
        if place in self.ends and not self.ends[place].holds(np.array([value]))[0]:
            raise _contradiction(column, f"={column.text(value)} and {_told(column, self.ends[place])}")
        self.values[place] = value
        self.ends.pop(place, None)

    def _add_ends(self, place: int, new: Ends) -> None:
        column, old = self.schema.columns[place], self.ends.get(place, Ends())
        low, low_out = max((old.low, not old.low_included), (new.low, not new.low_included))
        high, high_in = min((old.high, old.high_included), (new.high, new.high_included))
        ends = Ends(low, high, not low_out, high_in)
        if place in self.values:
            if not ends.holds(np.array([self.values[place]]))[0]:
                raise _contradiction(column, f"={column.text(self.values[place])} and {_told(column, ends)}")
            return
        if low > high or (low == high and not (ends.low_included and ends.high_included)):
            raise _contradiction(column, _told(column, ends))
        if low == high:
            self.ends.pop(place, None)
            self._add_value(place, low)
            return
        if not _some_inside(column, ends):
            raise DataError(
                f"{column.name}{_told(column, ends)} has probability zero: the column is {column.kind}.",
                "give limits that the model can reach",
            )
        self.ends[place] = ends

    def _add_categories(self, place: int, labels: list[Any], *, there: bool) -> None:
        column = self.schema.columns[place]
        codes = codes_of([_plain(label) for label in labels], column.categories)
        for code, label in zip(codes, labels, strict=True):
            if code == UNKNOWN:
                raise DataError(
                    f"column {column.name!r}: {label!r} was not seen in training, so its probability is zero.",
                    did_you_mean(str(label), list(map(str, column.categories)))
                    if len(column.categories) < MANY and column.labels is None
                    else f"choose among {listed(list(column.categories), limit=MANY)}",
                )
        named = np.isin(np.arange(len(column.categories)), codes.astype(int))
        self._add_codes(place, named if there else ~named)

    def _add_codes(self, place: int, new: np.ndarray) -> None:
        column = self.schema.columns[place]
        if place in self.values:
            old = np.arange(len(column.categories)) == self.values.pop(place)
        else:
            old = self.codes.get(place, np.ones(len(new), bool))
        if not (old & new).any() and column.labels is None:
            told = f"{column.name}: parts of what is given contradict each other: no value is left."
            raise DataError(told, "leave one of them out")
        if not (old & new).any():
            raise DataError(
                f"{column.name}: no value that was seen in training is as what is given, so its probability is zero.",
                f"the values are {listed(list(column.categories), limit=MANY)}",
            )
        self.codes[place] = old & new


MANY = 20
"""Categories that are not listed all."""


def given_of(schema: Schema, conditions: Mapping[str, Any]) -> Given:
    """What a mapping says: a value, a pair of limits (None where there is none), or a list or set of categories.

    Raises:
        DataError: If a column is not known, or what is given has probability zero.
        UsageError: If a value does not fit its column.
    """
    found = Given(schema)
    for name, value in conditions.items():
        if isinstance(value, tuple) and len(value) == 2:
            low, high = value
            for comparison, limit in ((">=", low), ("<=", high)):
                if limit is not None:
                    found.add(name, comparison, limit)
        elif isinstance(value, list | set | frozenset | tuple):
            found.add_set(name, list(value))
        else:
            found.add(name, "=", value)
    found.check()
    return found


def parse_where(schema: Schema, texts: Sequence[str]) -> Given:
    """What `--where` says: `COLUMN=VALUE`, or with >, >=, <, <= or != in the place of =.

    Raises:
        UsageError: If a text is nothing of the kind.
    """
    found = Given(schema)
    for text in texts:
        found.add(*split(schema, text))
    found.check()
    return found


def split(schema: Schema, text: str) -> tuple[str, str, str]:
    """Column, comparison and value; of names that hold a comparison themselves the longest that fits."""
    for name in sorted(schema.names, key=len, reverse=True):
        rest = text.strip()[len(name) :].lstrip()
        sign = next((sign for sign in COMPARISONS if rest.startswith(sign)), None)
        if text.strip().startswith(name) and sign is not None and rest[len(sign) :].strip():
            return name, sign, rest[len(sign) :].strip()
    match = FORM.match(text)
    if match is None or not match[3]:
        raise UsageError(f"--where {text!r} is no condition.", "write `--where age=50` or `--where 'income>40000'`")
    return match[1], match[2], match[3]


def place_of(schema: Schema, name: str) -> int:
    """Where a column is, or a DataError with the nearest name."""
    if name not in schema.names:
        raise DataError(f"the model has no column {name!r}.", did_you_mean(name, schema.names))
    return schema.names.index(name)


def number_of(column: Column, value: Any, *, limit: bool = False) -> float:
    """A value of a column of numbers or dates, from a number or text."""
    if column.moment is not None and not isinstance(value, int | float | np.number):
        text = value.isoformat() if isinstance(value, datetime.date | datetime.time) else str(value)
        return float(text_numbers([text], column.moment, column.name, np.zeros(1, int))[0])
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if math.isnan(number) or (math.isinf(number) and not limit):
        example = "13" if column.kind == "integer" else "13.2"
        raise UsageError(
            f"{column.name}={value}: {column.name!r} is a number.", f"write `{column.name}={example}`, say"
        )
    return number


def _compared(labels: np.ndarray, comparison: str, limit: float) -> np.ndarray:
    """Which numbers are so."""
    of = {">": np.greater, ">=": np.greater_equal, "<": np.less, "<=": np.less_equal}
    return of[comparison](labels, limit)


def _plain(label: Any) -> Any:
    return label.item() if isinstance(label, np.generic) else label


def _some_inside(column: Column, ends: Ends) -> bool:
    """Whether a value of the column lies between ends."""
    support = column.support
    if bool(ends.holds(np.array(support.atoms)).any()):
        return True
    low = -math.inf if support.low is None else support.low
    high = math.inf if support.high is None else support.high
    if not support.integer:
        return max(low, ends.low) < min(high, ends.high)
    least = np.ceil(ends.low) + (not ends.low_included and ends.low == np.floor(ends.low))
    most = np.floor(ends.high) - (not ends.high_included and ends.high == np.ceil(ends.high))
    return bool(max(low, least) <= min(high, most))


def _told(column: Column, ends: Ends) -> str:
    below = "" if math.isinf(ends.high) else f"{'<=' if ends.high_included else '<'}{column.text(ends.high)}"
    above = "" if math.isinf(ends.low) else f"{'>=' if ends.low_included else '>'}{column.text(ends.low)}"
    return " and ".join(part for part in (above, below) if part)


def _contradiction(column: Column, what: str) -> DataError:
    return DataError(f"{column.name}: {what} contradict each other.", "leave one of them out")
