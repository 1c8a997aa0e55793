"""Row groups of a table in the units of the flow that is trained, one at a time."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pushforward._errors import DataError
from pushforward.data import Schema, Table, encode
from pushforward.data._missing import Missing
from pushforward.data._source import Selection
from pushforward.data._units import Units
from pushforward.data.shards._rows import Block, RowGroups
from pushforward.modalities.table._facts import TableFacts
from pushforward.modalities.table.streamed._sample import Streamed, opened_rows


@dataclass
class TableGroups(RowGroups):
    """What training reads.

    Attributes:
        streamed: The files.
        facts: What was found of the columns.
    """

    streamed: Streamed
    facts: TableFacts

    def __post_init__(self) -> None:
        self.sizes, self.window = self.streamed.files.sizes, self.streamed.window

    def checksum(self) -> str:
        """Of the files, and of what was found of the columns in them."""
        return f"{self.streamed.files.checksum()}, {self.facts.to_json()}"

    def read(self, group: int) -> Block:
        """The rows of a group, of which those have no weight that lack a value.

        Raises:
            DataError: If a value is missing and should not be, or is not what its column was found to hold.
        """
        facts, rows = self.facts, self.streamed.files.read(group, self._selection.columns or ())
        table, present = self._whole(rows, group)
        values = self._codes(table, facts.schema, rows, present, group)
        x, log_det = (values, None) if facts.units is None else facts.units.for_training(values)
        condition = None
        if facts.condition_schema is not None:
            given = self._codes(table, facts.condition_schema, rows, present, group)
            condition = _standard(given, facts.condition_units)
        block = Block(x, condition, None, log_det)
        return block if present.all() else _spread(block, present)

    @property
    def _selection(self) -> Selection:
        facts = self.facts
        own = [*facts.schema.columns, *(() if facts.condition_schema is None else facts.condition_schema.columns)]
        said = self.streamed.selection
        return Selection(
            columns=tuple(column.name for column in own),
            text=tuple(column.name for column in own if column.is_text),
            moments=tuple(column.name for column in own if column.moment is not None),
            empty=tuple(column.name for column in own if "" in column.categories),
            missing=said.missing,
            form=said.form,
        )

    def _whole(self, rows: Any, group: int) -> tuple[Table, np.ndarray]:
        """The rows that are whole, and which these are, `(rows of the group,)`."""
        opened = opened_rows(rows, self._selection, self.streamed.files.label)
        values = np.concatenate(list(opened.blocks))
        missing = Missing(opened.label, opened.names, chosen=True)
        kept, present = missing.filter(values)
        if missing.count and not self.streamed.drop_missing:
            row = missing.first[0] - 1
            name = opened.names[int(np.argmin(np.isfinite(values[row])))]
            raise DataError(
                f"{self.streamed.files.where(group, row)}: column {name!r} has no finite value.",
                "leave such rows out with `--drop-missing`, or fill the cell",
            )
        table = Table(opened.names, kept, opened.kinds, (), missing.count, opened.categories, opened.types)
        return table, np.ones(len(values), bool) if present is None else present

    def _codes(self, table: Table, schema: Schema, rows: Any, present: np.ndarray, group: int) -> np.ndarray:
        """Columns in the codes of a schema, or a DataError that names the first value that is none of them."""
        values = schema.turned(encode(table.select(schema.names), schema).values)
        for place, column in enumerate(schema.columns):
            inside = column.support.contains(values[:, place])
            if not inside.all():
                row = int(np.flatnonzero(present)[np.argmin(inside)])
                held = rows[column.name][row].as_py()
                way = "" if column.is_text else f", or say what it can hold, such as `--column {column.name}:unbounded`"
                raise DataError(
                    f"{self.streamed.files.where(group, row)}: column {column.name!r} holds {held!r}, and in the "
                    f"{len(self.streamed.looked):,} rows that were looked at it is {column.spec}.",
                    f"leave the row out of the files{way}",
                )
        return values


def _standard(values: np.ndarray, units: Units | None) -> np.ndarray:
    return values if units is None else units.standard(values)[0]


def _spread(block: Block, present: np.ndarray) -> Block:
    """The rows of a block at their places among others, which have weight 0."""

    def spread(values: np.ndarray | None) -> np.ndarray | None:
        if values is None:
            return None
        out = np.zeros((len(present), *values.shape[1:]), values.dtype)
        out[present] = values
        return out

    x, condition, _, log_det = (spread(part) for part in block)
    assert x is not None  # for the type checker
    return Block(x, condition, present.astype(np.float64), log_det)
