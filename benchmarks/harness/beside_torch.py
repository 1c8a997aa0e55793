"""Steps of training here and in torch, and works of both in turns, in one process."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import numpy as np
import optax

import pushforward as pf


def steps_here(
    flow: Any, loss: Callable[..., Any], data: tuple[Any, ...], *, clip: float, rate: float, steps: int
) -> tuple[Callable[[], Any], int]:
    """Some steps of clipping and Adam in one loop, as `fit` runs them, and how many numbers are trained.

    Args:
        flow: To be trained.
        loss: `(flow, *data)` to a number.
        data: The batch.
        clip: Longest gradient.
        rate: Of Adam.
        steps: In one call.
    """
    params, rest = pf.partition(flow)
    optimizer = optax.chain(optax.clip_by_global_norm(clip), optax.adam(rate))

    def one(state: Any, _: None) -> tuple[Any, None]:
        params, memory = state
        gradient = jax.grad(lambda params: loss(eqx.combine(params, rest), *data))(params)
        updates, memory = optimizer.update(gradient, memory, params)
        return (optax.apply_updates(params, updates), memory), None

    run = jax.jit(lambda params, memory: jax.lax.scan(one, (params, memory), None, steps)[0])
    memory = optimizer.init(params)
    size = sum(leaf.size for leaf in jax.tree.leaves(params))
    return lambda: jax.block_until_ready(run(params, memory)), size


def steps_in_torch(
    model: Any, loss: Callable[[], Any], *, clip: float, rate: float, steps: int
) -> tuple[Callable[[], None], int]:
    """As `steps_here`, one step after another."""
    import torch

    optimizer = torch.optim.Adam(model.parameters(), rate)

    def run() -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            loss().backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()

    return run, sum(p.numel() for p in model.parameters())


def medians_in_turns(works: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Median seconds of a call of each work in its best turn.

    A turn is one call that does not count and calls for half a second: after a call of the other library its threads
    go on waiting for work for a while, on the same cores, which who uses one library does not meet. The best turn, as
    torch for seconds on end takes half as long again, whatever ran before it.
    """
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            work()
            turn: list[float] = []
            while sum(turn) < SECONDS_OF_A_TURN:
                start = time.perf_counter()
                work()
                turn.append(time.perf_counter() - start)
            taken[name].append(statistics.median(turn))
    return {name: float(np.round(min(times), 6)) for name, times in taken.items()}


SECONDS_OF_A_TURN = 0.5
