"""All there is to measure of this library on an accelerator, in one process and a stated time.

`python -m benchmarks accelerator [--minutes 24]`: training steps, scores and samples of the vector cases at batches of
512 to 65,536 in float32 and bfloat16, with their share of what the device multiplies in matrices, and the image flows
of the papers' sizes with networks in full precision and in bfloat16. Nothing is begun after the time, and what it does
not reach is named. On a CPU it takes sizes that end soon, to show that all of it runs.
"""

import dataclasses
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.adapters.pushforward import PushforwardModel, build
from benchmarks.cases import CASES, Case, Operation
from benchmarks.harness.flops import matmul_flops
from benchmarks.harness.records import Journal, Record
from benchmarks.harness.roofline import matmul_rate
from pushforward.flows import RECIPES

VECTORS = ("maf-6", "maf-43", "nsf-ar-6", "nsf-ar-43", "nsf-coupling-43", "realnvp-43")
BATCHES, CPU_BATCHES = (512, 4096, 65_536), (512,)
DTYPES = ("float32", "bfloat16")
IMAGES = ("glow", "realnvp-image", "nsf-image", "flowpp", "tarflow-image")
"""At the sizes of their papers, on images of 32 x 32 x 3."""
IMAGE, CPU_IMAGE, IMAGE_ROWS = (32, 32, 3), (8, 8, 1), 64
STEPS, CALLS, LEAST_SECONDS = 10, 5, 0.5
Job = Callable[[], Iterator[Record]]


def run(minutes: float, journal: Journal, say: Callable[[str], None]) -> None:
    """Everything in the order of its worth, until the time is over; each fact is written as soon as it is there."""
    on_cpu, end = jax.default_backend() == "cpu", time.monotonic() + 60.0 * minutes
    rates = {dtype: matmul_rate(dtype) for dtype in (DTYPES[:1] if on_cpu else DTYPES)}
    for dtype, rate in rates.items():
        journal.write({"kind": "peak", "dtype": dtype, "flops": rate})
        say(f"products of matrices in {dtype}: {rate / 1e12:.2f} Tflop/s")
    for name, job in _jobs(rates, on_cpu=on_cpu):
        if time.monotonic() > end:
            journal.write({"kind": "left out", "what": name, "why": f"the {minutes:g} minutes were over"})
            say(f"{name}: left out, the {minutes:g} minutes are over")
            continue
        try:
            for record in job():
                journal.write({"what": name, **record})
                say(f"{name} {_told(record)}")
        except Exception as error:  # one size that does not fit must not end the run
            journal.write({"kind": "failed", "what": name, "why": f"{type(error).__name__}: {str(error)[:300]}"})
            say(f"{name}: failed, {type(error).__name__}: {str(error)[:120]}")


def _jobs(rates: dict[str, float], *, on_cpu: bool) -> Iterator[tuple[str, Job]]:
    for batch in CPU_BATCHES if on_cpu else BATCHES:
        for dtype, rate in rates.items():
            for name in VECTORS[:2] if on_cpu else VECTORS:
                case = dataclasses.replace(CASES[name], batch=batch, rows=batch, samples=batch, dtype=dtype)
                yield f"{name} {dtype} batch {batch}", lambda case=case, rate=rate: vector(case, rate)
    for precision in ("full", "bfloat16"):
        for name in IMAGES[:1] if on_cpu else IMAGES:
            yield f"{name} {precision}", lambda name=name, p=precision: image(name, p, small=on_cpu)


def vector(case: Case, rate: float) -> Iterator[Record]:
    """Steps, scores and samples of a case, each with its share of the device's rate of products."""
    model = build(case, seed=0, device="gpu")
    x = np.random.default_rng(0).normal(size=(4 * case.batch, case.dim)).astype(np.float32)
    model.set_batches(x, case.batch)
    rows = model.put(x[: case.batch])
    works: dict[Operation, Callable[[], Any]] = {
        "train": lambda: model.train(STEPS),
        "density": lambda: model.density(rows),
        "sample": lambda: model.sample(case.samples),
    }
    for operation, work in works.items():
        first, seconds = timed(work)
        seconds = seconds / STEPS if operation == "train" else seconds
        share = matmul_flops(case, operation) / seconds / rate
        yield {
            "operation": operation,
            "first": first,
            "seconds": seconds,
            "rows": case.batch,
            "share": share,
        } | memory()


def image(name: str, precision: str, *, small: bool) -> Iterator[Record]:
    """Steps, scores and samples of a recipe of images at the sizes of its paper, or at its small ones."""
    recipe, shape = RECIPES[name], CPU_IMAGE if small else IMAGE
    legal, options = recipe.options(), {}
    if small and recipe.small is not None:
        options = dict(recipe.small(shape).options)
    options |= {"precision": precision} if "precision" in legal else {}
    flow = recipe.build(shape, **options, key=jax.random.key(0))
    model = PushforwardModel(flow, jnp.dtype("float32"))
    x = np.random.default_rng(0).integers(0, 256, (4 * IMAGE_ROWS, *shape)).astype(np.float32)
    model.set_batches(x, IMAGE_ROWS)
    rows = model.put(x[:IMAGE_ROWS])
    score = jax.jit(lambda flow, rows, key: flow.log_prob(rows, key=key))
    works: dict[str, Callable[[], Any]] = {
        "train": lambda: model.train(STEPS),
        "density": lambda: jax.block_until_ready(score(model.flow, rows, jax.random.key(1))),
        "sample": lambda: model.sample(IMAGE_ROWS),
    }
    for operation, work in works.items():
        first, seconds = timed(work)
        seconds = seconds / STEPS if operation == "train" else seconds
        yield {"operation": operation, "first": first, "seconds": seconds, "rows": IMAGE_ROWS} | memory()


def timed(work: Callable[[], Any]) -> tuple[float, float]:
    """Seconds of the first call, with what it compiles, and the median of some later ones."""
    taken: list[float] = []
    begin = time.perf_counter()
    while len(taken) <= CALLS or time.perf_counter() - begin < LEAST_SECONDS:
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
        if len(taken) > 1 and sum(taken[1:]) > 20 * LEAST_SECONDS:
            break
    return taken[0], statistics.median(taken[1:])


def memory() -> Record:
    """The most bytes that the device has held, where it says so."""
    stats = jax.local_devices()[0].memory_stats() or {}
    return {"peak_bytes": stats["peak_bytes_in_use"]} if "peak_bytes_in_use" in stats else {}


def _told(record: Record) -> str:
    share = f", {100 * record['share']:.1f} % of the rate of products" if "share" in record else ""
    each = f"{record['rows'] / record['seconds']:,.0f} rows a second"
    return f"{record['operation']}: {1e3 * record['seconds']:.2f} ms, {each}{share}; first {record['first']:.1f} s"
