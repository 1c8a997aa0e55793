"""Text that is shown as it is, whatever it holds."""

import html
import re

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_CODE = re.compile("`([^`]+)`")


def escaped(text: object) -> str:
    """Text for an element or a quoted attribute; what no page may hold, such as NUL, is shown as U+FFFD."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", html.escape(str(text), quote=True))


def marked(text: str) -> str:
    """The same for a sentence, in which `code` stands between backticks."""
    return _CODE.sub(r"<code>\1</code>", escaped(text))


def cell(value: object) -> str:
    """The text of a value: numbers with four digits, yes or no, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def is_number(value: object) -> bool:
    """Whether a cell is right-aligned: a number, or the text of one."""
    if isinstance(value, bool) or value is None:
        return False
    try:
        float(str(value).replace(",", "").replace("\N{MINUS SIGN}", "-"))
    except ValueError:
        return False
    return True
