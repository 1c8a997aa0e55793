"""Categories: the values of a column that is no number, and the codes 0, 1, ... that stand for them in a flow."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from pushforward._errors import ColumnError, DataError, shell_names
from pushforward.data.text._slips import has_unit, is_grouped

Category = str | bool | int | float

MOST_CATEGORIES = 1_000
"""Different values of a categorical column; with more, a column names its rows rather than describing them."""
MOST_SHARE, LEAST_ROWS = 0.5, 20
"""The same, as a share of the rows, once there are so many rows."""
MOST_NUMBERS, NUMBERS_EACH = 32, 10
"""Numbers with fractions are categories up to so many, with so many rows for each in the mean."""
FLOAT32 = 2.0**-23
"""Apart by this share, two numbers are the same category: one of them has been in float32."""
MOST_LABELS = 100_000
"""Different values that a reader keeps: a column of free text must not fill the memory."""
UNKNOWN = -1.0
"""The code of a category that a schema does not know."""
TRUTH = (False, True)
MISSING = (
    *("", "?", "None", "none", "<NA>", "NA", "N/A", "n/a", "#N/A", "#N/A N/A", "#NA", "NULL", "null"),
    *("NaN", "nan", "NAN", "-NaN", "-nan", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
)
"""How a missing cell is written in text."""


class Vocabulary:
    """The different values of a column, in the order in which a reader meets them.

    Args:
        name: The column's name, for messages.
        labels: Values that are known beforehand.
        retyped: Whether text that holds only numbers or truth values stands for those.
        missing: Text that stands for no value; its code is NaN.
        most: How many there may be; None for any number.
    """

    def __init__(
        self,
        name: str,
        labels: Sequence[Category] = (),
        *,
        retyped: bool = False,
        missing: Sequence[str] = (),
        most: int | None = MOST_LABELS,
    ):
        self._name, self._retyped, self._missing, self._most = name, retyped, frozenset(missing), most
        self._codes: dict[Category, int] = {label: code for code, label in enumerate(labels)}

    @property
    def labels(self) -> tuple[Category, ...]:
        """The value of each code."""
        return retyped(tuple(self._codes)) if self._retyped else tuple(self._codes)

    def codes(self, labels: Iterable[object]) -> np.ndarray:
        """The code of each label; a new label gets the next one.

        Raises:
            DataError: If a label is not text, a truth value or a whole number, or there are too many of them.
        """
        what = f"column {self._name!r}: a category"
        found = [self._code(plain(label, what)) for label in labels]
        if self._most is not None and len(self._codes) > self._most:
            raise ColumnError(
                f"column {self._name!r} holds more than {MOST_LABELS:,} different values, so it is no category.",
                f"leave it out (`--drop {shell_names([self._name])}`)",
                [self._name],
            )
        return np.array(found, np.float64)

    def _code(self, label: Category) -> float | int:
        return math.nan if label in self._missing else self._codes.setdefault(label, len(self._codes))


def retyped(labels: tuple[Category, ...]) -> tuple[Category, ...]:
    """Text that a file without types holds, as numbers or truth values where all of it is written so."""
    texts = [str(label) for label in labels]
    if texts and all(text.isascii() and text.removeprefix("-").isdigit() for text in texts):
        numbers = tuple(map(int, texts))
        return numbers if [str(number) for number in numbers] == texts else labels  # 007 stays text
    if texts and all(map(is_number, texts)) and _as_written(numbers := tuple(map(float, texts)), texts):
        return numbers
    if texts and all(text in ("true", "false") for text in (text.lower() for text in texts)):
        truths = tuple(text.lower() == "true" for text in texts)
        return truths if len(set(truths)) == len(truths) else labels
    return labels


def _as_written(numbers: Sequence[float], texts: list[str]) -> bool:
    """Whether these are the numbers of the text, written as numbers with fractions are: 1.10 and 007 stay text."""
    written = [[repr(number) for number in numbers], [f"{number:.15g}" for number in numbers]]
    return all(map(math.isfinite, numbers)) and texts in written


def in_order(labels: Sequence[Category]) -> tuple[tuple[Category, ...], np.ndarray]:
    """The labels sorted, and the new code of each old one: a fit must not depend on the order of the rows."""
    order = sorted(range(len(labels)), key=lambda code: labels[code])  # pyright: ignore[reportArgumentType]
    rank = np.empty(len(labels))
    rank[order] = np.arange(len(labels))
    return tuple(labels[code] for code in order), rank


def codes_of(labels: Iterable[object], categories: Sequence[Category]) -> np.ndarray:
    """The code of each label among `categories`, whatever type a source gave it; `UNKNOWN` for others.

    A whole number and its digits are the same, and so are a truth value, its name and 0 or 1, and two numbers with
    fractions that are as near as float32 writes one.
    """
    if categories and isinstance(categories[0], float):
        return _codes_of_numbers(labels, np.array(categories, np.float64))
    truths = all(isinstance(category, bool) for category in categories)
    known = {_text(category): code for code, category in enumerate(categories)}
    if truths:
        known |= {str(int(category)): code for code, category in enumerate(categories)}
    return np.array([_found(label, known, truths) for label in labels], np.float64)


def _found(label: object, known: dict[str, int], truths: bool) -> float:
    text = _text(label)
    code = known.get(text.lower() if truths else text)
    if code is None and isinstance(label, float):  # it was text when the model was made, as it was written
        code = known.get(f"{label:.15g}")
    return UNKNOWN if code is None else float(code)


def numbers_recur(numbers: np.ndarray) -> bool:
    """Whether a column of numbers with fractions has few values, of which none is there only once.

    By Good and Turing the share of values that were seen once is the chance of one that was not seen.
    """
    if len(numbers) < LEAST_ROWS or np.array_equal(numbers, np.floor(numbers)):
        return False
    if len(np.unique(numbers[: NUMBERS_EACH * MOST_NUMBERS])) > MOST_NUMBERS:
        return False
    values, counts = np.unique(numbers.astype(np.float64), return_counts=True)
    if (np.diff(values) <= 2.0 * FLOAT32 * np.abs(values[1:])).any():
        return False  # float32 would not tell them apart
    few = len(counts) <= MOST_NUMBERS and NUMBERS_EACH * len(counts) <= len(numbers)
    return few and bool(counts.min() > 1)


def labels_of(numbers: np.ndarray) -> tuple[list[object], np.ndarray]:
    """The different values of a column of numbers, whole ones as ints, and the place of each row's among them."""
    values, places = np.unique(numbers, return_inverse=True)
    fractions = values if (values != np.floor(values)).any() else np.empty(0)
    with np.errstate(over="ignore"):
        short = fractions.astype(np.float32)
    if len(fractions) and np.array_equal(short, fractions):  # as float32 writes them: 0.1, not 0.10000000149
        return [int(value) if float(value).is_integer() else float(str(value)) for value in short], places
    return [int(value) if float(value).is_integer() else float(value) for value in values], places


def _codes_of_numbers(labels: Iterable[object], categories: np.ndarray) -> np.ndarray:
    """The code of the nearest category where it is the same number, as it is written or in float32."""
    cells = np.array([_number(label) for label in labels])
    if not len(cells):
        return cells
    order = np.argsort(categories)
    rising = categories[order]
    above = np.searchsorted(rising, cells).clip(0, len(rising) - 1)
    below = np.maximum(above - 1, 0)
    near = np.where(np.abs(rising[below] - cells) < np.abs(rising[above] - cells), below, above)
    with np.errstate(invalid="ignore"):
        same = np.isfinite(cells) & (np.abs(rising[near] - cells) <= FLOAT32 * np.abs(rising[near]))
    return np.where(same, order[near], UNKNOWN)


def in_numbers(values: np.ndarray, labels: Mapping[int, np.ndarray]) -> np.ndarray:
    """Rows `(rows, columns)` with the numbers that codes stand for, by place; an unknown code is NaN."""
    values = np.array(values) if labels else values
    for place, known in labels.items():
        codes = values[:, place].astype(int)
        there = (codes >= 0) & (codes < len(known))
        values[:, place] = np.where(there, known[np.where(there, codes, 0)], np.nan)
    return values


def _number(label: object) -> float:
    if isinstance(label, str):
        return float(label) if is_number(label) else math.nan
    return float(label) if isinstance(label, int | float) and not isinstance(label, bool) else math.nan


def is_number(text: str) -> bool:
    """Whether text is a number with a decimal point, if any mark."""
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def looks_like_number(text: str) -> bool:
    """Whether text is a number, perhaps with a decimal comma, marks between thousands, `$` or `%`."""
    return is_number(text.replace(",", ".", 1)) or is_grouped(text) or has_unit(text)


def is_missing(text: str) -> bool:
    """Whether text is a usual way to write that a cell has no value."""
    return text.strip() in MISSING


def mostly_numbers(labels: Sequence[object]) -> bool:
    """Whether at least half of the different values are numbers written as text: a column of numbers with slips."""
    texts = [label for label in labels if isinstance(label, str)]
    return bool(texts) and 2 * sum(map(looks_like_number, texts)) >= len(texts)


def refuse_too_many(name: str, count: int, rows: int) -> None:
    """Raise a DataError for a column with so many different values that it is no category."""
    many = count > MOST_CATEGORIES
    if not many and (rows < LEAST_ROWS or count <= MOST_SHARE * rows):
        return
    why = f"more than {MOST_CATEGORIES:,}" if many else "more than half as many as rows"
    raise ColumnError(
        f"column {name!r} holds {count:,} different values in {rows:,} rows, {why}: it looks like an identifier or "
        "free text, not a category.",
        f"leave it out (`--drop {shell_names([name])}`), or put rare values together into one before fitting",
        [name],
    )


def listed(labels: Sequence[object], *, limit: int = 5) -> str:
    """`'a', 'b' and 7 more`: text in quotes, other values as they are."""
    shown = ", ".join(map(_shown, labels[:limit]))
    return shown + (f" and {len(labels) - limit} more" if len(labels) > limit else "")


def plain(value: Any, what: str = "a category") -> Category:
    """A label as plain data for a file.

    Raises:
        DataError: If it is not text, a truth value or a finite number.
    """
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float | np.floating) and math.isfinite(value):
        return float(value)
    raise DataError(f"{what} must be text, a number or a truth value, got {value!r}.", "turn such values into text")


def _shown(label: object) -> str:
    return f"{label:.6g}" if isinstance(label, float) else repr(label)


def _text(label: object) -> str:
    return str(label).lower() if isinstance(label, bool) else str(label)
