"""The process that one library runs in: a request per line on stdin, an answer per line on stdout.

Run as `python -m benchmarks.harness.worker`; `Worker` in `benchmarks.harness.client` is the other end.
"""

import importlib
import importlib.metadata
import json
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import adapters, data
from benchmarks.cases import Case

TRAIN_ROWS = 8192
# More rows are scored in calls of this size, again and again the same ones, by every library.
CALL_ROWS = 100_000
# Enough steps between two looks at the clock, few enough that a slow library does not stall the round.
TRAIN_STEPS = 16


class Session:
    """One library's model and the work that can be asked of it."""

    def __init__(self) -> None:
        self.model: adapters.Model | None = None
        self.work: dict[str, Callable[[], Any]] = {}

    def build(self, library: str, case: dict[str, Any], seed: int, device: str) -> dict[str, Any]:
        """Import the library, build the case's flow, put the data on the device."""
        spec = Case.from_json(case)
        start = time.perf_counter()
        adapters.load(library)
        imported = time.perf_counter()
        model = adapters.build(library, spec, seed=seed, device=device)
        built = time.perf_counter()
        self.model = model
        rows_per_call = min(spec.rows, CALL_ROWS)
        x = data.made_up(spec.dim, max(TRAIN_ROWS, rows_per_call, spec.batch), seed=seed)
        model.set_batches(x[: max(TRAIN_ROWS, spec.batch)], spec.batch)
        rows, few = model.put(x[:rows_per_call]), model.put(x[: spec.samples])
        self.work = {
            "train": lambda: model.train(TRAIN_STEPS),
            "density": lambda: [model.density(rows) for _ in range(spec.rows // rows_per_call)][-1],
            "sample": lambda: model.sample(spec.samples),
            "pass": lambda: model.density(few),
        }
        return {
            "import_s": imported - start,
            "build_s": built - imported,
            "parameters": model.parameters(),
            "versions": {name: importlib.metadata.version(name) for name in adapters.packages(library)},
        }

    def time(self, operation: str, seconds: float) -> dict[str, Any]:
        """Repeat an operation until `seconds` have passed, once at least; seconds per step or call."""
        work = self.work[operation]
        start = time.perf_counter()
        calls, value = 0, None
        while calls == 0 or time.perf_counter() - start < seconds:
            value = work()
            calls += 1
        spent = time.perf_counter() - start
        unit = TRAIN_STEPS if operation == "train" else 1
        return {"seconds": spent / (calls * unit), "spent": spent, "finite": bool(np.isfinite(_as_numpy(value)).all())}

    def memory(self) -> dict[str, Any]:
        """Peak resident memory of this process in MiB."""
        unit = 1024**2 if sys.platform == "darwin" else 1024
        return {"peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit}

    def peak(self, dtype: str) -> dict[str, Any]:
        """Floating point operations per second of one large matrix product, by JAX."""
        return {"flops": importlib.import_module("benchmarks.harness.roofline").matmul_rate(dtype)}


def _as_numpy(value: Any) -> np.ndarray:
    """Whatever a library returns, as float32 on the host (NumPy knows no bfloat16)."""
    if hasattr(value, "detach"):
        value = value.detach().float().cpu()
    return np.asarray(value, dtype=np.float32)


def serve() -> None:
    """Answer requests until stdin closes."""
    answers = os.fdopen(os.dup(1), "w")
    # A library that prints must not garble the answers.
    os.dup2(2, 1)
    session = Session()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(session, request.pop("do"))(**request)
        except Exception as error:
            answer = {
                "error": f"{type(error).__name__}: {error}".splitlines()[0][:300],
                "trace": traceback.format_exc(),
            }
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    serve()
