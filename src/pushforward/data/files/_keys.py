"""Columns that go through beside the values, as they are: identifiers, dates, whatever they hold."""

from collections import deque
from typing import Any


class Keys:
    """What was read of some columns and is not yet taken, first in, first out.

    A reader puts the rows of each block before it hands the block out; who consumes the rows takes as many.

    Args:
        names: Of the columns.
    """

    def __init__(self, names: tuple[str, ...]):
        self.names = names
        self._held: deque[Any] = deque()

    def put(self, batch: Any) -> None:
        """Keep the columns of an Arrow batch."""
        self._held.append(batch.select(list(self.names)))

    def take(self, rows: int) -> Any:
        """The next rows as an Arrow table."""
        import pyarrow as pa

        parts = []
        while rows > 0 and self._held:
            batch = self._held.popleft()
            if batch.num_rows > rows:
                self._held.appendleft(batch.slice(rows))
                batch = batch.slice(0, rows)
            parts.append(batch)
            rows -= batch.num_rows
        return pa.Table.from_batches(parts)
