"""A training step of `flows.waveglow` beside the same architecture in torch, taking turns in one process.

Run `python -m benchmarks.sound.step`: loss, gradient, clipping and Adam on a batch of noise. Results are added to
benchmarks/results/sound_step.jsonl.
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

SIZES = ({"length": 2048, "batch": 16, "width": 32, "depth": 6}, {"length": 4096, "batch": 4, "width": 64, "depth": 8})
STEPS, ROUNDS, RATE = 5, 5, 1e-4


def ours(x: np.ndarray, *, width: int, depth: int) -> tuple[Callable[[], float], int]:
    """Some steps in one loop, as `fit` runs them, and how many numbers are trained."""
    flow = pf.flows.waveglow(x.shape[1], width=width, depth=depth, key=jax.random.key(0))
    params, rest = pf.partition(flow)
    optimizer = optax.chain(optax.clip_by_global_norm(5.0), optax.adam(RATE))

    def loss(params, x):
        return -jnp.mean(eqx.combine(params, rest).log_prob(x)) / x.shape[1]

    def one(state, _):
        params, memory = state
        updates, memory = optimizer.update(jax.grad(loss)(params, x), memory, params)
        return (optax.apply_updates(params, updates), memory), None

    run = jax.jit(lambda params, memory: jax.lax.scan(one, (params, memory), None, STEPS)[0])
    memory = optimizer.init(params)

    def steps() -> float:
        start = time.perf_counter()
        jax.block_until_ready(run(params, memory))
        return (time.perf_counter() - start) / STEPS

    return steps, sum(leaf.size for leaf in jax.tree.leaves(params))


def torchs(x: np.ndarray, *, width: int, depth: int) -> tuple[Callable[[], float], int]:
    """As `ours`."""
    import torch

    from benchmarks.sound.torch_waveglow import WaveGlow

    torch.manual_seed(0)
    model, data = WaveGlow(width=width, depth=depth), torch.from_numpy(x)
    optimizer = torch.optim.Adam(model.parameters(), RATE)

    def steps() -> float:
        start = time.perf_counter()
        for _ in range(STEPS):
            optimizer.zero_grad()
            model.loss(data).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
        return (time.perf_counter() - start) / STEPS

    return steps, sum(p.numel() for p in model.parameters())


def steps() -> Iterator[dict]:
    """Medians of turns, after one each to warm up."""
    for size in SIZES:
        x = np.random.default_rng(0).normal(size=(size["batch"], size["length"])).astype(np.float32)
        nets = {"width": size["width"], "depth": size["depth"]}
        models = {"pushforward": ours(x, **nets), "torch": torchs(x, **nets)}
        taken: dict[str, list[float]] = {name: [] for name in models}
        for turn in range(ROUNDS + 1):
            for name, (run, _) in models.items():
                spent = run()
                taken[name] += [spent] if turn else []
        seconds = {name: round(statistics.median(times), 4) for name, times in taken.items()}
        parameters = {name: count for name, (_, count) in models.items()}
        ratio = round(seconds["torch"] / seconds["pushforward"], 2)
        yield {"figure": "step", **size, "seconds": seconds, "parameters": parameters, "times_torch": ratio}


if __name__ == "__main__":
    append("sound_step", steps())
