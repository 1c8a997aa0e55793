"""The masked autoregressive network MADE, features first and batch last."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from pushforward._masks import Degrees, hidden_degrees, masks
from pushforward._params import static
from pushforward._types import Part
from pushforward.nets._mlp import ACTIVATIONS, check_activation, dense_layers


class MADE(Part):
    """A network whose output for coordinate i depends on coordinates before i alone.

    Maps `(dim, batch)` to `(num_params, dim, batch)`. Hidden units are sorted by degree.

    Args:
        dim: Number of coordinates.
        num_params: Outputs for each coordinate.
        width: Units of each hidden layer. With fewer than `dim - 1`, some neighbours share their units.
        depth: Number of hidden layers.
        cond_dim: Size of the condition, which every output may see, or None.
        activation: A name in `ACTIVATIONS`.
        key: For the initial weights; the last layer starts at zero.

    Raises:
        ValueError: If the activation is unknown, or `depth` is below 1.

    Reference:
        Germain, Gregor, Murray & Larochelle (2015), MADE: Masked autoencoder for distribution estimation.
    """

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]
    dim: int = static()
    num_params: int = static()
    width: int = static()
    cond_dim: int | None = static()
    activation: str = static()

    def __init__(
        self,
        dim: int,
        num_params: int,
        *,
        width: int = 128,
        depth: int = 2,
        cond_dim: int | None = None,
        activation: str = "relu",
        key: PRNGKeyArray,
    ):
        check_activation("MADE", activation)
        if depth < 1:
            raise ValueError(f"MADE: `depth` must be at least 1, got {depth}.")
        sizes = [dim + (cond_dim or 0), *[width] * depth, num_params * dim]
        self.weights, self.biases = dense_layers(sizes, key)
        self.dim, self.num_params, self.width, self.cond_dim = dim, num_params, width, cond_dim
        self.activation = activation

    def __call__(
        self,
        x: Float[Array, "dim batch"],
        condition: Float[Array, "cond batch"] | None = None,
        degrees: Degrees | None = None,
    ) -> Float[Array, "params dim batch"]:
        h = x if condition is None else jnp.concatenate([x, condition])
        act = ACTIVATIONS[self.activation]
        *hidden, last = self.masked_weights(degrees)
        for weight, bias in zip(hidden, self.biases[:-1], strict=True):
            h = act(weight @ h + bias[:, None])
        return (last @ h + self.biases[-1][:, None]).reshape(self.num_params, self.dim, -1)

    @property
    def degrees(self) -> np.ndarray:
        """Degrees of the units of every hidden layer in the given order of coordinates, sorted."""
        return np.array(hidden_degrees(self.dim, self.width, conditional=self.cond_dim is not None))

    def draw_degrees(self, key: PRNGKeyArray) -> Degrees:
        """A random order of the coordinates and random connections of the hidden units."""
        order_key, *keys = jax.random.split(key, len(self.weights))
        inputs = 1 + jax.random.permutation(order_key, self.dim)
        lowest = int(self.degrees[0])
        # Evenly spread degrees in random places: each coordinate keeps its share of the units.
        hidden = []
        for layer_key in keys:
            offset = jax.random.uniform(layer_key, (self.width,))
            spread = (jnp.arange(self.width) + offset) / self.width * (self.dim - lowest)
            hidden.append(lowest + jnp.minimum(spread.astype(int), self.dim - 1 - lowest))
        return Degrees(inputs, hidden)

    def masked_weights(self, degrees: Degrees | None = None) -> list[Array]:
        """The weights of every layer with the forbidden connections at zero, `(out, in)`."""
        if degrees is None:
            degrees = Degrees(1 + np.arange(self.dim), [self.degrees] * (len(self.weights) - 1))
        allowed = masks(degrees, self.cond_dim or 0, self.num_params)
        return [jnp.where(mask, weight, 0) for mask, weight in zip(allowed, self.weights, strict=True)]
