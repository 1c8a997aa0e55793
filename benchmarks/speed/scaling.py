"""How cost grows: with rows, layers, width and dimension; one sweep varies one of them."""

import dataclasses
from collections.abc import Callable

from benchmarks.cases import CASES, Case, Operation
from benchmarks.harness import runner
from benchmarks.harness.records import Journal

RIVALS = ("zuko", "flowjax")


@dataclasses.dataclass(frozen=True)
class Sweep:
    """Cases that differ in one field.

    Attributes:
        name: In results and plots.
        case: What stays the same.
        field: What is varied.
        values: All values, smallest first.
        operations: What is timed.
        rivals_up_to: Larger values are ours alone, as the rivals would take minutes or all the memory.
    """

    name: str
    case: Case
    field: str
    values: tuple[int, ...]
    operations: tuple[Operation, ...]
    rivals_up_to: int

    def cases(self) -> list[tuple[int, Case]]:
        return [(value, self._case(value)) for value in self.values]

    def _case(self, value: int) -> Case:
        libraries = ("pushforward", *RIVALS) if value <= self.rivals_up_to else ("pushforward",)
        fields = {self.field: value} if self.field != "hidden" else {"hidden": (value, value)}
        if self.field == "rows":
            # The rows that are timed; what is drawn and trained on stays small.
            fields |= {"samples": 100}
        return dataclasses.replace(self.case, **fields, operations=self.operations, libraries=libraries)


MAF, SPLINE = CASES["maf-6"], CASES["nsf-ar-6"]
SWEEPS: dict[str, Sweep] = {
    sweep.name: sweep
    for sweep in [
        Sweep("rows", MAF, "rows", (10_000, 100_000, 1_000_000, 10_000_000), ("density",), 1_000_000),
        Sweep("layers", MAF, "layers", (2, 5, 10, 20), ("train",), 20),
        Sweep("layers-spline", SPLINE, "layers", (5, 10, 20), ("train",), 20),
        Sweep("width", MAF, "hidden", (32, 64, 128, 256, 512), ("train",), 512),
        Sweep(
            "dim",
            dataclasses.replace(MAF, samples=500),
            "dim",
            (2, 6, 16, 43, 128, 256),
            ("train", "sample", "pass"),
            43,
        ),
    ]
}

SETTINGS = runner.Settings(rounds=3, seconds=0.2, budget=6.0, timeout=180.0)


def run(names: list[str], settings: runner.Settings, journal: Journal, say: Callable[[str], None]) -> None:
    """Time every case of the sweeps; each record says its sweep and value."""
    for name in names:
        for value, case in SWEEPS[name].cases():
            say(f"{name} {value}:")
            for record in runner.run_case(case, settings, say):
                journal.write(record | {"sweep": name, "value": value})
