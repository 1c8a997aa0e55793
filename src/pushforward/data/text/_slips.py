"""Cells that are nearly numbers, and what to do about each kind."""

import re
from collections.abc import Sequence

THOUSANDS = re.compile(r"[-+]?\d{1,3}(?P<mark>[,.'  \u00a0\u202f])\d{3}(?:(?P=mark)\d{3})*(?:[.,]\d+)?")
DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+(?:[eE][-+]?\d+)?")
UNIT = re.compile(r"(?P<before>[^\d\s.,+-]{0,3})\s*[-+]?[\d.,]+\s*(?P<after>[^\d\s.,]{0,3})")
CURRENCIES = "$€£¥₹"


def advice(values: Sequence[str]) -> str | None:
    """What to do about cells that are numbers but for a sign; None for other text."""
    texts = [value.strip() for value in values]
    commas = [text for text in texts if "," in text]
    if commas and all(DECIMAL_COMMA.fullmatch(text) for text in commas) and not all(map(_thousands, commas)):
        return "numbers are read with a decimal point: for decimal commas give `--decimal ,`"
    if texts and all(_thousands(text) for text in texts):
        plain = _number_in(texts[0])
        if "," in texts[0] and texts[0].count(",") == 1 and "." not in texts[0]:
            return (
                f"if the comma parts thousands, write the numbers without it ({plain}); if it is a decimal comma, give "
                "`--decimal ,`"
            )
        return f"write the numbers without the marks of thousands, such as {plain}"
    unit = next((sign for text in texts if (sign := _unit(text))), None)
    return None if unit is None else f"write the numbers without {unit!r}, such as {_number_in(texts[0])}"


def _thousands(text: str) -> bool:
    return THOUSANDS.fullmatch(text) is not None


def _unit(text: str) -> str | None:
    """`$` of `$12.50`, `%` of `12.5%`."""
    found = UNIT.fullmatch(text)
    if found is None:
        return None
    sign = found["before"] or found["after"]
    return sign if sign in CURRENCIES or sign in ("%", "‰") else None


def _number_in(text: str) -> str:
    """`1234.5` of `1,234.5`, of `1.234,5` and of `$1 234.5`."""
    grouped = THOUSANDS.search(text)
    mark = grouped["mark"] if grouped else ""
    bare = text.replace(mark, "") if mark else text
    return re.sub(r"[^\d.+-]", "", bare.replace(",", "."))


def has_unit(text: str) -> bool:
    """Whether text is a number with a sign of a currency or of percent."""
    return bool(_unit(text.strip()))


def is_grouped(text: str) -> bool:
    """Whether text is a number with marks between its thousands."""
    return _thousands(text.strip())
