"""A training step of a plain and of a Sylvester autoencoder beside the same written in torch.

Run `python -m benchmarks.speed.autoencoders` with the extra `benchmark`. Both have 784 binary pixels, 40 latent
variables, gated dense networks of 2 x 300, Adam, batches of 100; the Sylvester one four orthogonal maps of 16
directions, made orthonormal in torch as its authors do it, by iteration. Runs alternate; medians of the rounds are
added to results/autoencoders.jsonl.
"""

import statistics
import time
from collections.abc import Callable

import equinox as eqx
import jax
import numpy as np
import optax

import pushforward as pf
from benchmarks.harness.records import append

BATCH, LATENT = 100, 40
STEPS, ROUNDS = 30, 7


def ours(posterior: str, x: np.ndarray) -> Callable[[], None]:
    """Steps of our own, compiled."""
    key = jax.random.key(0)
    flow = pf.flows.vae_image((28, 28, 1), latent=LATENT, posterior=posterior, grey_levels=2, key=key)
    params, rest = pf.partition(flow)
    optimizer, objective = optax.adam(1e-3), pf.objectives.ELBO()
    state, batch = optimizer.init(params), pf.objectives.Batch(x)

    @jax.jit
    def steps(params, state, key):
        def one(carry, key):
            params, state = carry
            loss = lambda params: objective(eqx.combine(params, rest), batch, key=key)[0]  # noqa: E731
            updates, state = optimizer.update(jax.grad(loss)(params), state, params)
            return (optax.apply_updates(params, updates), state), None

        return jax.lax.scan(one, (params, state), jax.random.split(key, STEPS))[0]

    return lambda: jax.block_until_ready(steps(params, state, key))


def torchs(posterior: str, x: np.ndarray) -> Callable[[], None]:
    """The same in torch, step by step."""
    from benchmarks.speed.torch_autoencoder import steps

    return steps(posterior, x, STEPS)


def main() -> None:
    x = (np.random.default_rng(0).random((BATCH, 28, 28, 1)) < 0.2).astype(np.float32)
    for posterior in ("diagonal", "sylvester"):
        runs = {"pushforward": ours(posterior, x), "torch": torchs(posterior, x)}
        times: dict[str, list[float]] = {name: [] for name in runs}
        for run in runs.values():
            run()
        for _ in range(ROUNDS):
            for name, run in runs.items():
                start = time.perf_counter()
                run()
                times[name].append(1000 * (time.perf_counter() - start) / STEPS)
        median = {name: statistics.median(each) for name, each in times.items()}
        record = {"figure": "training step", "model": posterior, "batch": BATCH, "rounds": ROUNDS}
        record |= {f"{name}_ms": round(value, 2) for name, value in median.items()}
        append("autoencoders", [record | {"ratio": round(median["torch"] / median["pushforward"], 2)}])


if __name__ == "__main__":
    main()
