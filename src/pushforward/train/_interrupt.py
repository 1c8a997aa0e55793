"""Ctrl-C that waits for the end of a chunk."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Self


class Interrupt:
    """While it is entered, the first Ctrl-C only sets `requested`; the second one interrupts at once.

    The state is handed to the compiled loop for good, so an interrupt in the middle would lose it.
    Nothing is done if it is not `enabled`, outside the main thread, or if someone else handles Ctrl-C.
    """

    def __init__(self, *, enabled: bool):
        self.requested = False
        self._enabled = enabled
        self._installed = False

    def __enter__(self) -> Self:
        main = threading.current_thread() is threading.main_thread()
        if self._enabled and main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._request)
            self._installed = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _request(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
