"""pushforward: its recipes, trained by the compiled loop that `fit` runs."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.adapters import LEARNING_RATE
from benchmarks.cases import Case
from pushforward import flows
from pushforward._params import count_parameters, partition
from pushforward.bijections import (
    AbstractBijection,
    Autoregressive,
    Chain,
    Coupling,
    Flip,
    Inverse,
    RationalQuadraticSpline,
    repeat,
)
from pushforward.distributions import Normal, Transformed
from pushforward.objectives import Batch, nll
from pushforward.train import fit
from pushforward.train._batches import RowSource
from pushforward.train._schedule import adam
from pushforward.train._state import first_state
from pushforward.train._step import Knobs, Plan, run_steps

CLIP = 5.0
"""As in `fit`: our step also bounds the gradient, checks that it is finite and keeps totals."""


def build(case: Case, *, seed: int, device: str) -> "PushforwardModel":
    flow = flow_for(case, jax.random.key(seed))
    dtype = jnp.dtype(case.dtype)
    return PushforwardModel(jax.tree.map(lambda leaf: leaf.astype(dtype), flow), dtype)


def flow_for(case: Case, key: jax.Array) -> Transformed:
    """The case's flow; spline flows without the linear maps of the recipes, as the rivals' have none."""
    if case.image is not None:
        return _glow(case, case.image, key)
    sizes = {"num_layers": case.layers, "width": _width(case), "depth": len(case.hidden)}
    if case.family == "maf":
        return flows.maf(case.dim, **sizes, key=key)
    if case.family == "realnvp":
        return flows.realnvp(case.dim, **sizes, key=key)
    return jax.jit(lambda key: _spline_flow(case, key))(key)


def _spline_flow(case: Case, key: jax.Array) -> Transformed:
    layer = Autoregressive if case.family == "nsf-ar" else Coupling
    inner = Inverse(RationalQuadraticSpline(case.bins, bound=case.bound))

    def step(key: jax.Array) -> AbstractBijection:
        return Chain([layer(inner, case.dim, width=_width(case), depth=len(case.hidden), key=key), Flip((case.dim,))])

    return Transformed(Normal.standard((case.dim,)), repeat(step, case.layers, key))


def _glow(case: Case, image: tuple[int, int, int], key: jax.Array) -> Transformed:
    sizes = {"num_levels": case.scales, "num_steps": case.layers, "width": _width(case), "depth": len(case.hidden)}
    return flows.glow(image, **sizes, linear="lu", learned_prior=False, grey_levels=None, key=key)


def _width(case: Case) -> int:
    if len(set(case.hidden)) != 1:
        raise ValueError(f"hidden layers must have one width here, got {case.hidden}")
    return case.hidden[0]


class PushforwardModel:
    """One of our flows behind the protocol of `benchmarks.adapters`."""

    def __init__(self, flow: Transformed, dtype: jnp.dtype):
        self.dtype = dtype
        params, self.frozen = partition(flow)
        self.count = count_parameters(flow)
        self.optimizer = adam(CLIP)
        self.state = first_state(params, 1.0, 0, optimizer=self.optimizer, ema=False, metrics=())
        self.key = jax.random.key(0)
        self.knobs = Knobs(
            key=self.key,
            rate=LEARNING_RATE,
            warm_up=1.0,
            total_steps=float("inf"),
            ema_decay=0.0,
            ceiling=float("inf"),
        )

    @property
    def flow(self) -> Transformed:
        return eqx.combine(self.state.params, self.frozen)

    def parameters(self) -> int:
        return self.count

    def put(self, x: np.ndarray) -> jax.Array:
        rows = jnp.asarray(x, dtype=self.dtype)
        return jax.block_until_ready(rows.reshape(len(rows), *self.flow.event_shape))

    def set_batches(self, x: np.ndarray, batch: int) -> None:
        self.source = RowSource(Batch(self.put(x)), np.arange(len(x)), batch)
        self.plan = Plan(nll, self.optimizer, self.source.take, _full_rate, ema=False, packs=True)
        # One order of the rows for all epochs: the rivals' rows are not shuffled while the clock runs either.
        self.rows = self.source.feed(self.key, 0).arrays

    def train(self, steps: int) -> float:
        step, before = int(self.state.step), self.state.sums.loss.item()
        last = step + steps
        while step < last:
            stop = min(last, step + self.source.steps_per_epoch)
            self.state = run_steps(
                self.plan, self.state, self.frozen, self.rows, self.knobs, step, stop, bad_limit=steps
            )
            step = int(self.state.step)
        return (self.state.sums.loss.item() - before) / steps

    def fit(
        self,
        x: np.ndarray,
        held_out: np.ndarray,
        *,
        batch: int,
        max_epochs: int,
        after_epoch: Callable[[float], bool],
    ) -> None:
        fit(
            self.flow,
            self.put(x),
            validation=self.put(held_out),
            batch_size=batch,
            max_epochs=max_epochs,
            learning_rate=LEARNING_RATE,
            schedule="constant",
            patience=None,
            callbacks=[lambda info: after_epoch(info.history[-1].validation)],
            progress=False,
            key=self.key,
        )

    def density(self, x: jax.Array) -> jax.Array:
        return jax.block_until_ready(self.flow.log_prob(x))

    def sample(self, n: int) -> jax.Array:
        self.key, key = jax.random.split(self.key)
        return jax.block_until_ready(self.flow.sample(key, n).reshape(n, -1))


def _full_rate(step: jax.Array) -> jax.Array:
    return jnp.ones(())
