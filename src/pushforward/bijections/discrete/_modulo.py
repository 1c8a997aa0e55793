"""Modulo layers: categories shifted, and perhaps multiplied, modulo their number."""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from pushforward._params import static
from pushforward._types import Activation, Kind, Shape
from pushforward.bijections._base import AbstractBatched
from pushforward.bijections.autoregressive._blocked import solve_in_order
from pushforward.bijections.discrete._codes import check_categories, choose, map_codes, units_modulo
from pushforward.nets import MADE, MLP
from pushforward.supports import OneHot, Support


class AbstractModulo(AbstractBatched):
    """Layers on one-hot events `(dim, K)` whose network gives for each coordinate logits of a shift and a factor."""

    dim: int = static()
    num_categories: int = static()
    scaled: bool = static()
    temperature: float = static()

    @property
    def in_shape(self) -> Shape:
        return (self.dim, self.num_categories)

    @property
    def out_shape(self) -> Shape:
        return (self.dim, self.num_categories)

    @property
    def domain(self) -> Support:
        return OneHot(self.num_categories)

    @property
    def image(self) -> Support:
        return OneHot(self.num_categories)

    @property
    def num_logits(self) -> int:
        """Logits for each coordinate."""
        return _num_logits(self.num_categories, scaled=self.scaled)

    def _map(self, function: "_Modulo", x: Array, logits: Array) -> Array:
        """`(n, K, batch), (n, logits, batch) -> (n, K, batch)`."""
        parts = jnp.split(logits, [self.num_categories], axis=1)
        return map_codes(function, x, *[choose(part, self.temperature) for part in parts if part.shape[1]])


class ModuloCoupling(AbstractModulo):
    r"""$y_i = \mu_i + \sigma_i x_i \bmod K$ for the second part of an event, given the first; the log-det is 0.

    Events are one-hot vectors, `(dim, K)`. Both directions are one pass.

    Args:
        dim: Number of coordinates.
        num_categories: $K$.
        split: How many coordinates stay; default half of them.
        scaled: Whether there is a factor $\sigma$, coprime to $K$; else it is 1.
        temperature: Of the softmax that stands for the choice of $\mu$ and $\sigma$ in gradients.
        width: Units of each hidden layer of the network.
        depth: Hidden layers of the network.
        cond_dim: Size of the condition, or None.
        activation: Of the network.
        key: For the initial weights. The layer starts as the identity.

    Raises:
        ValueError: If a number is out of range.

    Reference:
        Tran, Vafa, Agrawal, Dinh & Poole (2019), Discrete flows: Invertible generative models of discrete data,
        section 4.2.
    """

    net: MLP
    split: int = static()

    forward_kind: ClassVar[Kind] = "analytic"
    inverse_kind: ClassVar[Kind] = "analytic"

    def __init__(
        self,
        dim: int,
        num_categories: int,
        *,
        split: int | None = None,
        scaled: bool = False,
        temperature: float = 0.1,
        width: int = 128,
        depth: int = 2,
        cond_dim: int | None = None,
        activation: Activation = "relu",
        key: PRNGKeyArray,
    ):
        split = dim // 2 if split is None else split
        if not 0 <= split < dim:
            raise ValueError(f"ModuloCoupling: `split` must be at least 0 and below dim={dim}, got {split}.")
        _check("ModuloCoupling", num_categories, temperature)
        self.dim, self.num_categories, self.split = dim, num_categories, split
        self.scaled, self.temperature = scaled, temperature
        self.net = MLP(
            split * num_categories,
            (dim - split, self.num_logits),
            width=width,
            depth=depth,
            cond_dim=cond_dim,
            activation=activation,
            key=key,
        )

    @property
    def cond_shape(self) -> Shape | None:
        return None if self.net.cond_dim is None else (self.net.cond_dim,)

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return self._moved(_Modulo(self.num_categories), x, condition)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return self._moved(_Modulo(self.num_categories, inverse=True), x, condition)

    def _moved(self, function: "_Modulo", x: Array, condition: Array | None) -> tuple[Array, Array]:
        kept, moved = x[: self.split], x[self.split :]
        logits = self.net(kept.reshape(-1, x.shape[-1]), condition)
        return jnp.concatenate([kept, self._map(function, moved, logits)]), jnp.zeros(x.shape[-1], x.dtype)


class ModuloAutoregressive(AbstractModulo):
    r"""$x_i = \mu_i + \sigma_i z_i \bmod K$ with $\mu_i, \sigma_i$ from $x_{<i}$; the log-det is 0.

    Events are one-hot vectors, `(dim, K)`. `inverse` is one pass of the network; `forward` takes one coordinate after
    another, and has no gradient.

    Args:
        dim: Number of coordinates.
        num_categories: $K$.
        scaled: Whether there is a factor $\sigma$, coprime to $K$; else it is 1.
        temperature: Of the softmax that stands for the choice of $\mu$ and $\sigma$ in gradients.
        width: Units of each hidden layer of the network.
        depth: Hidden layers of the network.
        cond_dim: Size of the condition, or None.
        activation: Of the network.
        key: For the initial weights. The layer starts as the identity.

    Raises:
        ValueError: If a number is out of range.

    Reference:
        Tran, Vafa, Agrawal, Dinh & Poole (2019), Discrete flows: Invertible generative models of discrete data,
        section 4.1.
    """

    net: MADE

    forward_kind: ClassVar[Kind] = "sequential"
    inverse_kind: ClassVar[Kind] = "analytic"

    def __init__(
        self,
        dim: int,
        num_categories: int,
        *,
        scaled: bool = False,
        temperature: float = 0.1,
        width: int = 128,
        depth: int = 2,
        cond_dim: int | None = None,
        activation: Activation = "relu",
        key: PRNGKeyArray,
    ):
        _check("ModuloAutoregressive", num_categories, temperature)
        self.dim, self.num_categories = dim, num_categories
        self.scaled, self.temperature = scaled, temperature
        self.net = MADE(
            dim,
            self.num_logits,
            width=width,
            depth=depth,
            cond_dim=cond_dim,
            activation=activation,
            num_categories=num_categories,
            key=key,
        )

    @property
    def cond_shape(self) -> Shape | None:
        return None if self.net.cond_dim is None else (self.net.cond_dim,)

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        function = _Modulo(self.num_categories)

        def step(raw: Array, z: Array) -> tuple[Array, Array]:
            parts = jnp.split(raw, [self.num_categories])
            chosen = [jnp.argmax(part, axis=0) for part in parts if part.shape[0]]
            y = function(z.astype(jnp.int32), *chosen).astype(z.dtype)
            return y, jnp.zeros_like(y)

        codes, log_det = solve_in_order(self.net, step, jnp.argmax(x, axis=1).astype(x.dtype), condition)
        return self.net.features(codes).reshape(x.shape), log_det

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        logits = self.net.of_features(x.reshape(-1, x.shape[-1]), condition)  # (logits, dim, batch)
        z = self._map(_Modulo(self.num_categories, inverse=True), x, jnp.moveaxis(logits, 0, 1))
        return z, jnp.zeros(x.shape[-1], x.dtype)


@dataclass(frozen=True)
class _Modulo:
    """The map of one code, or its inverse; a factor is given by its index among the units modulo K."""

    num_categories: int
    inverse: bool = False

    def __call__(self, x: Array, shift: Array, factor: Array | None = None) -> Array:
        units = units_modulo(self.num_categories)
        if not self.inverse:
            x = x if factor is None else jnp.asarray(units)[factor] * x
            return (x + shift) % self.num_categories
        x = x - shift
        if factor is not None:
            inverses = np.array([pow(int(unit), -1, self.num_categories) for unit in units])
            x = jnp.asarray(inverses)[factor] * x
        return x % self.num_categories


def _num_logits(num_categories: int, *, scaled: bool) -> int:
    return num_categories + scaled * len(units_modulo(num_categories))


def _check(name: str, num_categories: int, temperature: float) -> None:
    check_categories(name, num_categories)
    if not temperature > 0:
        raise ValueError(f"{name}: `temperature` must be positive, got {temperature}.")
