"""A table with column names: what every reader returns and every fit, score and sample takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pushforward._errors import DataError, did_you_mean
from pushforward.data._batches import ColumnKind, Columns, record_batch
from pushforward.data._categories import Category
from pushforward.data.files._stored import ColumnType
from pushforward.data.moments._moment import Moment


@dataclass(frozen=True, eq=False)
class Table:
    """Columns with names; categories are held as codes 0, 1, ...

    Args:
        names: Column names, all different.
        values: `(rows, columns)`, float64, or float32 where the source was float32.
        kinds: What each column held in its source, "float", "int", "category" or "moment"; all numbers are "float" when
            left out.
        categories: By name, the values (text, truth values or whole numbers) that the codes of a column stand for.
        notes: Sentences about the reading that a user should see.
        dropped: How many rows were left out because a cell was missing.
        types: By name, what the numbers of dates, times and durations count, and how whole numbers and categories were
            stored, where it is not in the plainest way.

    Raises:
        DataError: If the names do not fit the values, or repeat.

    Example:
        >>> table = Table(("height", "age"), np.array([[1.7, 30.0], [1.6, 41.0]]), ("float", "int"))
        >>> table.select(["age"]).values
        array([[30.],
               [41.]])
    """

    names: tuple[str, ...]
    values: np.ndarray = field(repr=False)
    kinds: tuple[ColumnKind, ...] = ()
    notes: tuple[str, ...] = ()
    dropped: int = 0
    categories: Mapping[str, tuple[Category, ...]] = field(default_factory=dict)
    types: Mapping[str, ColumnType] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "categories", {n: tuple(c) for n, c in self.categories.items() if n in self.names})
        object.__setattr__(self, "types", {n: kind for n, kind in self.types.items() if n in self.names})
        kinds = tuple(self.kinds) or ("float",) * len(self.names)
        if len(kinds) == len(self.names):
            pairs = zip(self.names, kinds, strict=True)
            kinds = tuple(self._kind(name, kind) for name, kind in pairs)
        object.__setattr__(self, "kinds", kinds)
        if self.values.ndim != 2 or self.values.shape[1] != len(self.names) or len(self.kinds) != len(self.names):
            raise DataError(
                f"Table: {len(self.names)} names and {len(self.kinds)} kinds for values of shape {self.values.shape}.",
                "give one name and one kind per column of a (rows, columns) array",
            )
        if self.values.dtype not in (np.float32, np.float64):
            object.__setattr__(self, "values", self.values.astype(np.float64))
        refuse_duplicates("Table", self.names)

    def _kind(self, name: str, kind: ColumnKind) -> ColumnKind:
        if name in self.categories:
            return "category"
        return "moment" if isinstance(self.types.get(name), Moment) else kind

    @property
    def moments(self) -> dict[str, Moment]:
        """By name, the types of the columns of dates, times and durations."""
        return {name: kind for name, kind in self.types.items() if isinstance(kind, Moment)}

    @property
    def num_rows(self) -> int:
        return self.values.shape[0]

    @property
    def num_columns(self) -> int:
        return self.values.shape[1]

    def column(self, name: str) -> np.ndarray:
        """The values of one column, `(rows,)`; codes where it is categorical."""
        return self.values[:, positions("table", self.names, [name])[0]]

    def select(self, names: Sequence[str]) -> "Table":
        """The named columns, in the given order."""
        return self._at(positions("table", self.names, names))

    def drop(self, names: Sequence[str]) -> "Table":
        """All columns but the named ones."""
        left_out = set(positions("table", self.names, names))
        return self._at([i for i in range(self.num_columns) if i not in left_out])

    def matrix(self, dtype: Any = np.float32) -> np.ndarray:
        """The values as a C-ordered array `(rows, columns)` of `dtype`; a copy only where one is needed."""
        return np.ascontiguousarray(self.values, dtype=dtype)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The table for Arrow, polars and all others who take an Arrow C stream; categories as what they are."""
        import pyarrow as pa

        batch = record_batch(self.values, Columns(self.names, self.kinds, self.categories, self.types))
        return pa.Table.from_batches([batch]).__arrow_c_stream__(requested_schema)

    def _at(self, indices: Sequence[int]) -> "Table":
        names = tuple(self.names[i] for i in indices)
        kinds = tuple(self.kinds[i] for i in indices)
        same = list(indices) == list(range(self.num_columns))
        return replace(self, names=names, kinds=kinds, values=self.values if same else self.values[:, list(indices)])


def default_names(count: int) -> tuple[str, ...]:
    """`x0, x1, ...`, for data without names."""
    return tuple(f"x{i}" for i in range(count))


def positions(label: str, names: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Where each wanted name stands among `names`, or a DataError that lists the missing ones."""
    index = {name: i for i, name in enumerate(names)}
    missing = [name for name in wanted if name not in index]
    if missing:
        raise DataError(f"{label}: no {quoted('column', missing)}.", _column_hint(missing, names))
    return [index[name] for name in wanted]


def match_columns(table: Table, names: Sequence[str]) -> Table:
    """The columns that a model was fitted on, in the model's order; others are left out, with a note.

    Raises:
        DataError: If a column is missing; the message names it.
    """
    matched = table.select(names)
    extra = [name for name in table.names if name not in set(names)]
    if not extra:
        return matched
    return replace(matched, notes=(*matched.notes, f"{quoted('column', extra)} not used by the model: left out."))


def require_rows(table: Table, least: int = 2, *, label: str = "data") -> None:
    """Refuse a table with fewer than `least` rows; a density cannot be fitted to one point."""
    if table.num_rows < least:
        raise DataError(
            f"{label}: {table.num_rows} row{'s' * (table.num_rows != 1)}, but fitting needs at least {least}.",
            "a flow learns from many rows: some hundreds give a first impression",
        )


def constant_columns(table: Table) -> tuple[str, ...]:
    """The names of the columns that hold one value only."""
    if table.num_rows == 0:
        return ()
    same = np.array([np.ptp(column) == 0 for column in table.values.T], dtype=bool)
    return tuple(name for name, constant in zip(table.names, same, strict=True) if constant)


def refuse_duplicates(label: str, names: Sequence[str]) -> None:
    """Raise a DataError when two columns have one name."""
    seen: dict[str, int] = {}
    for name in names:
        seen[name] = seen.get(name, 0) + 1
    repeated = [name for name, count in seen.items() if count > 1]
    if repeated:
        raise DataError(
            f"{label}: {quoted('column name', repeated)} used more than once.",
            "columns are matched by name: give each its own",
        )


def quoted(noun: str, names: Sequence[str], *, limit: int = 5) -> str:
    """`column 'a'`, `columns 'a', 'b'`, `columns 'a', 'b' and 7 more`: at most `limit` names."""
    shown = ", ".join(repr(name) for name in names[:limit])
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return f"{noun}{'s' * (len(names) != 1)} {shown}{more}"


def _column_hint(missing: Sequence[str], names: Sequence[str]) -> str:
    if len(names) > 20:
        names = [*names[:20], "..."]
    return did_you_mean(missing[0], names) if len(missing) == 1 else f"the columns are {', '.join(names)}"
