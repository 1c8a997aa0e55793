"""What a sample of WaveNet costs with its queues and without, and what its queues' length does to it.

Run `python -m benchmarks.sound.layers [sample reach]`: three blocks of ten layers, 8,000 samples, one sequence.
Results are added to benchmarks/results/sound_layers.jsonl.
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.harness.records import append
from pushforward.bijections import Affine, Autoregressive
from pushforward.nets import WaveNet
from pushforward.testing import perturb

SAMPLES, BLOCKS, DEPTH = 8000, 3, 10
PASSES, ROUNDS = 20, 5


def layer(length: int, *, width: int, depth: int, num_blocks: int) -> Autoregressive:
    """A Gaussian teacher's layer, moved from its start, at which the network says nothing."""

    def build(key: jax.Array) -> Autoregressive:
        net = WaveNet(
            (length,), (2, length), width=width, depth=depth, num_blocks=num_blocks, kernel=2, causal=True, key=key
        )
        return Autoregressive(Affine(), length, net=net)

    return perturb(jax.jit(build)(jax.random.key(0)), 0.05)


def seconds(call: Callable[[], Any], *, clock: Callable[[], float] = time.perf_counter) -> float:
    """The median of some calls, after one to warm up."""
    jax.block_until_ready(call())
    taken = []
    for _ in range(ROUNDS):
        start = clock()
        jax.block_until_ready(call())
        taken.append(clock() - start)
    return statistics.median(taken)


def sample() -> Iterator[dict]:
    """Cached against a pass a sample, of which some are timed; equal where the density takes samples back to noise."""
    z = jax.random.normal(jax.random.key(1), (SAMPLES, 1))
    for width in (32, 64):
        one = layer(SAMPLES, width=width, depth=DEPTH, num_blocks=BLOCKS)
        cached = jax.jit(lambda f: f._forward_many(z, None, None)[0])
        x = cached(one)
        back = jax.jit(lambda f, x: f._inverse_many(x, None, None)[0])(one, x)
        passes = jax.jit(lambda net, x: jax.lax.scan(lambda y, _: (y + 1e-6 * net(y)[0], None), x, None, PASSES)[0])
        each = seconds(lambda f=one, p=passes, x=x: p(f.net, x)) / PASSES
        own = seconds(lambda f=one, c=cached: c(f))
        yield {
            "figure": "sample", "width": width, "samples": SAMPLES, "cached_seconds": round(own, 3),
            "pass_milliseconds": round(1e3 * each, 2), "naive_seconds": round(each * SAMPLES, 1),
            "times": round(each * SAMPLES / own), "largest_difference": float(jnp.max(jnp.abs(back - z))),
        }  # fmt: skip


def reach() -> Iterator[dict]:
    """Twelve layers whose queues differ in length: processor time."""
    z = jax.random.normal(jax.random.key(1), (2000, 1))
    for depth in (1, 4, 12):
        one = layer(2000, width=32, depth=depth, num_blocks=12 // depth)
        cached = jax.jit(lambda f: f._forward_many(z, None, None)[0])
        taken = seconds(lambda f=one, c=cached: c(f), clock=time.process_time)
        yield {"figure": "reach", "reach": one.net.reach[0], "microseconds_a_sample": round(taken / 2000 * 1e6, 1)}


FIGURES = {"sample": sample, "reach": reach}


def main() -> None:
    """Measure what the command line names, and store it."""
    append("sound_layers", (record for name in sys.argv[1:] or FIGURES for record in FIGURES[name]()))


if __name__ == "__main__":
    main()
