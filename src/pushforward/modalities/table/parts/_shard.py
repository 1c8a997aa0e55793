"""`3/16`: the third of sixteen nearly equal parts of what stands in a row."""

import re
from typing import NamedTuple

EXAMPLE = "write NUMBER/COUNT, such as 3/16: the third of sixteen"


class Shard(NamedTuple):
    """One of several parts, which together are the whole, in order.

    Attributes:
        number: From 1.
        of: How many parts there are.
    """

    number: int
    of: int

    def rows(self, total: int) -> range:
        """Which of so many rows: parts differ by one row at most, and some are empty where rows are few.

        Example:
            >>> [list(Shard(number, 3).rows(5)) for number in (1, 2, 3)]
            [[0], [1, 2], [3, 4]]
        """
        return range(total * (self.number - 1) // self.of, total * self.number // self.of)

    def __str__(self) -> str:
        return f"shard {self.number} of {self.of}"


def parse_shard(text: str) -> Shard:
    """`3/16` as a shard.

    Raises:
        ValueError: If it is no such pair of whole numbers, or counts outside of 1 to the count.
    """
    found = re.fullmatch(r"\s*(\d{1,9})\s*/\s*(\d{1,9})\s*", text, re.ASCII)
    if found is None:
        raise ValueError(f"{text!r} is no shard: {EXAMPLE}.")
    number, count = map(int, found.groups())
    if not 1 <= number <= count:
        raise ValueError(f"{text!r}: shards are counted from 1/{max(count, 1)} to {max(count, 1)}/{max(count, 1)}.")
    return Shard(number, count)


def refuse_shard(shard: Shard | None, option: str) -> None:
    """A usage error where a shard is asked for beside an option whose rows are found together."""
    if shard is not None:
        from pushforward._errors import UsageError

        raise UsageError(f"{option} and --shard exclude each other.", "leave --shard out, or divide the file")
