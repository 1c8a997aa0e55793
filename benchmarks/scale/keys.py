"""Scores of a long CSV file with dates and keys that are kept, beside the same numbers without them.

Run `python -m benchmarks.scale.keys [--rows 10000000] [--rounds 3]`; adds a record to results/keys.jsonl. The model is
one Gaussian of four columns, the quickest there is, so that the file is what takes time. Commands take turns; seconds
are medians, from the start of the process to its end. Memory is the most that a process held, beside the same command
on the 5,000 rows that were fitted to.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from benchmarks.harness.records import Record, append

KINDS = {"plain": (), "keys": ("--keep", "id,date")}
FEW, BLOCK = 5000, 500_000


def write(folder: Path, rows: int) -> None:
    """Numbers alone, and the same with an identifier and a date; and the first rows of both."""
    rng = np.random.default_rng(0)
    days = np.datetime_as_string(np.datetime64("2015-01-01") + np.arange(3000))
    files = {kind: (folder / f"{kind}.csv").open("w") for kind in KINDS}
    files["plain"].write("a,b,c,d\n")
    files["keys"].write("id,a,b,c,d,date\n")
    for start in range(0, rows, BLOCK):
        numbers = [",".join(map(str, row)) for row in rng.normal(size=(min(BLOCK, rows - start), 4)).round(5).tolist()]
        dates = days[rng.integers(len(days), size=len(numbers))]
        files["plain"].writelines(f"{row}\n" for row in numbers)
        files["keys"].writelines(f"P{start + i:08},{row},{dates[i]}\n" for i, row in enumerate(numbers))
    for kind, file in files.items():
        file.close()
        with (folder / f"{kind}.csv").open() as whole:
            (folder / f"few-{kind}.csv").write_text("".join(islice(whole, FEW + 1)))


def shell(*words: str) -> tuple[float, int]:
    """Seconds of a command, and the MiB that it held at most."""
    start = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-m", "pushforward.cli", *words, "-q"])
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"pushforward {' '.join(words)} ended with {child.returncode}")
    return time.perf_counter() - start, _mib(used)


def _mib(used: resource.struct_rusage) -> int:
    return used.ru_maxrss // 1024


def measured(rows: int, rounds: int) -> Iterator[Record]:
    """One record."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, rows)
        model, out = str(folder / "m.safetensors"), str(folder / "scores.csv")
        shell("fit", str(folder / "few-plain.csv"), "-o", model, "--flow", "gaussian")

        def score(kind: str, few: str = "") -> tuple[float, int]:
            return shell("score", model, str(folder / f"{few}{kind}.csv"), "-o", out, *KINDS[kind])

        base = {kind: score(kind, "few-")[1] for kind in KINDS}
        found: dict[str, list[tuple[float, int]]] = {kind: [] for kind in KINDS}
        for _ in range(rounds):
            for kind in KINDS:
                found[kind].append(score(kind))
    seconds = {kind: round(statistics.median(s for s, _ in each), 2) for kind, each in found.items()}
    more = {kind: max(mib for _, mib in each) - base[kind] for kind, each in found.items()}
    yield {
        "rows": rows,
        "rounds": rounds,
        "seconds": seconds,
        "times_plain": round(seconds["keys"] / seconds["plain"], 2),
        "mib_more_than_for_few": more,
    }


def main() -> None:
    """Write, score, store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    append("keys", measured(given.rows, given.rounds))


if __name__ == "__main__":
    main()
