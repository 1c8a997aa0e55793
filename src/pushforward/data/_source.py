"""What every reader opens: names and kinds first, then the rows block by block."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pushforward._errors import DataError
from pushforward.data._batches import ColumnKind
from pushforward.data._categories import Category, Vocabulary
from pushforward.data._tables import positions, quoted, refuse_duplicates

BATCH_ROWS = 65_536
"""Rows per batch when nobody asks for another number."""
BLOCK_CELLS = 1 << 20
"""Cells that readers and writers hold at a time: 8 MiB of float64."""


def block_rows(columns: int) -> int:
    """Rows of a block of about `BLOCK_CELLS` cells."""
    return max(1, min(BATCH_ROWS, BLOCK_CELLS // max(1, columns)))


@dataclass(frozen=True)
class Selection:
    """Which columns of a source to read: all, or `columns` in their order, less `drop`.

    A file without types is read as text in the columns of `text`, where `"*"` stands for all.
    """

    columns: tuple[str, ...] | None = None
    drop: tuple[str, ...] = ()
    text: tuple[str, ...] = ()

    def reads(self, name: str) -> bool:
        """Whether a column is asked for as categories."""
        return name in self.text or "*" in self.text

    def of(self, label: str, names: Sequence[str]) -> list[int]:
        """Positions of the selected columns, or a DataError for unknown or repeated names."""
        refuse_duplicates(label, names)
        left_out = set(positions(label, names, self.drop))
        chosen = range(len(names)) if self.columns is None else positions(label, names, self.columns)
        kept = [i for i in chosen if i not in left_out]
        if not kept:
            raise DataError(f"{label}: no columns are left.", "keep at least one column")
        return kept


@dataclass(frozen=True)
class Source:
    """An open table, missing cells as NaN.

    Attributes:
        label: What messages call it.
        names: The selected columns.
        kinds: What they held.
        dtype: Of the values.
        blocks: The rows as `(rows, columns)` arrays, until the data end.
        notes: Sentences for the user.
        whole: All rows in one array, where that takes less memory than gathering the blocks.
        vocabularies: By name, what the codes of a column stand for; they grow while the blocks are read.
    """

    label: str
    names: tuple[str, ...]
    kinds: tuple[ColumnKind, ...]
    dtype: np.dtype
    blocks: Iterator[np.ndarray]
    notes: tuple[str, ...] = ()
    whole: Callable[[], np.ndarray] | None = None
    vocabularies: Mapping[str, Vocabulary] = field(default_factory=dict)

    @property
    def categories(self) -> dict[str, tuple[Category, ...]]:
        """By name, what the codes that were read so far stand for."""
        return {name: vocabulary.labels for name, vocabulary in self.vocabularies.items()}


def refuse_text(label: str, examples: Sequence[tuple[str, object, int]], *, as_categories: bool = True) -> None:
    """Raise a DataError for columns of text, each with an example value and its row (1 is the first data row).

    `as_categories` tells whether a reader that is asked to can take them for categories.
    """
    if not examples:
        return
    names = [name for name, _, _ in examples]
    one = len(names) == 1
    shown = "; ".join(f"{value!r} in row {row}" + ("" if one else f" of {name!r}") for name, value, row in examples[:3])
    it = "it" if one else "them"
    raise DataError(
        f"{label}: {quoted('column', names)} {'holds' if one else 'hold'} text: {shown}.",
        _text_hint(str(examples[0][1]), ",".join(names[:3]), it, as_categories),
    )


def _text_hint(value: str, names: str, it: str, as_categories: bool) -> str:
    if "," in value and value.replace(",", "", 1).strip().lstrip("+-").isdigit():
        return "numbers are read with a decimal point: replace the decimal commas"
    if not as_categories:
        return f"leave {it} out (`--drop {names}`), or store {it} as numbers or as text"
    return f"leave {it} out (`--drop {names}`), correct {it}, or read {it} as categories (`--column NAME:categorical`)"
