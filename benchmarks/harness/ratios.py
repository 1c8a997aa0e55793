"""Ratios of times that were measured side by side."""

import dataclasses
import statistics
from collections.abc import Iterable

from benchmarks.harness.records import Record

OURS = "pushforward"

Key = tuple[str, str, str]
"""(label of the case, operation, rival)."""


@dataclasses.dataclass(frozen=True)
class Ratio:
    """How many times longer the rival takes: median and quartiles over the rounds of one run."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, rival: list[float], ours: list[float]) -> "Ratio":
        """Round by round, so that a drifting machine hits both sides; rounds that one side skipped are left out."""
        return cls.spread([a / b for a, b in zip(rival, ours, strict=False)])

    @classmethod
    def spread(cls, values: list[float]) -> "Ratio":
        if len(values) < 2:
            return cls(values[0], values[0], values[0])
        low, _, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(statistics.median(values), low, high)

    def __str__(self) -> str:
        digits = 0 if self.median >= 20 else 1 if self.median >= 5 else 2
        return f"{self.median:.{digits}f}x ({self.low:.{digits}f}-{self.high:.{digits}f})"


def results(records: Iterable[Record]) -> dict[tuple[str, str], Record]:
    """The results of a run by (label of the case, library)."""
    return {(r["label"], r["library"]): r for r in records if r["kind"] == "result"}


def against_rivals(records: Iterable[Record]) -> dict[Key, Ratio]:
    """Rival's time over ours for everything that both were timed on."""
    by_key = results(records)
    ratios: dict[Key, Ratio] = {}
    for (label, library), record in by_key.items():
        ours = by_key.get((label, OURS))
        if ours is None or library == OURS:
            continue
        for operation, seconds in record["seconds"].items():
            if seconds and ours["seconds"].get(operation):
                ratios[label, operation, library] = Ratio.of(seconds, ours["seconds"][operation])
    return ratios


def in_passes(record: Record) -> Ratio | None:
    """Sampling time in units of the density of as many rows, within one library."""
    seconds = record["seconds"]
    if not seconds.get("sample") or not seconds.get("pass"):
        return None
    return Ratio.of(seconds["sample"], seconds["pass"])
