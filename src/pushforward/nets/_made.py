"""The masked autoregressive network MADE, features first and batch last."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from pushforward._errors import as_key
from pushforward._graphs import Parents, contained, levels, members, spread_sets
from pushforward._masks import Degrees, hidden_degrees, masks
from pushforward._params import static
from pushforward._types import Activation, Shape
from pushforward.nets._activations import ACTIVATIONS, activation_name
from pushforward.nets._conditioner import AbstractConditioner
from pushforward.nets._mlp import check_hidden, dense_layers, features, in_units


class MADE(AbstractConditioner):
    """A network whose output for coordinate i depends on coordinates before i alone.

    Maps `(dim, batch)` to `(num_params, dim, batch)`. Hidden units are sorted by degree.

    Args:
        dim: Number of coordinates.
        num_params: Outputs for each coordinate.
        width: Units of each hidden layer. With fewer than `dim - 1`, some neighbours share their units.
        depth: Number of hidden layers.
        cond_dim: Size of the condition, which every output may see, or None.
        activation: A name in `ACTIVATIONS`, or the function of JAX of that name.
        circular: Whether the coordinates are angles, of which the network sees cosine and sine.
        unit: What makes 1 for the network: it sees coordinates divided by this.
        num_categories: If the coordinates are codes from 0 on, how many; the network sees them one-hot.
        parents: For each coordinate those before it that its output may see; None for all of them.
        key: For the initial weights; the last layer starts at zero.

    Raises:
        ValueError: If the activation is unknown, `width` or `depth` is below 1, or `width` is too small for `parents`.

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
    circular: bool = static(default=False)
    parents: Parents | None = static(default=None)
    unit: float = static(default=1.0)
    num_categories: int | None = static(default=None)

    def __init__(
        self,
        dim: int,
        num_params: int,
        *,
        width: int = 128,
        depth: int = 2,
        cond_dim: int | None = None,
        activation: Activation = "relu",
        circular: bool = False,
        unit: float = 1.0,
        num_categories: int | None = None,
        parents: Parents | None = None,
        key: PRNGKeyArray,
    ):
        key = as_key("MADE", key)
        self.activation = activation_name("MADE", activation)
        check_hidden("MADE", width, depth)
        self.dim, self.num_params, self.width, self.cond_dim = dim, num_params, width, cond_dim
        self.circular, self.parents = circular, parents
        self.unit, self.num_categories = unit, num_categories
        if parents is not None:
            spread_sets(parents, width, conditional=cond_dim is not None)  # tells of a width that is too small
        sizes = [dim * self.num_features + (cond_dim or 0), *[width] * depth, num_params * dim]
        self.weights, self.biases = dense_layers(sizes, key)

    def __call__(
        self,
        x: Float[Array, "dim batch"],
        condition: Float[Array, "cond batch"] | None = None,
        degrees: Degrees | None = None,
    ) -> Float[Array, "params dim batch"]:
        return self.of_features(self.features(x), condition, degrees)

    def of_features(self, seen: Array, condition: Array | None = None, degrees: Degrees | None = None) -> Array:
        """As for coordinates, given what `features` makes of them, `(dim * num_features, batch)`."""
        h = seen if condition is None or self.cond_dim is None else jnp.concatenate([seen, condition])
        act = ACTIVATIONS[self.activation]
        *hidden, last = self.masked_weights(degrees)
        for weight, bias in zip(hidden, self.biases[:-1], strict=True):
            h = act(weight @ h + bias[:, None])
        return (last @ h + self.biases[-1][:, None]).reshape(self.num_params, self.dim, -1)

    @property
    def in_shape(self) -> Shape:
        return (self.dim,)

    @property
    def out_shape(self) -> Shape:
        return self.num_params, self.dim

    @property
    def num_features(self) -> int:
        """Numbers that the network sees of each coordinate."""
        return self.num_categories or (2 if self.circular else 1)

    def features(self, x: Array) -> Array:
        """What the network sees of coordinates, `(n, batch) -> (n * num_features, batch)`."""
        if self.num_categories is not None:
            hot = jax.nn.one_hot(x.astype(jnp.int32), self.num_categories, dtype=x.dtype, axis=1)
            return hot.reshape(-1, x.shape[-1])
        return features(x) if self.circular else in_units(x, self.unit)

    @property
    def steps(self) -> list[tuple[int, int]]:
        """Ranges of coordinates whose outputs depend only on coordinates before the range."""
        return [(i, i + 1) for i in range(self.dim)] if self.parents is None else levels(self.parents)

    @property
    def degrees(self) -> np.ndarray:
        """Degrees of the units of every hidden layer in the given order of coordinates, sorted.

        A unit of degree m sees none but the first m coordinates.
        """
        if self.parents is not None:
            sets = spread_sets(self.parents, self.width, conditional=self.cond_dim is not None)
            return np.max(np.where(sets, 1 + np.arange(self.dim), 0), axis=1)
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
        if degrees is None and self.parents is not None:
            allowed = self._masks_of_parents(self.parents)
        else:
            in_order = Degrees(1 + np.arange(self.dim), [self.degrees] * (len(self.weights) - 1))
            allowed = masks(degrees or in_order, self.cond_dim or 0, self.num_params, self.num_features)
        return [jnp.where(mask, weight, 0) for mask, weight in zip(allowed, self.weights, strict=True)]

    def _masks_of_parents(self, parents: Parents) -> list[np.ndarray]:
        """A unit sees the units whose sets are parts of its own; an output has the set of its parents."""
        units = spread_sets(parents, self.width, conditional=self.cond_dim is not None)
        first = np.repeat(units, self.num_features, axis=1)
        condition = np.ones((self.width, self.cond_dim or 0), dtype=bool)
        between = [contained(units, units)] * (len(self.weights) - 2)
        last = np.tile(contained(units, members(parents, self.dim)), (self.num_params, 1))
        return [np.concatenate([first, condition], axis=1), *between, last]
