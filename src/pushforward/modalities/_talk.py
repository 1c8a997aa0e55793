"""What commands say on standard error while they work."""

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

S = TypeVar("S", bound=Sized)

SECONDS = 0.5
"""Between two changes of a counter on a terminal."""
CLEAR_LINE = "\r\033[K"


class Talk:
    """Sentences on standard error, or none if `quiet`."""

    def __init__(self, *, quiet: bool = False):
        self.quiet = quiet

    def say(self, text: str) -> None:
        """One line."""
        if not self.quiet:
            _write(text + "\n")

    def warn(self, text: str) -> None:
        """One line that begins with `warning:`."""
        self.say(f"warning: {text}")

    def counted(self, blocks: Iterable[S], verb: str, total: int | None = None) -> Iterator[S]:
        """The same blocks, with a line on a terminal that counts their rows."""
        if self.quiet or not sys.stderr.isatty():
            yield from blocks
            return
        start = last = time.monotonic()
        rows, of_all = 0, "" if total is None else f" of {total:,}"
        try:
            for block in blocks:
                yield block
                rows, now = rows + len(block), time.monotonic()
                if now - last >= SECONDS:
                    last = now
                    rate = f"{rows / (now - start):,.0f} rows/s"
                    _write(f"\r{verb} {rows:,}{of_all} rows  {rate}")
        finally:
            _write(CLEAR_LINE)


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def plural(count: int, noun: str) -> str:
    """`1 row`, `2 rows`, `10,000 rows`."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def duration(seconds: float) -> str:
    """`8.2 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
