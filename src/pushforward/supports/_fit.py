"""Whether one support lies in another, and what to say where it does not."""

import math

from pushforward.supports._kinds import (
    Categories,
    Circle,
    Integers,
    Interval,
    OneHot,
    PartOf,
    Product,
    Sphere,
    Support,
)

SLACK = 1e-5
"""Limits that went through float32 may be off by this share."""


class Misfit(ValueError):
    """A map is given what it does not take.

    Args:
        taker: The class of the map.
        given: What it is given.
        wanted: What it takes.
        giver: The class of the map before it, or None if that is not known.
    """

    def __init__(self, taker: str, given: Support, wanted: Support, giver: str | None = None):
        self.taker, self.given, self.wanted, self.giver = taker, given, wanted, giver
        super().__init__(self.told("what comes before"))

    def told(self, first: str) -> str:
        """The sentence for users; `first` names what gives where no map does."""
        giver = f"`{self.giver}`" if self.giver else first
        return f"{giver} gives {self.given}, but `{self.taker}` takes {self.wanted}. {_hint(self.given, self.wanted)}"


def check_fits(taker: object, given: Support, wanted: Support) -> None:
    """A `Misfit` that names the first number that does not fit."""
    if fits(given, wanted):
        return
    given, wanted = next((pair for pair in _pairs(given, wanted) if not fits(*pair)), (given, wanted))
    raise Misfit(type(taker).__name__, given, wanted)


def fits(given: Support, wanted: Support) -> bool:
    """Whether one support lies in another; true unless it certainly does not."""
    if given == wanted or isinstance(given, PartOf) or isinstance(wanted, PartOf):
        return True
    if isinstance(given, Product) or isinstance(wanted, Product):
        pairs = _pairs(given, wanted)
        return bool(pairs) and all(fits(*pair) for pair in pairs)
    if isinstance(wanted, Interval):
        return isinstance(given, Interval | Circle) and _inside(given, wanted)
    if isinstance(wanted, Circle):
        return _on_circle(given, wanted)
    if isinstance(wanted, Integers):
        return _counted(given, wanted)
    if isinstance(wanted, Categories | OneHot):
        return type(given) is type(wanted) and given.count <= wanted.count
    return False


def overlap(one: Support, other: Support) -> Support:
    """The smaller of two supports of a number, where one lies in the other; else the first."""
    if isinstance(one, PartOf):
        return other
    return other if fits(other, one) and not isinstance(other, PartOf) else one


def _pairs(given: Support, wanted: Support) -> list[tuple[Support, Support]]:
    """What each number is given and what is wanted of it; none where a whole event cannot be divided."""
    count = max(len(side.parts) if isinstance(side, Product) else 1 for side in (given, wanted))
    if isinstance(given, Sphere | OneHot) or isinstance(wanted, Sphere | OneHot):
        return []
    left = given.parts if isinstance(given, Product) else (given,) * count
    right = wanted.parts if isinstance(wanted, Product) else (wanted,) * count
    return list(dict.fromkeys(zip(left, right, strict=True)))


def _inside(given: Interval | Circle, wanted: Interval | Circle) -> bool:
    ends = (given.low, given.high, wanted.low, wanted.high)
    slack = SLACK * max((abs(end) for end in ends if math.isfinite(end)), default=0.0)
    return given.low >= wanted.low - slack and given.high <= wanted.high + slack


def _on_circle(given: Support, wanted: Circle) -> bool:
    if isinstance(given, Circle):
        return math.isclose(given.high - given.low, wanted.high - wanted.low, rel_tol=SLACK)
    return isinstance(given, Interval) and _inside(given, wanted)


def _counted(given: Support, wanted: Integers) -> bool:
    if isinstance(given, Categories):
        given = Integers(0, given.count - 1)
    if not isinstance(given, Integers):
        return False
    above = wanted.low is None or (given.low is not None and given.low >= wanted.low)
    return above and (wanted.high is None or (given.high is not None and given.high <= wanted.high))


def _hint(given: Support, wanted: Support) -> str:
    if given.is_discrete and not wanted.is_discrete:
        return (
            "A map of the line changes a density by its log-det, but a probability does not change: "
            "take a map of whole numbers such as `RoundedShift`, or put it before `Dequantize`."
        )
    if isinstance(wanted, OneHot):
        return "Take a base of one-hot vectors, such as `OneHotCategorical`."
    if wanted.is_discrete:
        return "Put `Dequantize` or `Argmax` before it, or take a base of whole numbers."
    if isinstance(given, Sphere) or not isinstance(wanted, Interval | Circle):
        return "Put a map between them that leads from one to the other."
    return f"Put {_bridge(given, wanted)} before it."


def _bridge(given: Support, wanted: Interval | Circle) -> str:
    """The maps that lead from one to the other, by way of the line."""
    there = _to_line(given)
    return f"{there} and then {_from_line(wanted)}" if there else _from_line(wanted)


def _to_line(given: Support) -> str:
    if not isinstance(given, Interval | Circle) or (math.isinf(given.low) and math.isinf(given.high)):
        return ""
    if math.isinf(given.high) and given.low == 0:
        return "`Log`"
    return f"`Logit(low={given.low:g}, high={given.high:g})`" if given.high - given.low < math.inf else ""


def _from_line(wanted: Interval | Circle) -> str:
    if math.isinf(wanted.low) or math.isinf(wanted.high):
        return "`Exp` or `Softplus`" if wanted.low == 0 else "`Exp` and `Standardize`"
    bounds = f"`Sigmoid(low={wanted.low:g}, high={wanted.high:g})`"
    return f"`Tanh` or {bounds}" if (wanted.low, wanted.high) == (-1.0, 1.0) else bounds
