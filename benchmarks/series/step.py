"""A training step of `flows.tempflow` and its paths beside the same architecture in torch, taking turns in one process.

Run `python -m benchmarks.series.step`: eight series, a GRU and a MAF of the sizes of `tempflow`'s defaults, which are
the paper's; loss, gradient, clipping and Adam on windows of noise, and 100 paths of 30 steps. Torch has a flow of the
paper sample column by column. Results are added to benchmarks/results/series_step.jsonl.
"""

import statistics
import time
from collections.abc import Callable, Iterator

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

import pushforward as pf
from benchmarks.harness.records import append

SERIES, HORIZON, CONTEXT, BATCH, PATHS = 8, 30, 30, 64, 100
STEPS, ROUNDS, RATE = 10, 7, 1e-3
Timed = Callable[[], float]


def ours(windows: np.ndarray) -> tuple[Timed, Timed, int]:
    """Seconds of a step, seconds of all paths, and how many numbers are trained."""
    flow = pf.flows.tempflow(SERIES, horizon=HORIZON, context=CONTEXT, key=jax.random.key(0))
    params, rest = pf.partition(flow)
    optimizer = optax.chain(optax.clip_by_global_norm(10.0), optax.adam(RATE))
    known = np.concatenate([windows, np.zeros_like(windows)], axis=2)
    x, condition = jnp.asarray(windows[:, -HORIZON:]), jnp.asarray(known)

    def loss(params, x, condition):
        return -jnp.mean(eqx.combine(params, rest).log_prob(x, condition))

    def one(state, _):
        params, memory = state
        updates, memory = optimizer.update(jax.grad(loss)(params, x, condition), memory, params)
        return (optax.apply_updates(params, updates), memory), None

    run = jax.jit(lambda params, memory: jax.lax.scan(one, (params, memory), None, STEPS)[0])
    memory = optimizer.init(params)

    def step() -> float:
        start = time.perf_counter()
        jax.block_until_ready(run(params, memory))
        return (time.perf_counter() - start) / STEPS

    def paths() -> float:
        start = time.perf_counter()
        jax.block_until_ready(flow.sample(jax.random.key(1), PATHS, condition[0]))
        return time.perf_counter() - start

    return step, paths, sum(leaf.size for leaf in jax.tree.leaves(params))


def torchs(windows: np.ndarray) -> tuple[Timed, Timed, int]:
    """As `ours`."""
    import torch

    from benchmarks.series.torch_tempflow import Tempflow

    torch.manual_seed(0)
    model, values = Tempflow(SERIES, horizon=HORIZON, context=CONTEXT), torch.from_numpy(windows)
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    past, x = values[:, :-HORIZON], values[:, -HORIZON:]

    def step() -> float:
        start = time.perf_counter()
        for _ in range(STEPS):
            optimizer.zero_grad()
            model.loss(x, past).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
            optimizer.step()
        return (time.perf_counter() - start) / STEPS

    def paths() -> float:
        start = time.perf_counter()
        model.sample(past[:1].expand(PATHS, -1, -1))
        return time.perf_counter() - start

    return step, paths, sum(p.numel() for p in model.parameters())


def turns() -> Iterator[dict]:
    """Medians of turns, after one each to warm up."""
    past = CONTEXT + 2
    windows = np.random.default_rng(0).normal(size=(BATCH, past + HORIZON, SERIES)).astype(np.float32)
    models = {"pushforward": ours(windows), "torch": torchs(windows)}
    for place, figure in enumerate(("step", "paths")):
        taken: dict[str, list[float]] = {name: [] for name in models}
        for turn in range(ROUNDS + 1):
            for name, timed in models.items():
                spent = timed[place]()
                taken[name] += [spent] if turn else []
        seconds = {name: round(statistics.median(times), 5) for name, times in taken.items()}
        parameters = {name: timed[2] for name, timed in models.items()}
        ratio = round(seconds["torch"] / seconds["pushforward"], 2)
        sizes = {"series": SERIES, "horizon": HORIZON, "context": CONTEXT, "batch": BATCH, "paths": PATHS}
        yield {"figure": figure, **sizes, "seconds": seconds, "parameters": parameters, "times_torch": ratio}


if __name__ == "__main__":
    append("series_step", turns())
