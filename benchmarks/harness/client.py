"""The parent's end of a worker process."""

import json
import os
import select
import subprocess
import sys
import time
from types import TracebackType
from typing import Any

from benchmarks.cases import Case
from benchmarks.data import ROOT


class WorkerError(Exception):
    """The library failed at what it was asked; the message is its own."""


class Worker:
    """A library in a process of its own, so that thread pools, memory and crashes stay apart.

    Args:
        library: A key of `adapters.LIBRARIES`.
        timeout: Seconds that an answer may take.
    """

    def __init__(self, library: str, *, timeout: float = 600.0):
        self.library = library
        self.timeout = timeout
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.harness.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env=environment(),
        )

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def build(self, case: Case, *, seed: int, device: str) -> dict[str, Any]:
        return self.ask("build", library=self.library, case=case.to_json(), seed=seed, device=device)

    def time(self, operation: str, seconds: float) -> dict[str, Any]:
        """Seconds per training step or per call, over at least `seconds`."""
        return self.ask("time", operation=operation, seconds=seconds)

    def memory(self) -> dict[str, Any]:
        return self.ask("memory")

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Send one request and wait for its answer.

        Raises:
            WorkerError: If the library failed, the process died, or the answer took too long.
        """
        assert self.process.stdin is not None
        try:
            self.process.stdin.write((json.dumps({"do": do, **arguments}) + "\n").encode())
            self.process.stdin.flush()
        except BrokenPipeError as error:
            raise WorkerError(f"{self.library}: the process has ended") from error
        answer = json.loads(self._read_line(do))
        if "error" in answer:
            raise WorkerError(f"{self.library}: {answer['error']}")
        return answer

    def _read_line(self, do: str) -> bytes:
        assert self.process.stdout is not None
        descriptor, line, end = self.process.stdout.fileno(), b"", time.monotonic() + self.timeout
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([descriptor], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                self.process.kill()
                raise WorkerError(f"{self.library}: `{do}` took more than {self.timeout:.0f} s")
            part = os.read(descriptor, 65536)
            if not part:
                raise WorkerError(f"{self.library}: the process ended with code {self.process.wait()} in `{do}`")
            line += part
        return line

    def close(self) -> None:
        """End the process."""
        if self.process.stdin is not None and self.process.poll() is None:
            try:
                self.process.stdin.close()
                self.process.wait(10)
            except (BrokenPipeError, subprocess.TimeoutExpired):
                self.process.kill()
        self.process.wait()


def environment() -> dict[str, str]:
    """Without JAX's compilation caches, as compile time is measured cold, and with Python's own, as a user has them."""
    unwanted = ("COMPILATION_CACHE", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not any(part in name for part in unwanted)}
    return kept | {"PYTHONWARNINGS": "ignore"}
