"""A velocity that depends on place and time."""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from pushforward._types import Activation, Part
from pushforward.nets._mlp import MLP


class Velocity(Part):
    """A network from the time in [0, 1] and places `(dim, batch)` to velocities `(dim, batch)`; zero at the start.

    Args:
        dim: Number of coordinates.
        width: Units of each hidden layer.
        depth: Number of hidden layers.
        cond_dim: Size of the condition, which joins the inputs, or None.
        activation: A name in `ACTIVATIONS`, or the function of JAX of that name; a smooth one, because a solver takes
            small steps across a kink.
        key: For the initial weights.

    Raises:
        ValueError: If a size is negative or the activation is unknown.
    """

    net: MLP

    def __init__(
        self,
        dim: int,
        *,
        width: int = 64,
        depth: int = 3,
        cond_dim: int | None = None,
        activation: Activation = "tanh",
        key: PRNGKeyArray,
    ):
        self.net = MLP(dim + 1, (dim,), width=width, depth=depth, cond_dim=cond_dim, activation=activation, key=key)

    @property
    def dim(self) -> int:
        """Number of coordinates."""
        return self.net.in_size - 1

    def __call__(
        self, t: ArrayLike, x: Float[Array, "dim batch"], condition: Float[Array, "cond batch"] | None = None
    ) -> Float[Array, "dim batch"]:
        """Velocities at one time, or at one time for each event, `(batch,)`."""
        # From -1 to 1, so that the network's first units bend within the interval.
        times = jnp.broadcast_to(2.0 * jnp.asarray(t, x.dtype) - 1.0, (1, x.shape[-1]))
        return self.net(jnp.concatenate([x, times]), condition)
