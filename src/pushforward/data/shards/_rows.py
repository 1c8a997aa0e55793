"""Rows that a fit reads a group at a time, and which of them are looked at before it begins."""

import abc
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from pushforward._errors import DataError
from pushforward.data._arrow import column_array, column_kind
from pushforward.data._tables import quoted
from pushforward.data.shards._files import ParquetFiles, chosen_names
from pushforward.data.shards._places import Where

LOOK_ROWS, LOOK_GROUPS = 2**21, 16
"""Before a fit so many rows are read at least, of so many groups, or all that there are."""
RANKING = 20_061  # of random numbers that no fit's seed decides


class Block(NamedTuple):
    """All rows of a group as numbers.

    Attributes:
        x: `(rows, columns)`.
        condition: `(rows, conditions)`, or None.
        weights: `(rows,)`, 0 for a row that is left out; None for no such row.
        log_det: `(rows,)`, as of `objectives.Batch`, or None.
    """

    x: np.ndarray
    condition: np.ndarray | None = None
    weights: np.ndarray | None = None
    log_det: np.ndarray | None = None

    def take(self, rows: Any) -> "Block":
        """Some rows."""
        condition, weights, log_det = (None if part is None else part[rows] for part in self[1:])
        return Block(self.x[rows], condition, weights, log_det)


class RowGroups(abc.ABC):
    """What `fit` reads rows from while it goes on.

    Attributes:
        sizes: The number of rows in each group, none 0.
        window: How many rows are shuffled together; None for as many as take 64 MiB.
    """

    sizes: np.ndarray
    window: int | None

    @abc.abstractmethod
    def read(self, group: int) -> Block:
        """The rows of a group; the same at every call."""

    @abc.abstractmethod
    def checksum(self) -> str:
        """What is the same for the same rows, and other for others; nothing is read for it."""


class ParquetRows(RowGroups):
    """Numbers in files of Parquet that `fit` reads while it goes on, in the memory of some row groups.

    The order of the rows is a function of the seed and the epoch, whatever the number of processes, of which each reads
    the row groups of its own share of every batch: about one in so many. The last batch of an epoch is filled up by
    rows of weight 0, so that every row is used once in an epoch.

    Args:
        source: A folder, a pattern such as `rows/*.parquet`, a file, a URL of fsspec such as `s3://bucket/rows/`, or a
            list of these. Folders called `year=2024` and the like are a column.
        columns: Those of the events; all that are no conditions by default.
        condition: Those of the conditions.
        window: How many rows are shuffled together, at least a batch: rows that lie farther apart in one group never
            meet in a batch. By default as many as take 64 MiB in float32.

    Raises:
        TypeError: If one name is given in place of a list.
        DataError: If there are no such files or columns, files differ in their columns, or a column holds no numbers or
            is asked for twice. While it is fitted: if a value is missing or not finite, or a file has gone.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> pf.data.write_table(f"{folder}/a.parquet", pf.data.read_table("toy:moons:500"))
        >>> rows = pf.data.ParquetRows(folder, window=256)
        >>> flow = pf.flows.affine(2, key=jax.random.key(0))
        >>> result = pf.fit(flow, rows, max_epochs=2, progress=False, key=jax.random.key(1))
        >>> len(result.history)
        2
    """

    def __init__(
        self,
        source: Where,
        *,
        columns: Sequence[str] | None = None,
        condition: Sequence[str] = (),
        window: int | None = None,
    ):
        for argument, given in (("columns", columns), ("condition", condition)):
            if isinstance(given, str):
                raise TypeError(f"ParquetRows: `{argument}` must be a list of names, got {given!r}: write [{given!r}].")
        self._files = ParquetFiles(source)
        self.condition = tuple(chosen_names(self._files, condition))
        others = [name for name in self._files.schema.names if name not in self.condition]
        self.columns = tuple(others if columns is None else chosen_names(self._files, columns))
        self.sizes, self.window = self._files.sizes, checked_window(window)
        names = [*self.columns, *self.condition]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise DataError(
                f"{self._files.label}: {quoted('column', twice)} {'are' if len(twice) > 1 else 'is'} asked for twice.",
                "give each name once, in `columns` or in `condition`",
            )
        text = [name for name in names if column_kind(self._files.schema.field(name).type) not in ("int", "float")]
        if text:
            raise DataError(
                f"{self._files.label}: {quoted('column', text)} {'hold' if len(text) > 1 else 'holds'} no numbers.",
                "name the columns that do by `columns=`",
            )

    @property
    def num_rows(self) -> int:
        """In all files."""
        return self._files.num_rows

    def read(self, group: int) -> Block:
        """Both parts of a row group as floats."""
        table = self._files.read(group, [*self.columns, *self.condition])
        x, condition = (self._numbers(table, names, group) for names in (self.columns, self.condition))
        return Block(x, condition if self.condition else None)

    def checksum(self) -> str:
        """Of files and columns."""
        return f"{self._files.checksum()}, {self.columns}, {self.condition}"

    def _numbers(self, table: Any, names: Sequence[str], group: int) -> np.ndarray:
        found = [column_array(table[name], None) for name in names]
        values = np.empty((table.num_rows, len(names)), np.result_type(np.float32, *found))
        for place, cells in enumerate(found):
            values[:, place] = cells
            if not np.isfinite(cells).all():
                row = int(np.argmin(np.isfinite(cells)))
                raise DataError(
                    f"{self._files.where(group, row)}: column {names[place]!r} has no finite value.",
                    "fill it, leave such rows out of the files, or `pushforward fit --drop-missing`",
                )
        return values


def checked_window(window: int | None) -> int | None:
    """A number of rows, or None.

    Raises:
        ValueError: If it is below 1 or not whole.
    """
    if window is not None and not (float(window).is_integer() and window >= 1):
        raise ValueError(f"`window` must be a whole number of rows of at least 1, got {window}.")
    return None if window is None else int(window)


def looked_at(sizes: np.ndarray) -> np.ndarray:
    """The groups that are read before a fit begins, in their order: some at random, the same for every seed."""
    order = np.random.default_rng(RANKING).permutation(len(sizes))
    count = max(LOOK_GROUPS, int(np.searchsorted(np.cumsum(sizes[order]), LOOK_ROWS)) + 1)
    return np.sort(order[:count])


def apart(sizes: np.ndarray, count: int) -> dict[int, np.ndarray]:
    """So many rows of the groups that are looked at, in proportion to their sizes: sorted numbers of rows by group.

    Nearly all rows that are taken for one count are among those for a greater one.
    """
    groups = looked_at(sizes)
    ends = np.concatenate([[0], np.cumsum(sizes[groups])])
    ends = count * ends // ends[-1]
    found = {}
    for group, taken in zip(groups.tolist(), np.diff(ends).tolist(), strict=True):
        ranked = np.random.default_rng([RANKING, group]).permutation(sizes[group])
        found[group] = np.sort(ranked[:taken])
    return found


def held_out(sizes: np.ndarray, fraction: float, most: int) -> dict[int, np.ndarray]:
    """The rows that are held out, by group: a share of all, but at most so many, and half of what is looked at."""
    if not fraction:
        return {}
    able = int(sizes[looked_at(sizes)].sum()) // 2
    return apart(sizes, max(1, min(round(fraction * int(sizes.sum())), most, able)))


def joined(rows: Mapping[int, np.ndarray], data: RowGroups) -> Iterator[tuple[int, Block]]:
    """The blocks of some rows, with the numbers of their groups."""
    for group, numbers in rows.items():
        if len(numbers):
            yield group, data.read(group).take(numbers)
