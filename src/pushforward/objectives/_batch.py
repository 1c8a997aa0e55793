"""What an objective is given."""

from typing import Any, NamedTuple, Protocol

from jaxtyping import Array, Float, PRNGKeyArray


class Batch(NamedTuple):
    """Some rows of the data, batch axis first.

    Attributes:
        x: Events `(batch, *event_shape)`; None for an objective that needs no data.
        condition: `(batch, *cond_shape)`, or None.
        weights: Non-negative `(batch,)`, or None for equal ones.
    """

    x: Any = None
    condition: Array | None = None
    weights: Array | None = None


class Objective(Protocol):
    """A function of a flow and a batch; it runs under `jax.jit` and `jax.grad`.

    `loss` is a scalar, a weighted mean over the rows wherever the batch has weights; `metrics` maps names to
    scalars that are averaged over an epoch and reported.
    """

    def __call__(self, flow: Any, batch: Batch, *, key: PRNGKeyArray) -> tuple[Float[Array, ""], dict[str, Array]]: ...
