"""What every reader opens: names and kinds first, then the rows block by block."""

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pushforward._errors import ColumnError, DataError, shell_names
from pushforward.data._batches import ColumnKind
from pushforward.data._categories import Category, Vocabulary
from pushforward.data._tables import positions, quoted, refuse_duplicates
from pushforward.data.files._keys import Keys
from pushforward.data.files._stored import ColumnType
from pushforward.data.text._options import AS_FOUND, TextOptions
from pushforward.data.text._slips import advice

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

    A file without types is read as text in the columns of `text`, where `"*"` stands for all. In those of `empty` an
    empty text in quotes is a category. Values of `missing` stand for no value; `form` is what the user says of a text
    table. The columns of `keep` go through as they are, as the options `kept_by` ask. Those of `moments` are known to
    hold dates, times or durations: a file without types is read as text there.
    """

    columns: tuple[str, ...] | None = None
    drop: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    form: TextOptions = AS_FOUND
    keep: tuple[str, ...] = ()
    moments: tuple[str, ...] = ()
    kept_by: str = "--keep"

    @property
    def chosen(self) -> bool:
        """Whether the columns are asked for by name."""
        return self.columns is not None

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

    def keys(self, label: str, names: Sequence[str]) -> Keys | None:
        """Where the columns of `keep` go, or None; a DataError for unknown names."""
        positions(f"{label}, {self.kept_by}", names, self.keep)
        return Keys(self.keep) if self.keep else None


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
        keys: The columns that go through as they are, row for row with the blocks.
        types: By name, what else is known of a column; moments are in seconds.
        texts: Columns whose text is dates, times or durations.
        typed: Whether text is a type of the source.
        order: Of day and month in text, where the user says it.
    """

    label: str
    names: tuple[str, ...]
    kinds: tuple[ColumnKind, ...]
    dtype: np.dtype
    blocks: Iterator[np.ndarray]
    notes: tuple[str, ...] = ()
    whole: Callable[[], np.ndarray] | None = None
    vocabularies: Mapping[str, Vocabulary] = field(default_factory=dict)
    keys: Keys | None = None
    types: Mapping[str, ColumnType] = field(default_factory=dict)
    texts: tuple[str, ...] = ()
    typed: bool = False
    order: str | None = None

    @property
    def categories(self) -> dict[str, tuple[Category, ...]]:
        """By name, what the codes that were read so far stand for."""
        return {name: vocabulary.labels for name, vocabulary in self.vocabularies.items()}


def refuse_text(
    label: str,
    examples: Sequence[tuple[str, object, int]],
    *,
    values: Sequence[str] = (),
    as_categories: bool = True,
    chosen: bool = False,
) -> None:
    """Raise a DataError for columns of text, each with an example value and its row (1 is the first data row).

    Args:
        label: What messages call the source.
        examples: Name, value and row of each column.
        values: All texts that are no numbers, where they are known.
        as_categories: Whether a reader that is asked to can take the columns for categories.
        chosen: Whether the columns were asked for by name, as a model does: they can neither be left out nor be
            anything else.
    """
    if not examples:
        return
    names = [name for name, _, _ in examples]
    one = len(names) == 1
    shown = "; ".join(f"{value!r} in row {row}" + ("" if one else f" of {name!r}") for name, value, row in examples[:3])
    raise ColumnError(
        f"{label}: {quoted('column', names)} {'holds' if one else 'hold'} text: {shown}.",
        _text_hint(values or [str(examples[0][1])], names, as_categories, chosen),
        names,
    )


def _text_hint(values: Sequence[str], names: Sequence[str], as_categories: bool, chosen: bool) -> str:
    it = "it" if len(names) == 1 else "them"
    how = advice(values)
    if chosen:
        return how or f"numbers are wanted there: correct {it}"
    drop, categories = f"`--drop {shell_names(names)}`", f"`--column {shlex.quote(f'{names[0]}:categorical')}`"
    if not as_categories:
        return f"leave {it} out ({drop}), or {how or f'store {it} as numbers or as text'}"
    if how:
        return f"{how}; or leave {it} out ({drop}), or read {it} as categories ({categories})"
    return f"leave {it} out ({drop}), correct {it}, or read {it} as categories ({categories})"
