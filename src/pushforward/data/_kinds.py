"""Kinds of columns, as the user writes them: their names, limits and periods."""

import math
import re
from typing import Literal, NamedTuple, get_args

from pushforward._errors import DataError, did_you_mean
from pushforward.data.moments._moment import PERIODS

SupportKind = Literal["unbounded", "positive", "bounded", "integer", "circular", "categorical"]

_KIND_TEXT = re.compile(r"\s*([A-Za-z]+)\s*(?:\((.*)\))?\s*")
_ATOMS_TEXT = re.compile(r"(.*?)\+\s*atoms\s*\((.*)\)\s*", re.IGNORECASE)
WITH_ATOMS = ("unbounded", "positive", "bounded")
"""Kinds of columns that can have atoms: what a density describes elsewhere."""
MOST_ATOMS = 20


class KindSpec(NamedTuple):
    """A kind with its limits, and the values that have a probability of their own; None is no limit.

    `turn` is what is once around of dates and times: a day, a week or a year.
    """

    kind: SupportKind
    low: float | None = None
    high: float | None = None
    atoms: tuple[float, ...] = ()
    turn: str = ""

    def __str__(self) -> str:
        if self.atoms:
            return f"{self._replace(atoms=())}+atoms({','.join(f'{atom:.15g}' for atom in self.atoms)})"
        if self.turn:
            return f"{self.kind}({self.turn})"
        if self.low is None and self.high is None:
            return self.kind
        if self.kind == "circular" and self.low == 0:
            return f"circular({self.high:.15g})"
        low, high = (f"{limit:.15g}" for limit in (_or(self.low, -math.inf), _or(self.high, math.inf)))
        return f"{self.kind}({low},{high})"


def parse_kind(text: str) -> KindSpec:
    """A kind as a user writes it: `positive`, `bounded(0,1)`, `integer`, `integer(0,inf)`, `circular(360)`.

    Of dates and times, `circular(day)`, `circular(week)` and `circular(year)` are angles.

    A circular column has a period, `circular(360)` for values from 0, or two ends, `circular(-180,180)`; `pi` is known
    in both, as in `circular(2pi)`. Values that have a probability of their own stand behind a kind of real numbers:
    `positive+atoms(0)`, `bounded(0,100)+atoms(0,100)`.

    Raises:
        DataError: If it is not one of these.

    Example:
        >>> parse_kind("bounded(0, 1)")
        KindSpec(kind='bounded', low=0.0, high=1.0, atoms=(), turn='')
    """
    if (beside := _ATOMS_TEXT.fullmatch(text)) is not None:
        spec = parse_kind(beside[1])._replace(atoms=_atoms(text, beside[2]))
        check_limits(spec, f"kind {text!r}")
        return spec
    match = _KIND_TEXT.fullmatch(text)
    if match is None:
        raise DataError(f"kind {text!r} cannot be read.", "write `positive`, `integer`, `unbounded` or `bounded(0,1)`")
    kind, limits = _checked_kind(match[1].lower(), f"kind {text!r}"), match[2]
    if kind == "circular" and (turn := (limits or "").strip().lower()) in PERIODS:
        return KindSpec(kind, 0.0, PERIODS[turn], turn=turn)
    if kind == "circular":
        spec = KindSpec(kind, *_turn(text, limits))
        check_limits(spec, f"kind {text!r}")
        return spec
    spec = KindSpec(kind, *_limits(text, limits)) if limits is not None else KindSpec(kind)
    check_limits(spec, f"kind {text!r}")
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


def _atoms(text: str, values: str) -> tuple[float, ...]:
    try:
        return tuple(sorted(float(part) for part in values.split(",")))
    except ValueError:
        raise DataError(f"kind {text!r} needs numbers.", "write for example `positive+atoms(0)`") from None


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
    for known in get_args(SupportKind):
        if kind == known:
            return known
    raise DataError(f"{label}: there is no such kind.", did_you_mean(kind, get_args(SupportKind)))


def check_limits(spec: KindSpec, label: str) -> None:
    _checked_kind(spec.kind, label)
    _check_atoms(spec, label)
    limits = [limit for limit in (spec.low, spec.high) if limit is not None]
    if not all(map(math.isfinite, limits)):
        raise DataError(f"{label}: the limits must be finite numbers.", "write for example `bounded(0,1)`")
    if spec.kind in ("unbounded", "positive", "categorical") and limits:
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


def _check_atoms(spec: KindSpec, label: str) -> None:
    if not spec.atoms:
        return
    if spec.kind not in WITH_ATOMS:
        raise DataError(f"{label}: {spec.kind} takes no atoms.", "write for example `positive+atoms(0)`")
    if not all(map(math.isfinite, spec.atoms)) or len({*spec.atoms}) < len(spec.atoms):
        raise DataError(f"{label}: atoms must be finite numbers, each once.", "write for example `positive+atoms(0)`")
    if len(spec.atoms) > MOST_ATOMS:
        raise DataError(
            f"{label}: {len(spec.atoms)} atoms, and {MOST_ATOMS} are the most.",
            "if all values are rounded, round to fewer digits or say integer or categorical",
        )


def _or(limit: float | None, default: float) -> float:
    return default if limit is None else limit
