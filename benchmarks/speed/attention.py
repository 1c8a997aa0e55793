"""What causal attention costs: a gradient beside other conditioners, and samples with and without kept keys and values.

Run `taskset -c 0 python -m benchmarks.speed.attention [gradient sample moons]`: times are processor time, on one core,
which other work on the machine hardly changes. Results are added to benchmarks/results/attention.jsonl.
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import pushforward as pf
from benchmarks.data import made_up, standardised
from benchmarks.harness.records import append
from benchmarks.speed.moons import rows
from pushforward.bijections import Affine, TransformerAutoregressive, fill

ROWS, ROUNDS = 512, 5
TOKENS, DRAWS = 64, 256


def milliseconds(calls: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Processor time: medians of calls that take turns, after one to warm up."""
    for call in calls.values():
        jax.block_until_ready(call())
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            start = time.process_time()
            jax.block_until_ready(call())
            taken[name].append(1e3 * (time.process_time() - start))
    return {name: round(statistics.median(times), 2) for name, times in taken.items()}


def gradient() -> Iterator[dict]:
    """The gradient of the loss of one batch."""
    key = jax.random.key(0)
    for dim in (6, 43):
        x = jnp.asarray(made_up(dim, ROWS, seed=0))
        flows = {name: pf.flows.RECIPES[name].build(dim, key=key) for name in ("maf", "nsf-ar", "tarflow")}
        if dim > 8:
            flows["tarflow group_size=1"] = pf.flows.tarflow(dim, group_size=1, key=key)
        taken = milliseconds({name: partial(loss_gradient, flow, x) for name, flow in flows.items()})
        for name, flow in flows.items():
            record = {"figure": "gradient", "dim": dim, "rows": ROWS, "model": name, "milliseconds": taken[name]}
            yield record | {"parameters": sum(leaf.size for leaf in jax.tree.leaves(flow))}


@jax.jit
def loss_gradient(flow: pf.distributions.AbstractDistribution, x: jax.Array) -> Any:
    """Of the mean negative log-density."""
    return jax.grad(lambda flow: -jnp.mean(flow.log_prob(x)))(flow)


def sample() -> Iterator[dict]:
    """One block over 64 groups: a sample with kept keys and values, by a pass for each group, and one pass."""
    key = jax.random.key(0)
    layer = TransformerAutoregressive(Affine(), TOKENS, key=key)
    # Away from the start, at which all outputs are zero.
    noise = 0.1 * jax.random.normal(key, layer.net.weight.shape)
    layer = jax.tree.map(lambda leaf: leaf + noise if leaf.shape == noise.shape else leaf, layer)
    z = jax.random.normal(key, (TOKENS, DRAWS))
    kept = jax.jit(lambda layer, z: layer._forward_many(z, None, None)[0])
    again = jax.jit(_pass_per_group)
    density = jax.jit(lambda layer, z: layer._inverse_many(z, None, None)[0])
    difference = float(jnp.max(jnp.abs(kept(layer, z) - again(layer, z))))
    taken = milliseconds(
        {"kept": lambda: kept(layer, z), "pass per group": lambda: again(layer, z), "pass": lambda: density(layer, z)}
    )
    for name, value in taken.items():
        yield {"figure": "sample", "groups": TOKENS, "rows": DRAWS, "how": name, "milliseconds": value}
    yield {"figure": "sample", "groups": TOKENS, "how": "difference", "largest": difference}


def _pass_per_group(layer: TransformerAutoregressive, z: jax.Array) -> jax.Array:
    def fix_one_more(_: int, x: jax.Array) -> jax.Array:
        raw = layer.net(x[:, None], None).reshape(layer.net.num_params, *z.shape)
        return fill(layer.inner, raw)._forward_pointwise(z)[0]

    return lax.fori_loop(0, TOKENS, fix_one_more, jnp.zeros_like(z))


def moons() -> Iterator[dict]:
    """Two moons, 10,000 rows to train: test nats in the units of the data (entropy 0.289)."""
    train, test = rows(10_000, seed=0), rows(10_000, seed=1)
    log_units = float(np.log(train.std(0)).sum())
    for model, width, num_heads in (("tarflow", 32, 2), ("maf", 128, None)):
        start, key = time.perf_counter(), jax.random.key(0)
        options = {"width": width} | ({} if num_heads is None else {"num_heads": num_heads})
        flow = pf.flows.RECIPES[model.split()[0]].build(2, key=key, **options)
        result = pf.fit(flow, standardised(train), learning_rate=3e-3, max_epochs=30, progress=False, key=key)
        nats = log_units - float(np.mean(result.flow.log_prob(standardised(test, like=train))))
        record = {"figure": "moons", "model": model, **options, "epochs": len(result.history)}
        yield record | {"test_nats": round(nats, 3), "seconds": round(time.perf_counter() - start, 1)}


FIGURES = {"gradient": gradient, "sample": sample, "moons": moons}


def main() -> None:
    """Measure what the command line names, and store it."""
    append("attention", (record for name in sys.argv[1:] or FIGURES for record in FIGURES[name]()))


if __name__ == "__main__":
    main()
