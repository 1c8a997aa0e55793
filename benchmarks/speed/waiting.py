"""Seconds of the first call, and how long the programs are that it compiles; beside another checkout.

Run `python -m benchmarks.speed.waiting [--against PATH_OF_OTHER_CHECKOUT] [--rounds 3] [--only nsf-ar-6] [--store]`.
Every case and phase is timed in a process of its own, without any compilation cache, the two checkouts in turn. Beside
the wall clock stand the seconds of all processors: on a busy machine they are the ones to compare. Instructions are
those of the program after XLA's optimisation. The other checkout takes the same work through its own
`benchmarks.adapters.pushforward`.

The case `fits` is `FlowDensity("nsf").fit` on 500 rows of 8 columns, and then on 700 others in the same process: how
long each takes with the scores of its rows, and how many programs the second compiles.
"""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.harness.records import Record, append
from benchmarks.speed.first_call import FITS

HERE = Path(__file__).resolve().parents[2]
PHASES = ("train", "sample")
FIT_PHASES = ("first", "second")
CASES = ("nsf-ar-6", "nsf-ar-43", "nsf-coupling-43", "maf-orders", "flowpp")
"""Cases of `benchmarks.cases`, and recipes: `maf-orders` at 43 columns, a small `flowpp` on images of 8 x 8."""


def in_fresh_process(checkout: Path, case: str, phase: str) -> Record:
    """What `first_call` gives with the code of a checkout."""
    env = os.environ | {"PYTHONPATH": f"{checkout / 'src'}:{checkout}", "JAX_ENABLE_COMPILATION_CACHE": "false"}
    command = [sys.executable, str(HERE / "benchmarks" / "speed" / "first_call.py"), case, phase]
    done = subprocess.run(command, cwd=checkout, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{checkout}: {case} {phase} failed: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout.splitlines()[-1])


def compared(case: str, phase: str, other: Path | None, rounds: int) -> Record:
    """Medians of this checkout, and of the other one where there is one."""
    checkouts = {"": HERE} | ({} if other is None else {"other_": other})
    found: dict[str, list[Record]] = {name: [] for name in checkouts}
    for _ in range(rounds):
        for name, checkout in checkouts.items():
            found[name].append(in_fresh_process(checkout, case, phase))
    record: Record = {"figure": "first call", "case": case, "phase": phase, "rounds": rounds}
    for name, records in found.items():
        for what in ("seconds", "processor", "hlo"):
            record[name + what] = round(statistics.median(each[what] for each in records), 2)
    return record


def _told(record: Record) -> str:
    unit = "programs" if record["case"] == FITS else "instructions"
    ours = f"{record['seconds']:.1f} s, {record['processor']:.1f} of all processors, {record['hlo']:.0f} {unit}"
    if "other_hlo" not in record:
        return f"{record['case']} {record['phase']}: {ours}"
    ratios = [record[what] / max(record["other_" + what], 1e-9) for what in ("seconds", "processor", "hlo")]
    return f"{record['case']} {record['phase']}: {ours}; {', '.join(f'{r:.2f}x' for r in ratios)} of the other"


def _option(arguments: list[str], name: str, default: str | None) -> str | None:
    return arguments[arguments.index(name) + 1] if name in arguments else default


def main(arguments: list[str]) -> None:
    """Print the table; `--store` keeps it in `benchmarks/results/waiting.jsonl`."""
    other, only = _option(arguments, "--against", None), _option(arguments, "--only", None)
    rounds = int(_option(arguments, "--rounds", "3") or 3)
    for case in (*CASES, FITS) if only is None else only.split(","):
        for phase in FIT_PHASES if case == FITS else PHASES:
            record = compared(case, phase, None if other is None else Path(other).resolve(), rounds)
            print(_told(record), flush=True)
            if "--store" in arguments:
                append("waiting", [record])


if __name__ == "__main__":
    main(sys.argv[1:])
