"""Seconds of the first call, and how long the programs are that it compiles; beside another checkout.

Run `python -m benchmarks.speed.waiting [--against PATH_OF_OTHER_CHECKOUT] [--rounds 3] [--only nsf-ar-6] [--store]`.
Every case and phase is timed in a process of its own, without any compilation cache, the two checkouts in turn. Beside
the wall clock stand the seconds of all processors: on a busy machine they are the ones to compare. Instructions are
those of the program after XLA's optimisation. The other checkout takes the same work through its own
`benchmarks.adapters.pushforward`.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.harness.records import Record, append

HERE = Path(__file__).resolve().parents[2]
PHASES = ("train", "sample")
CASES = ("nsf-ar-6", "nsf-ar-43", "nsf-coupling-43", "maf-orders", "flowpp")
"""Cases of `benchmarks.cases`, and recipes: `maf-orders` at 43 columns, a small `flowpp` on images of 8 x 8."""
FLOWPP = {"num_checkers": 2, "num_channels": 2, "num_coarse": 0, "num_noise": 2, "num_components": 4}
FLOWPP |= {"width": 32, "depth": 1, "num_heads": 2}


def first_call(case: str, phase: str) -> Record:
    """In a fresh process: build the flow, then the first call of a phase."""
    import jax
    import numpy as np

    from benchmarks.adapters.pushforward import PushforwardModel

    model = PushforwardModel(_flow(case, jax.random.key(0)), np.dtype("float32"))
    shape, rows, samples = model.flow.event_shape, 512, 2000
    if len(shape) == 3:
        rows = samples = 32
    drawn = np.random.default_rng(0).random((rows * 16, *shape), np.float32)
    model.set_batches(drawn * 255 if len(shape) == 3 else drawn - 0.5, rows)
    work: Callable[[], Any] = (lambda: model.train(1)) if phase == "train" else (lambda: model.sample(samples))
    before, start = _processor(), time.perf_counter()
    work()
    wall, processor = time.perf_counter() - start, _processor() - before
    return {
        "case": case,
        "phase": phase,
        "seconds": wall,
        "processor": processor,
        "hlo": _length(model, phase, samples),
    }


def _flow(case: str, key: Any) -> Any:
    from benchmarks.adapters.pushforward import flow_for
    from benchmarks.cases import CASES as TABLE
    from pushforward.flows import RECIPES

    if case in TABLE:
        return flow_for(TABLE[case], key)
    if case == "flowpp":
        return RECIPES[case].build((8, 8, 1), **FLOWPP, key=key)
    return RECIPES[case].build(43, key=key)


def _length(model: Any, phase: str, samples: int) -> int:
    """Instructions of the program of a phase."""
    import jax

    from pushforward.distributions._base import _sample
    from pushforward.train._step import run_steps

    if phase == "train":
        steps = (model.plan, model.state, model.frozen, model.rows, model.knobs, 0, 1)
        lowered = run_steps.lower(*steps, bad_limit=1)
    else:
        lowered = _sample.lower(model.flow, jax.random.key(0), samples, None, None)
    return (lowered.compile().as_text() or "").count(" = ")


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def in_fresh_process(checkout: Path, case: str, phase: str) -> Record:
    """What `first_call` gives with the code of a checkout."""
    env = os.environ | {"PYTHONPATH": f"{checkout / 'src'}:{checkout}", "JAX_ENABLE_COMPILATION_CACHE": "false"}
    command = [sys.executable, str(Path(__file__).resolve()), "--one", case, phase]
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
    ours = f"{record['seconds']:.1f} s, {record['processor']:.1f} of all processors, {record['hlo']:.0f} instructions"
    if "other_hlo" not in record:
        return f"{record['case']} {record['phase']}: {ours}"
    ratios = [record[what] / record["other_" + what] for what in ("seconds", "processor", "hlo")]
    return f"{record['case']} {record['phase']}: {ours}; {', '.join(f'{r:.2f}x' for r in ratios)} of the other"


def _option(arguments: list[str], name: str, default: str | None) -> str | None:
    return arguments[arguments.index(name) + 1] if name in arguments else default


def main(arguments: list[str]) -> None:
    """Print the table; `--store` keeps it in `benchmarks/results/waiting.jsonl`."""
    if arguments[:1] == ["--one"]:
        print(json.dumps(first_call(*arguments[1:])))
        return
    other, only = _option(arguments, "--against", None), _option(arguments, "--only", None)
    rounds = int(_option(arguments, "--rounds", "3") or 3)
    for case in CASES if only is None else only.split(","):
        for phase in PHASES:
            record = compared(case, phase, None if other is None else Path(other).resolve(), rounds)
            print(_told(record), flush=True)
            if "--store" in arguments:
                append("waiting", [record])


if __name__ == "__main__":
    main(sys.argv[1:])
