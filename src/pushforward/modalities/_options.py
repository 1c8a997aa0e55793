"""Options that a modality adds to commands, as plain data: declaring them imports nothing."""

import csv
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Option:
    """An option of one modality.

    Attributes:
        name: As commands pass it on, `drop_missing`; on the command line `--drop-missing`, or what `spelt` says.
        commands: Those that have it.
        help: A sentence.
        parse: From the text of the user to the value; a ValueError says what is wrong. None for a switch.
        metavar: What stands for the value in the help.
        default: Where it is not given.
        shown: What the help says of the default, where that is not the value.
        many: Whether it may be given several times; the value is then a tuple.
        named: Whether each of these is a pair of a name and a value, and each name may be given once.
        spelt: On the command line, where that is not the name.
        both_ways: Whether a switch has a `--no-`, so that it can be on, off or not given.
    """

    name: str
    commands: tuple[str, ...]
    help: str
    parse: Callable[[str], Any] | None = None
    metavar: str = ""
    default: Any = None
    shown: str = ""
    many: bool = False
    named: bool = False
    spelt: str = ""
    both_ways: bool = False

    @property
    def flag(self) -> str:
        """As it is written on the command line."""
        return self.spelt or "--" + self.name.replace("_", "-")

    def value(self, given: Any) -> Any:
        """What a modality gets for what the command line holds.

        Raises:
            ValueError: If it cannot be read.
        """
        if self.parse is None:
            return bool(given) if not self.both_ways else given
        if self.many:
            values = tuple(self.parse(text) for text in given)
            if self.named:
                once(name for name, _ in values)
            return values
        return self.default if given is None else self.parse(given)


def once(names: Iterable[str]) -> None:
    """A ValueError for a name that is given twice: one of the two values would not count."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{name!r} is given twice.")
        seen.add(name)


@dataclass(frozen=True)
class Number:
    """A finite number within bounds, or a whole one.

    Attributes:
        low: The least.
        high: The largest.
        whole: Whether it has no decimals.
        above: Whether `low` itself is left out.
        below: Whether `high` itself is left out.
    """

    low: float | int = -math.inf
    high: float | int = math.inf
    whole: bool = False
    above: bool = False
    below: bool = False

    def __call__(self, text: str) -> float | int:
        """Read it."""
        try:
            number = int(text) if self.whole else float(text)
        except ValueError:
            raise ValueError(f"{text!r} is not a {'whole ' * self.whole}number.") from None
        if not math.isfinite(number):
            raise ValueError(f"{text} is not a finite number.")
        on_end = (self.above and number == self.low) or (self.below and number == self.high)
        if not self.low <= number <= self.high or on_end:
            raise ValueError(f"{text} is not in the range {self._range()}.")
        return number

    def _range(self) -> str:
        low = f"{self.low:g}{'<' if self.above else '<='}" if self.low > -math.inf else ""
        high = f"{'<' if self.below else '<='}{self.high:g}" if self.high < math.inf else ""
        if low and not high:
            return f"x{'>' if self.above else '>='}{self.low:g}"
        return f"{low}x{high}"


SHARE = Number(0, 1, below=True)
COUNT = Number(1, whole=True)


@dataclass(frozen=True)
class OneOf:
    """One of some words."""

    words: tuple[str, ...]

    def __call__(self, text: str) -> str:
        """Read it."""
        if text not in self.words:
            raise ValueError(f"{text!r} is not one of {', '.join(self.words)}.")
        return text


def word(text: str) -> str:
    """The text as it is."""
    return text


def names(text: str) -> tuple[str, ...]:
    """Names between commas; a name that holds a comma stands in double quotes."""
    return tuple(name.strip() for name in next(csv.reader([text], skipinitialspace=True), []) if name.strip())


def size(text: str) -> tuple[int, int]:
    """`32` or `HEIGHTxWIDTH`."""
    sides = text.lower().split("x")
    if not 1 <= len(sides) <= 2 or not all(side.isdecimal() and int(side) > 0 for side in sides):
        raise ValueError(f"{text!r} is not a size, such as 32 or 28x20.")
    return int(sides[0]), int(sides[-1])


def inches(text: str) -> tuple[float, float]:
    """`WIDTHxHEIGHT` in inches, `6x4` or `3.3x2.5`."""
    sides = text.lower().split("x")
    try:
        width, height = (Number(1, 100)(side) for side in sides)
    except ValueError:
        raise ValueError(f"{text!r} is no width and height of 1 to 100 inches, such as 6x4.") from None
    return width, height


def named_text(text: str) -> tuple[str, str]:
    """`column=text`; the text may hold `=` too."""
    name, equals, said = text.partition("=")
    if not (equals and name.strip() and said.strip()):
        raise ValueError(f"{text!r} is not COLUMN=TEXT, such as alcohol='Alcohol (% vol)'.")
    return name.strip(), said.strip()


def named_value(text: str) -> tuple[str, str]:
    """`column=value`, where the value is a number or a category."""
    name, equals, value = text.rpartition("=")
    if not (equals and name.strip() and value.strip()):
        raise ValueError(f"{text!r} is not COLUMN=VALUE, such as alcohol=13.2.")
    return name.strip(), value.strip()


def named_bounds(text: str) -> tuple[str, tuple[float, float]]:
    """`column=low:high`."""
    name, equals, ends = text.rpartition("=")
    low, colon, high = ends.partition(":")
    try:
        found = float(low), float(high)
    except ValueError:
        found = (math.nan, math.nan)
    if not (equals and name.strip() and colon and found[0] < found[1] and math.isfinite(found[1] - found[0])):
        raise ValueError(f"{text!r} is not COLUMN=LOW:HIGH, such as age=0:120.")
    return name.strip(), found


def named_list(text: str) -> tuple[str, tuple[str, ...]]:
    """`column=a,b`; a value that holds a comma stands in double quotes."""
    name, equals, values = text.partition("=")
    found = names(values)
    if not (equals and name.strip() and found):
        raise ValueError(f"{text!r} is not COLUMN=A,B, such as sex=F,M.")
    return name.strip(), found


def flatten(groups: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The names of an option that was given several times, in one row."""
    return tuple(name for group in groups for name in group)


def named_number(text: str) -> tuple[str, float]:
    """`name=number`."""
    name, value = named_value(text)
    return name, float(Number(0, above=True)(value))


PRIOR = Option(
    name="prior",
    commands=("classify",),
    metavar="CLASS=NUMBER",
    parse=named_number,
    many=True,
    named=True,
    help="How frequent a class is before anything is seen; give all of them, of any sum. Repeatable.",
    shown="their shares in training; as many of each where the file does not know them",
)


def odd_options(event: str, events: str) -> tuple[Option, ...]:
    """Those of `outliers`, for a modality whose events are called so in sentences."""
    return (
        Option(
            name="alpha",
            commands=("outliers",),
            metavar="SHARE",
            parse=Number(0, 1, above=True, below=True),
            shown="0.01",
            help=f"Flag each {event} whose p-value is at most this: of ordinary {events} this share is flagged.",
        ),
        Option(
            name="false_share",
            commands=("outliers",),
            metavar="SHARE",
            parse=Number(0, 1, above=True, below=True),
            help=f"In place of --alpha, the share of flagged {events} that may be false, by Benjamini-Hochberg. "
            f"All {events} are held in memory.",
        ),
        Option(
            name="calibration",
            commands=("outliers",),
            metavar="FILE",
            parse=word,
            help=f"Ordinary {events} that the model was not fitted to; without it, those that its fit held out.",
        ),
        Option(
            name="all_rows",
            spelt="--all",
            commands=("outliers",),
            help=f"Write all {events}, with a column that says which are flagged.",
        ),
    )
