"""What an objective is given."""

from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from pushforward._errors import as_float, given
from pushforward.distributions._base import AbstractDistribution
from pushforward.distributions._layout import batch_last


class Batch(NamedTuple):
    """Some rows of the data, batch axis first.

    Attributes:
        x: Events `(batch, *event_shape)`; None for an objective that needs no data.
        condition: `(batch, *cond_shape)`, or None.
        weights: Non-negative `(batch,)`, or None for equal ones.
        log_det: `(batch,)`, of a map that the events went through before, to be added to their log-densities so that
            these are in the data's own units; None where there was none.
        progress: Share of the training steps that are done, from 0 to 1, for an objective that changes on the way;
            None where the objective is a figure to be reported, not a step.
    """

    x: Any = None
    condition: Array | None = None
    weights: Array | None = None
    log_det: Array | None = None
    progress: Array | None = None

    def columns(self, flow: AbstractDistribution) -> tuple[Array, Array | None]:
        """`x` and `condition` with the batch axis last, as the flow's internals take them: in JAX's own precision.

        Raises:
            ValueError: If there is no `x`.
        """
        if self.x is None:
            raise ValueError("The batch has no `x`. Give `fit` some data, or use an objective that needs none.")
        rows = (self.x.shape[0],)
        x = batch_last(as_float(self.x), rows, flow.event_shape)
        if self.condition is None or flow.cond_shape is None:
            return x, None
        return x, batch_last(as_float(self.condition), rows, flow.cond_shape)

    @staticmethod
    def check(name: str, batch: Any) -> None:
        """An objective is given a batch, not an array.

        Raises:
            TypeError: If it is something else.
        """
        if not isinstance(batch, Batch):
            call = f"{name}(flow, Batch(x), key=key)"
            raise TypeError(f"{name}: `batch` must be a Batch, got {given(batch)}. Write `{call}`.")

    def mean(self, losses: Float[Array, " batch"]) -> Float[Array, ""]:
        """The weighted mean of one number for each row; a row of weight zero does not count, even if it is infinite."""
        if self.weights is None:
            return jnp.mean(losses)
        counted = self.weights > 0
        total = jnp.sum(jnp.where(counted, self.weights * jnp.where(counted, losses, 0.0), 0.0))
        return total / jnp.maximum(jnp.sum(self.weights), jnp.finfo(total.dtype).tiny)


class Objective(Protocol):
    """A function of a flow and a batch; it runs under `jax.jit` and `jax.grad`.

    `loss` is a scalar, a weighted mean over the rows wherever the batch has weights; `metrics` maps names to
    scalars that are averaged over an epoch and reported.
    """

    def __call__(self, flow: Any, batch: Batch, *, key: PRNGKeyArray) -> tuple[Float[Array, ""], dict[str, Array]]: ...


@runtime_checkable
class Explaining(Protocol):
    """An objective that can say why its loss is not finite; `fit` then tells the user."""

    def cause(self, flow: Any, key: PRNGKeyArray) -> str | None:
        """What is wrong at the draws of this key, in words, or None."""
        ...
