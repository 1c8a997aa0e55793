"""A training step of `flows.tempflow` and its paths beside the same architecture in torch, taking turns in one process.

Run `python -m benchmarks.series.step`: eight series, a GRU and a MAF of the sizes of `tempflow`'s defaults, which are
the paper's; loss, gradient, clipping and Adam on windows of noise, and 100 paths of 30 steps. Torch has a flow of the
paper sample column by column. Results are added to benchmarks/results/series_step.jsonl.
"""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import pushforward as pf
from benchmarks.harness.beside_torch import medians_in_turns, steps_here, steps_in_torch
from benchmarks.harness.records import append

SERIES, HORIZON, CONTEXT, BATCH, PATHS = 8, 30, 30, 64, 100
STEPS, ROUNDS = 10, 7
TRAINING: dict[str, Any] = {"clip": 10.0, "rate": 1e-3, "steps": STEPS}
Works = tuple[Callable[[], Any], Callable[[], Any], int]


def ours(windows: np.ndarray) -> Works:
    """Some steps, all paths, and how many numbers are trained."""
    flow = pf.flows.tempflow(SERIES, horizon=HORIZON, context=CONTEXT, key=jax.random.key(0))
    known = np.concatenate([windows, np.zeros_like(windows)], axis=2)
    x, condition = jnp.asarray(windows[:, -HORIZON:]), jnp.asarray(known)

    def loss(flow: Any, x: Any, condition: Any) -> Any:
        return -jnp.mean(flow.log_prob(x, condition))

    steps, size = steps_here(flow, loss, (x, condition), **TRAINING)
    return steps, lambda: jax.block_until_ready(flow.sample(jax.random.key(1), PATHS, condition[0])), size


def torchs(windows: np.ndarray) -> Works:
    """As `ours`."""
    import torch

    from benchmarks.series.torch_tempflow import Tempflow

    torch.manual_seed(0)
    model, values = Tempflow(SERIES, horizon=HORIZON, context=CONTEXT), torch.from_numpy(windows)
    past, x = values[:, :-HORIZON], values[:, -HORIZON:]
    steps, size = steps_in_torch(model, lambda: model.loss(x, past), **TRAINING)
    return steps, lambda: model.sample(past[:1].expand(PATHS, -1, -1)), size


def turns() -> Iterator[dict]:
    """Median seconds of one step, and of all paths."""
    past = CONTEXT + 2
    windows = np.random.default_rng(0).normal(size=(BATCH, past + HORIZON, SERIES)).astype(np.float32)
    models = {"pushforward": ours(windows), "torch": torchs(windows)}
    for place, (figure, each) in enumerate((("step", STEPS), ("paths", 1))):
        found = medians_in_turns({name: works[place] for name, works in models.items()}, ROUNDS)
        seconds = {name: round(taken / each, 5) for name, taken in found.items()}
        parameters = {name: works[2] for name, works in models.items()}
        ratio = round(seconds["torch"] / seconds["pushforward"], 2)
        sizes = {"series": SERIES, "horizon": HORIZON, "context": CONTEXT, "batch": BATCH, "paths": PATHS}
        yield {"figure": figure, **sizes, "seconds": seconds, "parameters": parameters, "times_torch": ratio}


if __name__ == "__main__":
    append("series_step", turns())
