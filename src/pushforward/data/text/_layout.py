"""How a text table is laid out: its delimiter, its line of names, its comments and blanks."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pushforward._errors import DataError
from pushforward.data._categories import is_missing, looks_like_number
from pushforward.data._tables import default_names
from pushforward.data.text._options import BLANKS, TextOptions
from pushforward.data.text._streams import Clean, blanks_joiner, blanks_stripper, comment_remover

DELIMITERS = ",;\t|"
LOOKED_AT = 20
"""Rows by which a delimiter is found."""
_SEPARATOR_LINE = re.compile(r"sep=(.)\r?\n?", re.IGNORECASE)


@dataclass(frozen=True)
class Layout:
    """How a text table is laid out.

    Attributes:
        names: Of the columns; that of a row index is empty.
        delimiter: Between cells, after cleaning.
        skip: Lines before the first row of data, after cleaning.
        notes: Sentences for the user.
        decimal: The decimal mark.
        steps: What cleans whole lines of text, one after the other.
    """

    names: tuple[str, ...]
    delimiter: str
    skip: int
    notes: tuple[str, ...]
    decimal: str = "."
    steps: tuple[Clean, ...] = ()

    def clean(self, text: bytes) -> bytes:
        """The text without comments and blanks around cells."""
        for step in self.steps:
            text = step(text)
        return text


def find_layout(label: str, head: bytes, options: TextOptions) -> Layout:
    """The layout by the first bytes of a table, in UTF-8.

    Raises:
        DataError: If it is empty, or the names of the columns are not text.
    """
    if not head.strip():
        raise DataError(f"{label}: the file is empty.", "a table needs a line of column names and rows of numbers")
    text = head.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    steps, notes, named = _comments(label, text, options)
    for step in steps:
        text = step(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")
    first = text.split("\n", 1)[0]
    if not first.strip():
        raise DataError(
            f"{label}: the first line is empty.", "begin the table with its line of column names, or with numbers"
        )
    told = _SEPARATOR_LINE.fullmatch(first + "\n")
    before = 1 if told else 0
    body = text.split("\n", 1)[1] if told and "\n" in text else text
    delimiter = options.delimiter or (told[1] if told else _delimiter(body))
    if delimiter == BLANKS:
        joiner = blanks_joiner()
        steps, delimiter = (*steps, joiner), "\t"
        body = joiner(body.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")
    elif _blank_cells(body, delimiter):
        steps = (*steps, blanks_stripper(delimiter))
        notes = (*notes, f"{label}: blanks around cells are left out; those within quotes stay.")
    return _named(label, body, Layout((), delimiter, before, notes, options.decimal, steps), named)


def _named(label: str, body: str, layout: Layout, named: str | None) -> Layout:
    """The layout with names: those of a comment, of the first line, or x0, x1, ... over numbers."""
    reader = csv.reader(io.StringIO(body, newline=""), delimiter=layout.delimiter, skipinitialspace=True)
    try:
        cells = [" ".join(cell.split()) for cell in next(reader)]
    except csv.Error:
        raise DataError(f"{label}: the line of names has a quote that is not closed.", "close it") from None
    if any("\udc80" <= sign <= "\udcff" for cell in cells for sign in cell):
        raise not_utf8(label, "the column names are")
    lines = reader.line_num
    if named is not None:
        own = _comment_names(named, layout.delimiter, len(cells))
        if own and any(_is_float(cell, layout.decimal) for cell in cells):
            return _with(layout, own, 0, f"{label}: the columns are named by the comment above them.")
    if all(_is_float(cell, layout.decimal) for cell in cells) and cells != [str(i) for i in range(len(cells))]:
        note = f"{label}: the first line holds numbers, so the columns are named x0 to x{len(cells) - 1}."
        return _with(layout, default_names(len(cells)), 0, note)
    note = None
    if cells[0] == "" and len(cells) > 1:
        note = f"{label}: the first column has no name; taken for a row index and left out."
    elif len(cells) == 1 and " " in cells[0] and layout.delimiter != BLANKS:
        note = f"{label}: there is one column; if blanks part its cells, give `--delimiter blank`."
    return _with(layout, (cells[0], *(cell or f"x{i}" for i, cell in enumerate(cells[1:], start=1))), lines, note)


def _with(layout: Layout, names: Sequence[str], lines: int, note: str | None) -> Layout:
    notes = layout.notes if note is None else (*layout.notes, note)
    return Layout(tuple(names), layout.delimiter, layout.skip + lines, notes, layout.decimal, layout.steps)


def not_utf8(label: str, what: str) -> DataError:
    """Of text in another encoding, which cannot be known."""
    return DataError(
        f"{label}: {what} not UTF-8 text.",
        "save the file as UTF-8, or say how it is written, such as `--encoding cp1252` (Western Europe, of Excel)",
    )


def _comments(label: str, text: str, options: TextOptions) -> tuple[tuple[Clean, ...], tuple[str, ...], str | None]:
    """What takes comments away, a sentence on them, and the comment that may hold the names.

    Without being told, lines that begin with `#` are comments where the table begins with them and other lines follow.
    A single one that has as many cells as the next line, one of them a number, is the line of names.
    """
    mark = options.comment or "#"
    lines = text.split("\n")
    leading = next((i for i, line in enumerate(lines) if not line.lstrip().startswith(mark)), len(lines))
    if options.comment is None and (not leading or not "".join(lines[leading:]).strip()):
        return (), (), None
    if options.comment is None and leading == 1 and _names_itself(lines, options):
        return (), (), None
    last = lines[leading - 1].strip().removeprefix(mark).strip() if leading else None
    count = sum(line.lstrip().startswith(mark) for line in lines)
    note = f"{label}: lines that begin with {mark!r} are taken for comments."
    return (comment_remover(mark),), (note,) * bool(count), last


def _names_itself(lines: list[str], options: TextOptions) -> bool:
    """Whether a first line such as `#,name` or `#chrom,start` is the line of names, its mark a part of a name."""
    delimiter = options.delimiter or _delimiter("\n".join(lines[: LOOKED_AT + 1]))
    if delimiter == BLANKS:
        return False
    first, following = (line.strip("\r").split(delimiter) for line in lines[:2])
    some = any(_is_float(cell, options.decimal) for cell in following)
    return len(first) == len(following) > 1 and some and not first[0].startswith("# ")


def _comment_names(comment: str, delimiter: str, count: int) -> list[str] | None:
    cells = [cell.strip() for cell in next(csv.reader([comment], delimiter=delimiter, skipinitialspace=True), [])]
    if len(cells) != count and delimiter == "\t":
        cells = comment.split()
    return cells if len(cells) == count and all(cells) and len(set(cells)) == count else None


def _delimiter(text: str) -> str:
    """The sign that cuts the first rows into equally many cells, most of them numbers where two signs do."""
    best, score = ",", (0.0, 0.0)
    for mark in DELIMITERS:
        rows = _rows(text, mark)
        if not rows or len(rows[0]) < 2:
            continue
        agree = sum(len(row) == len(rows[0]) for row in rows) / len(rows)
        cells = [cell.strip() for row in rows[1:] or rows for cell in row]
        numbers = sum(looks_like_number(cell) or is_missing(cell) for cell in cells) / len(cells)
        if (agree, numbers) > score:
            best, score = mark, (agree, numbers)
    return BLANKS if score == (0.0, 0.0) and _by_blanks(text) else best


def _rows(text: str, delimiter: str) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text[: 1 << 17], newline=""), delimiter=delimiter, skipinitialspace=True):
            if row:
                rows.append(row)
            if len(rows) > LOOKED_AT:
                break
    except csv.Error:
        return []
    # The last may be cut off.
    return rows[:-1] if len(rows) > 2 and len(text) > 1 << 17 else rows


def _by_blanks(text: str) -> bool:
    """Whether blanks part the cells: every line has equally many, and those after the first are numbers."""
    lines = [line.split() for line in text.split("\n")[:LOOKED_AT] if line.strip()]
    below = lines[1:] or lines
    same = len(lines[0]) > 1 and all(len(line) == len(lines[0]) for line in lines)
    return same and all(looks_like_number(cell) or is_missing(cell) for line in below for cell in line)


def _blank_cells(text: str, delimiter: str) -> bool:
    """Whether a cell that is no number has blanks around it: around numbers Arrow takes them away itself."""
    mark = re.escape(delimiter)
    blank = "[ ]" if delimiter == "\t" else "[ \\t]"
    number = "-+.0-9 \t"
    pattern = rf"(?:{mark}|^){blank}+(?![{number}])|(?![{number}]).{blank}+(?={mark}|\r?$)"
    return re.search(pattern, text, re.MULTILINE) is not None


def _is_float(text: str, decimal: str = ".") -> bool:
    try:
        float(text.replace(decimal, ".") if decimal != "." else text)
    except ValueError:
        return False
    return True
