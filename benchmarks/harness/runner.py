"""One run: every library's worker started and warmed up, then timed in turns, round after round."""

import dataclasses
import os
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack

from benchmarks.adapters import LIBRARIES
from benchmarks.cases import Case, label
from benchmarks.harness.client import Worker, WorkerError
from benchmarks.harness.flops import matmul_flops
from benchmarks.harness.records import Journal, Record


@dataclasses.dataclass(frozen=True)
class Settings:
    """How long and how often.

    Attributes:
        rounds: How often the libraries take turns.
        seconds: Least time of one measurement.
        budget: A library whose measurements of one operation have taken this long sits the later rounds out.
        timeout: Longest wait for one answer; the library is then recorded as failed.
        seed: Of the weights and the data.
        device: "cpu" or "gpu".
        libraries: Who takes part.
    """

    rounds: int = 9
    seconds: float = 0.3
    budget: float = 20.0
    timeout: float = 600.0
    seed: int = 0
    device: str = "cpu"
    libraries: tuple[str, ...] = tuple(LIBRARIES)


QUICK_SETTINGS = Settings(rounds=3, seconds=0.1, budget=4.0, timeout=60.0)


def run(cases: Iterable[Case], settings: Settings, journal: Journal, say: Callable[[str], None]) -> None:
    """Time every case and write one record per case and library."""
    for case in cases:
        say(f"{label(case)}:")
        for record in run_case(case, settings, say):
            journal.write(record)


def run_case(case: Case, settings: Settings, say: Callable[[str], None]) -> list[Record]:
    """Time one case in all libraries that take part."""
    load = os.getloadavg()[0]
    chosen = [name for name in settings.libraries if case.libraries is None or name in case.libraries]
    with ExitStack() as stack:
        entrants = [stack.enter_context(Entrant(name, case, settings)) for name in chosen]
        for entrant in entrants:
            entrant.start()
            say(f"  {entrant.library}: {entrant.error or entrant.summary()}")
        for turn in range(settings.rounds):
            for operation in case.operations:
                for entrant in _rotated(entrants, turn):
                    entrant.measure(operation)
        for entrant in entrants:
            entrant.finish()
    return [entrant.record | {"load_average": load} for entrant in entrants]


def _rotated(items: list["Entrant"], by: int) -> list["Entrant"]:
    by %= max(len(items), 1)
    return items[by:] + items[:by]


class Entrant:
    """One library in one case, from its start to its record."""

    def __init__(self, library: str, case: Case, settings: Settings):
        self.library, self.case, self.settings = library, case, settings
        self.worker = Worker(library, timeout=settings.timeout)
        self.spent = dict.fromkeys(case.operations, 0.0)
        self.error: str | None = None
        self.record: Record = {
            "kind": "result",
            "label": label(case),
            "library": library,
            "case": case.to_json(),
            "first_s": {},
            "seconds": {operation: [] for operation in case.operations},
            "not_finite": [],
            "error": None,
        }

    def __enter__(self) -> "Entrant":
        return self

    def __exit__(self, *error: object) -> None:
        self.worker.close()

    def start(self) -> None:
        """Import, build, and run everything once: what is compiled is compiled here."""
        try:
            self.record |= self.worker.build(self.case, seed=self.settings.seed, device=self.settings.device)
            for operation in self.case.operations:
                answer = self.worker.time(operation, 0.0)
                self.record["first_s"][operation] = answer["spent"]
                if not answer["finite"]:
                    self.record["not_finite"].append(operation)
        except WorkerError as error:
            self._fail(error)

    def measure(self, operation: str) -> None:
        """One measurement, unless the library has failed or used up its time."""
        seconds = self.record["seconds"][operation]
        if self.error is not None or (seconds and self.spent[operation] > self.settings.budget):
            return
        start = time.perf_counter()
        try:
            seconds.append(self.worker.time(operation, self.settings.seconds)["seconds"])
        except WorkerError as error:
            self._fail(error)
        self.spent[operation] += time.perf_counter() - start

    def finish(self) -> None:
        """Ask for what is known only at the end."""
        if self.error is not None:
            return
        try:
            self.record |= self.worker.memory()
            if self.library == "pushforward":
                peak = self.worker.ask("peak", dtype=self.case.dtype)["flops"]
                self.record["matmul_peak_flops"] = peak
                self.record["matmul_flops"] = {op: matmul_flops(self.case, op) for op in self.case.operations}
        except WorkerError as error:
            self._fail(error)

    def summary(self) -> str:
        first = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in self.record["first_s"].items())
        return f"{self.record['parameters']:,} parameters; first calls: {first}"

    def _fail(self, error: WorkerError) -> None:
        self.error = str(error)
        self.record["error"] = self.error
