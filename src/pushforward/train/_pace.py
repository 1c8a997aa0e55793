"""How many steps are taken between two looks at the clock."""

import time
from types import TracebackType
from typing import Self

CHUNK_SECONDS = 0.5
FIRST_CHUNK = 8
GROWTH = 8  # at most from one chunk to the next


class Pace:
    """Times chunks of steps (`with pace: ...; pace.steps = taken`) and sizes the next one to about half a second.

    The first chunk is not believed: it compiles.
    """

    def __init__(self) -> None:
        self.chunk = FIRST_CHUNK
        self.steps = 0
        self.steps_per_second = 0.0
        self._warm = False
        self._start = 0.0

    def __enter__(self) -> Self:
        self._start = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        seconds = time.perf_counter() - self._start
        if self._warm and self.steps > 0:
            self.steps_per_second = self.steps / max(seconds, 1e-9)
            self.chunk = int(min(max(CHUNK_SECONDS * self.steps_per_second, 1), GROWTH * self.chunk))
        self._warm = True
