"""What trained flows must reach: figures of docs/figures.md that are cheap enough to be held in every change."""

import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from pushforward.data import moons

RECIPES = {
    "nsf": {"num_layers": 3},
    "nsf-ar": {"num_layers": 2},
    "maf": {"num_layers": 3},
    "realnvp": {"num_layers": 4},
}


@pytest.mark.slow
def test_the_spline_flow_of_the_demo_learns_two_moons():
    """The true entropy is 0.289 nats. The clock on the wall would count the machine's other work."""
    start = time.process_time()
    density = pf.FlowDensity("nsf", learning_rate=3e-3, max_epochs=20, random_state=0).fit(moons(10_000, seed=0))
    assert -density.score(moons(20_000, seed=1)) <= 0.315
    assert time.process_time() - start < 60


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow if n == "nsf" else ()) for n in RECIPES])
def test_a_trained_flow_comes_back_from_its_latents(name, key):
    x = jnp.asarray(moons(2000, seed=0), jnp.float32)
    flow = pf.flows.RECIPES[name].build(2, width=32, key=key, **RECIPES[name])
    flow = pf.fit(flow, x, max_epochs=10, progress=False, key=key).flow
    assert _worst_round_trip(flow, x) <= 1e-4
    with jax.enable_x64(True):
        exact = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), flow)
        assert _worst_round_trip(exact, jnp.asarray(x, jnp.float64)) <= 1e-10


def _worst_round_trip(flow, x) -> float:
    latents, _ = flow.bijection._inverse_many(x.T, None, None)
    back, _ = flow.bijection._forward_many(latents, None, None)
    return float(np.max(np.abs(back.T - x)))
