"""One first call, in a process of its own and with the code of any checkout; `waiting.py` runs it.

Nothing but the adapter and the cases of that checkout are asked for, which older ones have too.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

FITS = "fits"
FLOWPP = {"num_checkers": 2, "num_channels": 2, "num_coarse": 0, "num_noise": 2, "num_components": 4}
FLOWPP |= {"width": 32, "depth": 1, "num_heads": 2}


def first_call(case: str, phase: str) -> dict[str, Any]:
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


def fits(phase: str) -> dict[str, Any]:
    """In a fresh process: seconds of a fit of a small table and its scores; of a second table, after that."""
    import jax
    import numpy as np

    import pushforward as pf

    compiled: list[str] = []
    jax.monitoring.register_event_duration_secs_listener(lambda event, *_, **__: compiled.append(event))
    record: dict[str, Any] = {}
    for rows in (500, 700) if phase == "second" else (500,):
        x = np.random.default_rng(rows).normal(size=(rows, 8))
        compiled.clear()
        before, start = _processor(), time.perf_counter()
        density = pf.FlowDensity("nsf", random_state=0).fit(x)
        density.score_samples(x)
        wall, processor = time.perf_counter() - start, _processor() - before
        programs = sum(event.endswith("backend_compile_duration") for event in compiled)
        record = {"case": FITS, "phase": phase, "seconds": wall, "processor": processor, "hlo": programs}
    return record


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


if __name__ == "__main__":
    print(json.dumps(fits(sys.argv[2]) if sys.argv[1] == FITS else first_call(sys.argv[1], sys.argv[2])))
