"""The column schema: where the values of each column can lie."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from pushforward._errors import DataError, FileError, did_you_mean
from pushforward.bijections import AbstractBijection, Standardize
from pushforward.data._support import Support, mean_and_spread, support_bijection
from pushforward.data._tables import ColumnKind, Table, refuse_duplicates

SupportKind = Literal["unbounded", "positive", "bounded", "integer", "circular"]
LATER_KINDS = ("categorical",)
"""Kinds that are known by name and refused: they come in a later version."""

_KIND_TEXT = re.compile(r"\s*([A-Za-z]+)\s*(?:\((.*)\))?\s*")


class KindSpec(NamedTuple):
    """A kind with its limits; None is no limit."""

    kind: SupportKind
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        if self.low is None and self.high is None:
            return self.kind
        if self.kind == "circular" and self.low == 0:
            return f"circular({self.high:g})"
        low, high = (f"{limit:g}" for limit in (_or(self.low, -math.inf), _or(self.high, math.inf)))
        return f"{self.kind}({low},{high})"


@dataclass(frozen=True)
class Column:
    """Where the values of one column lie.

    Args:
        name: The column's name.
        kind: "unbounded"; "positive" (above 0); "bounded" (between `low` and `high`); "integer" (whole numbers,
            perhaps at or above `low`, perhaps also at or below `high`); or "circular" (from `low` once around to
            `high`, which is `low` again).
        low: The least value, for "bounded", "integer" and "circular".
        high: The greatest value, for "bounded" and "integer"; an integer with a `high` needs a `low`. For "circular",
            `low` and the period.
        note: A sentence on how the kind was found.

    Raises:
        DataError: If the kind is unknown or its limits do not fit.
    """

    name: str
    kind: SupportKind
    low: float | None = None
    high: float | None = None
    note: str = ""

    def __post_init__(self) -> None:
        _check_limits(self.spec, f"column {self.name!r}")

    @property
    def spec(self) -> KindSpec:
        return KindSpec(self.kind, self.low, self.high)

    @property
    def support(self) -> Support:
        """The part of the real line that the column's map covers."""
        if self.kind == "positive":
            return Support(low=0.0)
        return Support(self.low, self.high, integer=self.kind == "integer", circular=self.kind == "circular")


@dataclass(frozen=True)
class Schema:
    """The columns of a model, in order: what each can hold, and the map from an unbounded space onto that.

    Args:
        columns: One `Column` per column.

    Raises:
        DataError: If two columns have the same name, or there is none.

    Example:
        >>> schema = Schema([Column("height", "positive"), Column("share", "bounded", 0.0, 1.0)])
        >>> schema.outside(np.array([[1.7, 0.5], [-1.0, 0.5], [1.7, 1.5]])).tolist()
        [False, True, True]
    """

    columns: tuple[Column, ...]

    def __init__(self, columns: Sequence[Column]):
        object.__setattr__(self, "columns", tuple(columns))
        if not self.columns:
            raise DataError("schema: there are no columns.", "give at least one")
        refuse_duplicates("schema", self.names)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def circular(self) -> tuple[int, ...]:
        """Places of the circular columns."""
        return tuple(i for i, column in enumerate(self.columns) if column.kind == "circular")

    def bijection(self, values: np.ndarray) -> AbstractBijection:
        r"""The map from the standardised unbounded space (base side) to the user's units (data side).

        $z \mapsto s z + t$ first; then, by column, exp onto the positive numbers, a sigmoid onto an interval, and
        rounding down for integers. $t$ and $s$ are the mean and the spread of `values` on the unbounded side, for
        instance of log x for a positive column, computed in float64.

        Integers are dequantised: x becomes x + u with u from U[0, 1), or 0.5 without a key, and is then mapped like
        a real number on [low, high + 1), so that the density of an integer column is a probability per integer.

        A circular column is an angle in [-pi, pi) on the base side, whatever its values are.

        Args:
            values: `(rows, columns)` of data inside the support, the same that the flow is fitted to.

        Raises:
            DataError: If a column is constant, or its values are too large or too small for float32.
        """
        return support_bijection(self.names, [column.support for column in self.columns], self._checked(values))

    def standardize(self, values: np.ndarray) -> Standardize:
        """The map from standardised to original values, without support maps: for the columns of a condition.

        Use it as the embedding of a condition; its `inverse` gives mean 0 and spread 1. A constant column is only
        shifted.
        """
        means, spreads = np.array([mean_and_spread(column) for column in self._checked(values).T]).T
        return Standardize(means, np.where(spreads > 0, spreads, 1.0))

    def outside(self, values: np.ndarray) -> np.ndarray:
        """Which rows hold a value that the model cannot produce, `(rows, columns) -> (rows,)`, True for such rows.

        Their density is 0 and their log-density -inf: at or below 0 in a positive column, beyond a limit, not whole
        in an integer column, or too large for float32. The flow itself stays finite where float32 does, because the
        inverse of every support map clips its input first; whoever scores writes -inf at these rows. A value on the
        edge of an interval is inside: it is taken as one rounding step away from it.
        """
        values = self._checked(values)
        inside = np.ones(len(values), dtype=bool)
        for column, cells in zip(self.columns, values.T, strict=True):
            inside &= column.support.contains(cells)
        return ~inside

    def clip(self, values: np.ndarray) -> np.ndarray:
        """Samples with every value inside the support: rounding may put one on the edge, or a step beyond it.

        A circular value is taken into the period.
        """
        values = self._checked(values)
        clipped = [column.support.clip(cells) for column, cells in zip(self.columns, values.T, strict=True)]
        return np.stack(clipped, axis=1)

    def table(self, values: np.ndarray) -> Table:
        """Samples as a table, clipped to the support; integer columns are written as integers."""
        kinds: tuple[ColumnKind, ...] = tuple("int" if c.kind == "integer" else "float" for c in self.columns)
        return Table(self.names, self.clip(values), kinds)

    def to_json(self) -> dict[str, Any]:
        """The schema as plain data for a model file."""
        return {"columns": [asdict(column) for column in self.columns]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Schema":
        """The schema that `to_json` gave.

        Raises:
            FileError: If it is damaged, or from a version with other kinds of columns.
        """
        try:
            return cls([Column(**column) for column in data["columns"]])
        except (KeyError, TypeError, DataError) as error:
            raise FileError(
                f"the column schema of the model file cannot be read ({str(error).splitlines()[0]}).",
                "the file is damaged, or was written by a newer version of pushforward",
            ) from None

    def _checked(self, values: np.ndarray) -> np.ndarray:
        values = np.asarray(values)
        if values.ndim != 2 or values.shape[1] != len(self.columns):
            raise DataError(
                f"schema: values must have shape (rows, {len(self.columns)}), got {values.shape}.",
                f"the columns are {', '.join(self.names[:20])}",
            )
        return values if values.dtype in (np.float32, np.float64) else values.astype(np.float64)


def parse_kind(text: str) -> KindSpec:
    """A kind as a user writes it: `positive`, `bounded(0,1)`, `integer`, `integer(0,inf)`, `circular(360)`.

    A circular column has a period, `circular(360)` for values from 0, or two ends, `circular(-180,180)`; `pi` is known
    in both, as in `circular(2pi)`.

    Raises:
        DataError: If it is not one of these.

    Example:
        >>> parse_kind("bounded(0, 1)")
        KindSpec(kind='bounded', low=0.0, high=1.0)
    """
    match = _KIND_TEXT.fullmatch(text)
    if match is None:
        raise DataError(f"kind {text!r} cannot be read.", "write `positive`, `integer`, `unbounded` or `bounded(0,1)`")
    kind, limits = _checked_kind(match[1].lower(), f"kind {text!r}"), match[2]
    if kind == "circular":
        spec = KindSpec(kind, *_turn(text, limits))
        _check_limits(spec, f"kind {text!r}")
        return spec
    spec = KindSpec(kind, *_limits(text, limits)) if limits is not None else KindSpec(kind)
    _check_limits(spec, f"kind {text!r}")
    return spec


def parse_override(text: str) -> tuple[str, str]:
    """`name:kind` as the command line takes it, `age:positive -> ("age", "positive")`; the name may hold colons.

    Raises:
        DataError: If a part is missing.
    """
    name, colon, kind = text.rpartition(":")
    if not (name and colon and kind):
        raise DataError(f"{text!r} is not NAME:KIND.", "write for example `age:positive` or `rate:bounded(0,1)`")
    return name, kind


def _limits(text: str, limits: str) -> tuple[float | None, float | None]:
    try:
        low, high = (float(part) for part in limits.split(","))
    except ValueError:
        raise DataError(f"kind {text!r} needs two numbers.", "write for example `bounded(0,1)`") from None
    return (None if low == -math.inf else low), (None if high == math.inf else high)


def _turn(text: str, limits: str | None) -> tuple[float, float]:
    """The ends of a period: `360`, `-180,180`, `2pi`."""
    try:
        ends = [_number_with_pi(part) for part in (limits or "").split(",")]
        low, high = (0.0, *ends) if len(ends) == 1 else ends
    except ValueError:
        raise DataError(
            f"kind {text!r} needs a period.",
            "write for example `circular(360)`, `circular(-pi,pi)` or `circular(2pi)`",
        ) from None
    return low, high


def _number_with_pi(text: str) -> float:
    number, is_pi, rest = text.strip().partition("pi")
    if not is_pi:
        return float(number)
    if rest:
        raise ValueError(text)
    return math.pi * float(number + "1" if number in ("", "-", "+") else number)


def _checked_kind(kind: str, label: str) -> SupportKind:
    if kind in LATER_KINDS:
        raise DataError(
            f"{label}: {kind} columns are not supported yet.",
            "they come in a later version; leave the column out, or encode it as numbers",
        )
    for known in get_args(SupportKind):
        if kind == known:
            return known
    raise DataError(f"{label}: there is no such kind.", did_you_mean(kind, get_args(SupportKind)))


def _check_limits(spec: KindSpec, label: str) -> None:
    _checked_kind(spec.kind, label)
    limits = [limit for limit in (spec.low, spec.high) if limit is not None]
    if not all(map(math.isfinite, limits)):
        raise DataError(f"{label}: the limits must be finite numbers.", "write for example `bounded(0,1)`")
    if spec.kind in ("unbounded", "positive") and limits:
        raise DataError(f"{label}: {spec.kind} takes no limits.", "write for example `bounded(0,1)`")
    if spec.kind == "bounded" and len(limits) != 2:
        raise DataError(f"{label}: bounded needs two limits.", "write for example `bounded(0,1)`")
    if spec.kind == "integer" and (spec.low is None) and spec.high is not None:
        raise DataError(f"{label}: an upper limit needs a lower one.", "write for example `integer(0,10)`")
    if spec.kind == "integer" and any(limit != math.floor(limit) for limit in limits):
        raise DataError(f"{label}: the limits of integers must be whole.", "write for example `integer(0,10)`")
    if spec.kind == "circular" and (len(limits) != 2 or not limits[0] < limits[1]):
        given = "none" if len(limits) != 2 else f"{limits[1] - limits[0]:g}"
        raise DataError(
            f"{label}: the period of a circular column must be above 0, got {given}.",
            "write for example `circular(360)` for degrees, or `circular(2pi)` for radians",
        )
    if len(limits) == 2 and not limits[0] < limits[1]:
        raise DataError(f"{label}: the lower limit must be below the upper one.", "write for example `bounded(0,1)`")


def _or(limit: float | None, default: float) -> float:
    return default if limit is None else limit
