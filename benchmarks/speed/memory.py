"""Memory of one gradient against depth: iUNet, which inverts its layers, beside U-Nets that keep what they compute.

Run `python -m benchmarks.speed.memory [compiled resident seconds]`. `compiled` is what XLA plans for temporary arrays
(`memory_analysis().temp_size_in_bytes` of the compiled gradient; weights and gradients, which grow with the number of
weights, are not in it). `resident` runs the gradient in a process of its own, and gives how much the largest memory of
the process grew. `seconds` is what a step of a small Glow costs with each option of memory and precision, in
turn. Results are added to benchmarks/results/memory.jsonl.
"""

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import pushforward as pf
from benchmarks.harness.records import append
from pushforward.bijections import Squeeze
from pushforward.nets import ConvNet

SHAPE, BATCH, DEPTHS = (32, 32, 3), 16, (5, 10, 20, 30)
NET = {"width": 32, "depth": 2, "residual": True}
LEVELS = 3

Model = tuple[Callable[[jax.Array], Any], Callable[[Any, jax.Array], jax.Array]]
"""Weights from a key, and a loss of weights and images."""


def iunet(memory: str, depth: int) -> Model:
    """Couplings at three levels, `depth` on the way down and on the way up of each."""
    options = {"num_levels": LEVELS, "num_steps": depth, "width": NET["width"], "depth": NET["depth"]}
    make = partial(pf.flows.iunet, SHAPE, **options, grey_levels=None, memory=memory)
    return lambda key: make(key=key), lambda flow, x: -jnp.mean(flow.log_prob(x))


def plain(depth: int) -> Model:
    """A U-Net of the same levels and networks whose blocks are h + net(h), with nothing to invert."""
    height, width, channels = Squeeze(SHAPE).out_shape
    shapes = [(height >> i, width >> i, channels << i) for i in range(LEVELS)]

    def make(key: jax.Array) -> Any:
        keys = iter(jax.random.split(key, 2 * LEVELS))
        down = [_blocks(shape, depth, next(keys)) for shape in shapes]
        return down, [_blocks(shape, depth, next(keys)) for shape in shapes[:-1]]

    def loss(weights: Any, x: jax.Array) -> jax.Array:
        down, up = weights
        h, waiting = Squeeze(SHAPE)._forward_many(jnp.moveaxis(x, 0, -1), None, None)[0], []
        for blocks in down[:-1]:
            h = _run(blocks, h)
            kept, lower = jnp.split(h, 2, axis=2)
            waiting.append(kept)
            h = Squeeze(lower.shape[:3])._forward_many(lower, None, None)[0]
        h = _run(down[-1], h)
        for blocks, kept in zip(up[::-1], waiting[::-1], strict=True):
            h = Squeeze(kept.shape[:3])._inverse_many(h, None, None)[0]
            h = _run(blocks, jnp.concatenate([kept, h], axis=2))
        return jnp.mean(h**2)

    return make, loss


def _blocks(shape: tuple[int, ...], depth: int, key: jax.Array) -> ConvNet:
    return jax.vmap(lambda key: ConvNet(shape, (1, *shape), **NET, key=key))(jax.random.split(key, depth))


def _run(blocks: ConvNet, h: jax.Array) -> jax.Array:
    return jax.lax.scan(lambda h, net: (h + net(h)[0], None), h, blocks)[0]


MODELS: dict[str, Callable[[int], Model]] = {
    "iunet, inverted": partial(iunet, "invert"),
    "iunet, recomputed": partial(iunet, "recompute"),
    "iunet, stored": partial(iunet, "store"),
    "plain U-Net": plain,
}
RUN = ("iunet, inverted", "plain U-Net")


def gradient(name: str, depth: int) -> tuple[Any, Any]:
    """The compiled gradient, and shapes of what it takes."""
    make, loss = MODELS[name](depth)
    weights = jax.eval_shape(make, jax.random.key(0))
    x = jax.ShapeDtypeStruct((BATCH, *SHAPE), jnp.float32)
    return jax.jit(jax.grad(loss)).lower(weights, x).compile(), weights


def compiled() -> Iterator[dict]:
    """What XLA plans."""
    for name in MODELS:
        for depth in DEPTHS:
            run, weights = gradient(name, depth)
            numbers = sum(leaf.size for leaf in jax.tree.leaves(weights))
            planned = run.memory_analysis().temp_size_in_bytes / 2**20
            yield _record("compiled", name, depth) | {"parameters": numbers, "mebibytes": round(planned, 1)}


def resident() -> Iterator[dict]:
    """What a process needs, less what its weights and gradients take."""
    for name in RUN:
        for depth in DEPTHS:
            command = [sys.executable, "-m", "benchmarks.speed.memory", "child", name, str(depth)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            yield _record("resident", name, depth) | {"mebibytes": round(float(done.stdout), 1)}


def child(name: str, depth: int) -> float:
    """Growth of this process while it computes a gradient, in MiB, with weights and gradients there already."""
    run, weights = gradient(name, depth)
    weights, x = jax.tree.map(lambda leaf: jnp.full(leaf.shape, 1e-3), weights), jnp.zeros((BATCH, *SHAPE))
    held = jax.block_until_ready(jax.tree.map(jnp.ones_like, weights))  # as large as the gradient will be
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    del held
    jax.block_until_ready(run(weights, x))
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**10


GLOW = {"num_levels": 3, "num_steps": 8, "width": 64, "grey_levels": None}
WAYS = (("store", "full"), ("recompute", "full"), ("invert", "full"), ("store", "bfloat16"))
STEPS, REPEATS = 5, 7


def seconds() -> Iterator[dict]:
    """Of a step down the gradient of a Glow, the median of repeats in which the options take turns.

    As in `fit`, one program takes several steps: what is allocated once for each call would weigh on a single one.
    """
    x = jax.random.normal(jax.random.key(1), (BATCH, *SHAPE))
    runs, planned = {}, {}
    for memory, precision in WAYS:
        flow = pf.flows.glow(SHAPE, **GLOW, memory=memory, precision=precision, key=jax.random.key(0))
        run = jax.jit(_steps).lower(flow, x).compile()
        runs[memory, precision] = (run, flow)
        planned[memory, precision] = run.memory_analysis().temp_size_in_bytes / 2**20
    took = {way: [] for way in runs}
    for _ in range(REPEATS + 1):
        for way, (run, flow) in runs.items():
            took[way].append(_clocked(run, flow, x))
    for (memory, precision), every in took.items():
        yield {
            "figure": "seconds",
            "model": "glow",
            **GLOW,
            "shape": SHAPE,
            "batch": BATCH,
            "memory": memory,
            "precision": precision,
            "milliseconds": round(1e3 * float(np.median(every[1:])) / STEPS, 1),
            "mebibytes": round(planned[memory, precision], 1),
        }


def _steps(flow: Any, x: jax.Array) -> Any:
    def step(_: Any, flow: Any) -> Any:
        slope = jax.grad(lambda flow: -jnp.mean(flow.log_prob(x)))(flow)
        return jax.tree.map(lambda weight, g: weight - 1e-6 * g, flow, slope)

    return jax.lax.fori_loop(0, STEPS, step, flow)


def _clocked(run: Callable[[Any, jax.Array], Any], flow: Any, x: jax.Array) -> float:
    start = time.perf_counter()
    jax.block_until_ready(run(flow, x))
    return time.perf_counter() - start


def _record(figure: str, name: str, depth: int) -> dict:
    net = {"width": NET["width"], "net_depth": NET["depth"]}
    return {"figure": figure, "model": name, "shape": SHAPE, "batch": BATCH, "levels": LEVELS, **net, "depth": depth}


FIGURES = {"compiled": compiled, "resident": resident, "seconds": seconds}


def main() -> None:
    """Measure what the command line names, and store it."""
    if sys.argv[1:2] == ["child"]:
        print(child(sys.argv[2], int(sys.argv[3])))
        return
    append("memory", (record for name in sys.argv[1:] or FIGURES for record in FIGURES[name]()))


if __name__ == "__main__":
    main()
