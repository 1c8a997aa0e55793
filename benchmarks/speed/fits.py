"""Time from process start to a stated validation loss: the loss that zuko ends at on the same data and flow."""

import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

from benchmarks.cases import CASES, Case
from benchmarks.data import ROOT
from benchmarks.harness.client import environment
from benchmarks.harness.records import Journal, Record


@dataclasses.dataclass(frozen=True)
class Fit:
    """A flow and a data set.

    Attributes:
        name: In results and tables.
        table: A key of `data.TABLES`.
        case: The flow; its `dim` is the table's.
        max_epochs: zuko trains for so long, or until `patience` epochs brought nothing.
    """

    name: str
    table: str
    case: Case
    max_epochs: int = 60


PATIENCE = 5
MORE_EPOCHS = 3
"""The others may take this many times zuko's epochs before they count as having missed the loss."""

FITS: dict[str, Fit] = {
    fit.name: fit
    for fit in [
        Fit("power maf", "power", CASES["maf-6"]),
        Fit("power nsf-ar", "power", CASES["nsf-ar-6"], max_epochs=30),
        Fit("magic nsf-coupling", "magic", dataclasses.replace(CASES["nsf-coupling-6"], dim=10)),
        Fit("miniboone maf", "miniboone", dataclasses.replace(CASES["maf-43"], batch=128)),
    ]
}

TEACHER = "zuko"
STUDENTS = ("pushforward", "flowjax")


def run(names: list[str], seeds: int, journal: Journal, say: Callable[[str], None]) -> None:
    """Zuko first, then the others to zuko's loss, cold and with a warm compilation cache."""
    for name in names:
        fit = FITS[name]
        curves = [_watch(TEACHER, fit, seed, None, fit.max_epochs, None) for seed in range(seeds)]
        target = statistics.median(min(curve["held_out"]) for curve in curves)
        for seed, curve in enumerate(curves):
            _keep(journal, say, fit, TEACHER, "cold", seed, target, curve)
        epochs = MORE_EPOCHS * max(len(curve["held_out"]) for curve in curves)
        with tempfile.TemporaryDirectory() as folder:
            for seed in range(seeds):
                for library in STUDENTS:
                    cache = os.path.join(folder, library)
                    # The first of the two fills the cache: it counts as cold for the first seed alone.
                    for start in ("cold", "warm"):
                        if start == "cold" and seed > 0:
                            continue
                        curve = _watch(library, fit, seed, target, epochs, cache)
                        _keep(journal, say, fit, library, start, seed, target, curve)


def _keep(
    journal: Journal,
    say: Callable[[str], None],
    fit: Fit,
    library: str,
    start: str,
    seed: int,
    target: float,
    curve: Record,
) -> None:
    reached = [s for s, loss in zip(curve["seconds"], curve["held_out"], strict=True) if loss <= target]
    record = {"kind": "fit", "fit": fit.name, "library": library, "start": start, "seed": seed, "target": target}
    journal.write(record | {"reached_s": reached[0] if reached else None} | curve)
    best = min(curve["held_out"], default=float("nan"))
    outcome = f"{reached[0]:.1f} s" if reached else f"not reached, best {best:.3f} ({curve['error'] or 'no error'})"
    say(f"{fit.name}, {library} ({start}, seed {seed}): {target:.3f} nats: {outcome}")


def _watch(library: str, fit: Fit, seed: int, target: float | None, epochs: int, cache: str | None) -> Record:
    """Run `python -m benchmarks.speed.fits` and collect its curve; seconds are counted from before the process."""
    request = {"library": library, "fit": fit.name, "seed": seed, "target": target, "epochs": epochs}
    caches = {} if cache is None else _jax_cache(cache)
    began = time.time()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.speed.fits", json.dumps(request)],
        cwd=ROOT,
        env=environment() | caches,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    error = (done.stderr.strip().splitlines() or ["ended without a word"])[-1] if done.returncode else None
    return {
        "seconds": [line["at"] - began for line in lines],
        "held_out": [line["held_out"] for line in lines],
        "error": error,
    }


def _jax_cache(folder: str) -> dict[str, str]:
    return {
        "JAX_ENABLE_COMPILATION_CACHE": "true",
        "JAX_COMPILATION_CACHE_DIR": folder,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


def child(library: str, fit: str, seed: int, target: float | None, epochs: int) -> None:
    """The fit itself, in a process of its own; prints a line per epoch."""
    from benchmarks import adapters, data

    spec = FITS[fit]
    train, held_out = data.split(spec.table)
    model = adapters.build(library, spec.case, seed=seed, device="cpu")
    losses: list[float] = []

    def after_epoch(loss: float) -> bool:
        losses.append(loss)
        print(json.dumps({"at": time.time(), "held_out": loss}), flush=True)
        if target is not None:
            return loss <= target
        return len(losses) > PATIENCE and min(losses[-PATIENCE:]) > min(losses)

    model.fit(train, held_out, batch=spec.case.batch, max_epochs=epochs, after_epoch=after_epoch)


if __name__ == "__main__":
    child(**json.loads(sys.argv[1]))
