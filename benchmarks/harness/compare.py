"""Did something get slower? Ratios of one run beside those of an earlier one on the same kind of device."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path

from benchmarks.harness.ratios import OURS, Key, Ratio, against_rivals, in_passes, results
from benchmarks.harness.records import RESULTS, Record, read, stored

TOLERANCE = 0.2
"""Runs of the same code on a busy machine differ by this much: a smaller loss is not called slower."""


@dataclasses.dataclass(frozen=True)
class Change:
    """One ratio then and now; larger is better."""

    key: Key
    before: Ratio
    now: Ratio

    @property
    def factor(self) -> float:
        """Below 1: slower than before."""
        return self.now.median / self.before.median

    @property
    def slower(self) -> bool:
        """Beyond the tolerance, and the middle halves of the two runs' rounds do not touch."""
        return self.factor < 1.0 - TOLERANCE and self.now.high < self.before.low

    def __str__(self) -> str:
        case, operation, rival = self.key
        what = "passes per sample" if rival == OURS else f"against {rival}"
        return f"{case} {operation} {what}: {self.before} -> {self.now}, {self.factor:.2f} of before"


def changes(before: Iterable[Record], now: Iterable[Record]) -> list[Change]:
    """Every ratio that both runs have, worst first."""
    then, today = _ratios(list(before)), _ratios(list(now))
    both = [Change(key, then[key], today[key]) for key in today if key in then]
    return sorted(both, key=lambda change: change.factor)


def _ratios(records: list[Record]) -> dict[Key, Ratio]:
    """Ratios against rivals, and density passes per sample as a rival of our own, so that larger is better."""
    ratios = against_rivals(records)
    for (label, library), record in results(records).items():
        passes = in_passes(record)
        if library == OURS and passes is not None:
            ratios[label, "sample", OURS] = Ratio(1 / passes.median, 1 / passes.high, 1 / passes.low)
    return ratios


def earlier_run(path: Path, folder: Path = RESULTS) -> Path | None:
    """The newest stored run of the same kind on the same kind of device that started before this one."""
    head = read(path)[0]
    for other, records in stored(head["what"], folder):
        same = records[0]["device_label"] == head["device_label"]
        if same and other.resolve() != path.resolve() and records[0]["started"] <= head["started"]:
            return other
    return None


def report(before: Path, now: Path) -> tuple[list[str], bool]:
    """Lines to print, and whether anything got slower."""
    found = changes(read(before), read(now))
    slower = [change for change in found if change.slower]
    lines = [f"{len(found)} ratios in both {before.name} and {now.name}"]
    lines += [f"slower: {change}" for change in slower] or ["nothing got slower"]
    faster = [change for change in found if change.factor > 1.0 + TOLERANCE and change.now.low > change.before.high]
    lines += [f"faster: {change}" for change in reversed(faster)]
    return lines, bool(slower)
