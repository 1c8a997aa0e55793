"""FlowJAX: its ready-made flows, trained with the compiled step of its own `fit_to_data`."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import paramax
from flowjax.bijections import RationalQuadraticSpline
from flowjax.distributions import Normal
from flowjax.flows import coupling_flow, masked_autoregressive_flow
from flowjax.train.losses import MaximumLikelihoodLoss
from flowjax.train.train_utils import step

from benchmarks.adapters import LEARNING_RATE
from benchmarks.adapters._epochs import fit_by_epochs
from benchmarks.cases import Case


def build(case: Case, *, seed: int, device: str) -> "FlowJAXModel":
    key = jax.random.key(seed)
    make = masked_autoregressive_flow if case.family in ("maf", "nsf-ar") else coupling_flow
    # Its `knots` are the inner ones: one fewer than there are bins.
    spline = RationalQuadraticSpline(knots=case.bins - 1, interval=case.bound)
    flow = make(
        key,
        base_dist=paramax.non_trainable(Normal(jnp.zeros(case.dim))),
        transformer=spline if case.family.startswith("nsf") else None,
        flow_layers=case.layers,
        nn_width=case.hidden[0],
        nn_depth=len(case.hidden),
    )
    return FlowJAXModel(_cast(flow, case.dtype), case.dtype)


class FlowJAXModel:
    """A FlowJAX flow behind the protocol of `benchmarks.adapters`."""

    def __init__(self, flow, dtype: str):
        self.dtype = dtype
        self.params, self.static = eqx.partition(
            flow, eqx.is_inexact_array, is_leaf=lambda leaf: isinstance(leaf, paramax.NonTrainable)
        )
        self.optimizer = optax.adam(LEARNING_RATE)
        self.opt_state = self.optimizer.init(self.params)
        self.loss = MaximumLikelihoodLoss()
        self.batches: list[jax.Array] = []
        self.count = 0
        self.key = jax.random.key(0)
        self._density = eqx.filter_jit(lambda flow, x: flow.log_prob(x))
        self._sample = eqx.filter_jit(lambda flow, key, n: flow.sample(key, (n,)))

    @property
    def flow(self):
        return eqx.combine(self.params, self.static)

    def parameters(self) -> int:
        return sum(leaf.size for leaf in jax.tree.leaves(self.params))

    def put(self, x: np.ndarray) -> jax.Array:
        return jax.block_until_ready(jnp.asarray(x, dtype=self.dtype))

    def set_batches(self, x: np.ndarray, batch: int) -> None:
        self.batches = [self.put(part) for part in np.split(x[: len(x) // batch * batch], len(x) // batch)]

    def train(self, steps: int) -> float:
        loss = jnp.zeros(())
        for _ in range(steps):
            self.params, self.opt_state, loss = step(
                self.params,
                self.static,
                self.batches[self.count % len(self.batches)],
                optimizer=self.optimizer,
                opt_state=self.opt_state,
                loss_fn=self.loss,
                key=self.key,
            )
            self.count += 1
        return loss.item()

    def fit(
        self,
        x: np.ndarray,
        held_out: np.ndarray,
        *,
        batch: int,
        max_epochs: int,
        after_epoch: Callable[[float], bool],
    ) -> None:
        fit_by_epochs(self, x, held_out, batch=batch, max_epochs=max_epochs, after_epoch=after_epoch)

    def density(self, x: jax.Array) -> jax.Array:
        return jax.block_until_ready(self._density(self.flow, x))

    def sample(self, n: int) -> jax.Array:
        self.key, key = jax.random.split(self.key)
        return jax.block_until_ready(self._sample(self.flow, key, n))


def _cast(tree, dtype: str):
    return jax.tree.map(lambda leaf: leaf.astype(dtype) if eqx.is_inexact_array(leaf) else leaf, tree)
