"""What a section is made of."""

import abc
import base64
import dataclasses
from collections.abc import Sequence
from typing import Any

from pushforward.reports._text import cell, escaped, is_number, marked


class AbstractPart(abc.ABC):
    """A piece of a page."""

    @abc.abstractmethod
    def to_html(self) -> str:
        """An element; everything that was given is escaped."""


@dataclasses.dataclass(frozen=True)
class Words(AbstractPart):
    """A paragraph.

    Args:
        text: Plain text; what stands between backticks is shown as code.

    Example:
        >>> pf.reports.Words("No `<b>` here.").to_html()
        '<p>No <code>&lt;b&gt;</code> here.</p>'
    """

    text: str

    def to_html(self) -> str:
        """A paragraph."""
        return f"<p>{marked(self.text)}</p>"


@dataclasses.dataclass(frozen=True)
class Code(AbstractPart):
    """Lines to be copied, such as a command.

    Args:
        text: As it is.
    """

    text: str

    def to_html(self) -> str:
        """Preformatted text."""
        return f'<pre tabindex="0"><code>{escaped(self.text)}</code></pre>'


@dataclasses.dataclass(frozen=True)
class Facts(AbstractPart):
    """Names and values, one below the other.

    Args:
        rows: Pairs of a name and a value.
    """

    rows: Sequence[tuple[str, object]]

    def to_html(self) -> str:
        """A list of descriptions."""
        pairs = (f"<dt>{escaped(name)}</dt><dd>{marked(cell(value))}</dd>" for name, value in self.rows)
        return f"<dl>{''.join(pairs)}</dl>"


@dataclasses.dataclass(frozen=True)
class Table(AbstractPart):
    """Rows and columns; a column that holds numbers alone is aligned to the right.

    Args:
        header: Names of the columns.
        rows: Cells of each row: text, numbers, or None.
        caption: Above the table.

    Raises:
        ValueError: If a row has more or fewer cells than the header.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[object]]
    caption: str = ""

    def __post_init__(self) -> None:
        if any(len(row) != len(self.header) for row in self.rows):
            raise ValueError(f"Table: every row must have {len(self.header)} cells, as the header has.")

    def to_html(self) -> str:
        """A table inside a box that can be scrolled sideways."""
        columns = list(zip(*self.rows, strict=True)) or [()] * len(self.header)
        styles = [' class="number"' if _numeric(column) else "" for column in columns]
        head = "".join(f'<th scope="col"{s}>{escaped(n)}</th>' for n, s in zip(self.header, styles, strict=True))
        lines = "".join(_line(row, styles) for row in self.rows)
        caption = f"<caption>{marked(self.caption)}</caption>" if self.caption else ""
        body = f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"
        return f'<div class="wide" tabindex="0">{body}</div>'


@dataclasses.dataclass(frozen=True)
class Verdict(AbstractPart):
    """Whether something is as it should be, in words.

    Args:
        passed: True, False, or None for what is neither.
        title: What was looked at.
        says: What was found.
        then: What to try.
        large: Whether it stands for the page as a whole.
    """

    passed: bool | None
    title: str
    says: str
    then: str = ""
    large: bool = False

    def to_html(self) -> str:
        """A box with a sign, which does not depend on its colour."""
        kind, sign = {True: ("good", "✓ ok"), False: ("poor", "✗ no"), None: ("note", "– note")}[self.passed]
        then = f'<p class="then">Try: {marked(self.then)}</p>' if self.then else ""
        style = f"verdict {kind}{' large' if self.large else ''}"
        head = f'<span class="sign">{sign[0] if self.large else sign}</span> <strong>{escaped(self.title)}:</strong>'
        return f'<div class="{style}"><p>{head} <span>{marked(self.says)}</span></p>{then}</div>'


@dataclasses.dataclass(frozen=True)
class Picture(AbstractPart):
    """A figure inside the page.

    In the dark a drawing is shown with light and dark exchanged, and a photo as it is.

    Args:
        figure: Of Matplotlib, from `plots`; or the bytes of a PNG or SVG file.
        alt: What it shows, for those who do not see it.
        caption: Below it.
        photo: Whether its colours are what it shows, as those of images.

    Raises:
        ValueError: If `alt` is empty, or bytes are neither PNG nor SVG.
    """

    figure: Any
    alt: str
    caption: str = ""
    photo: bool = False

    def __post_init__(self) -> None:
        if not self.alt.strip():
            raise ValueError("Picture: `alt` must say what the figure shows.")
        if isinstance(self.figure, bytes) and not (self.figure.startswith(_PNG) or b"<svg" in self.figure[:2000]):
            raise ValueError("Picture: the bytes of a `figure` must be those of a PNG or an SVG file.")

    def to_html(self) -> str:
        """An image whose bytes are in the page."""
        data = self.figure if isinstance(self.figure, bytes) else self._drawn()
        kind = "png" if data.startswith(_PNG) else "svg+xml"
        source = f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
        style = "photo" if self.photo else "drawing"
        caption = f"<figcaption>{marked(self.caption)}</figcaption>" if self.caption else ""
        return f'<figure><img class="{style}" alt="{escaped(self.alt)}" src="{source}">{caption}</figure>'

    def _drawn(self) -> bytes:
        """Lines that stay sharp, or dots where lines would take more bytes."""
        from pushforward.plots._save import drawn

        lines = drawn(self.figure, "svg")
        return lines if len(lines) <= MOST_BYTES else drawn(self.figure, "png")


MOST_BYTES = 400_000
"""An SVG that is larger is drawn as dots."""
_PNG = b"\x89PNG\r\n\x1a\n"


def _numeric(column: Sequence[object]) -> bool:
    there = [value for value in column if value not in (None, "")]
    return bool(there) and all(map(is_number, there))


def _line(row: Sequence[object], styles: Sequence[str]) -> str:
    cells = (f"<td{style}>{escaped(cell(value))}</td>" for value, style in zip(row, styles, strict=True))
    return f"<tr>{''.join(cells)}</tr>"
