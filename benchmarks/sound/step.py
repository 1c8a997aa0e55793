"""A training step of `flows.waveglow` beside the same architecture in torch, taking turns in one process.

Run `python -m benchmarks.sound.step`: loss, gradient, clipping and Adam on a batch of noise. Results are added to
benchmarks/results/sound_step.jsonl.
"""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import pushforward as pf
from benchmarks.harness.beside_torch import medians_in_turns, steps_here, steps_in_torch
from benchmarks.harness.records import append

SIZES = ({"length": 2048, "batch": 16, "width": 32, "depth": 6}, {"length": 4096, "batch": 4, "width": 64, "depth": 8})
STEPS, ROUNDS = 5, 5
TRAINING: dict[str, Any] = {"clip": 5.0, "rate": 1e-4, "steps": STEPS}


def ours(x: np.ndarray, *, width: int, depth: int) -> tuple[Callable[[], Any], int]:
    """Some steps, and how many numbers are trained."""
    flow = pf.flows.waveglow(x.shape[1], width=width, depth=depth, key=jax.random.key(0))

    def loss(flow: Any, x: Any) -> Any:
        return -jnp.mean(flow.log_prob(x)) / x.shape[1]

    return steps_here(flow, loss, (jnp.asarray(x),), **TRAINING)


def torchs(x: np.ndarray, *, width: int, depth: int) -> tuple[Callable[[], Any], int]:
    """As `ours`."""
    import torch

    from benchmarks.sound.torch_waveglow import WaveGlow

    torch.manual_seed(0)
    model, data = WaveGlow(width=width, depth=depth), torch.from_numpy(x)
    return steps_in_torch(model, lambda: model.loss(data), **TRAINING)


def steps() -> Iterator[dict]:
    """Median seconds of one step."""
    for size in SIZES:
        x = np.random.default_rng(0).normal(size=(size["batch"], size["length"])).astype(np.float32)
        nets = {"width": size["width"], "depth": size["depth"]}
        models = {"pushforward": ours(x, **nets), "torch": torchs(x, **nets)}
        found = medians_in_turns({name: run for name, (run, _) in models.items()}, ROUNDS)
        seconds = {name: round(taken / STEPS, 4) for name, taken in found.items()}
        parameters = {name: count for name, (_, count) in models.items()}
        ratio = round(seconds["torch"] / seconds["pushforward"], 2)
        yield {"figure": "step", **size, "seconds": seconds, "parameters": parameters, "times_torch": ratio}


if __name__ == "__main__":
    append("sound_step", steps())
