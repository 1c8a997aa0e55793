"""Coupling layers: one part of the event decides how the other part is mapped."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from pushforward._params import static
from pushforward._types import Kind, Shape
from pushforward.bijections._base import AbstractBatched, AbstractBijection, sum_event
from pushforward.bijections.coupling._templates import back_from, check_template, count_raw, fill
from pushforward.nets import MLP, ConvAttentionNet, ConvNet

Pointwise = Callable[[AbstractBijection, Array], tuple[Array, Array]]


class Coupling(AbstractBatched):
    r"""$y_{1:d} = x_{1:d}$ and $y_{d+1:D} = g(x_{d+1:D};\, \theta(x_{1:d}))$ with an elementwise $g$.

    Triangular, so the log-det is the sum of the elementwise ones; both directions cost one pass. Of an image, the first
    channels stay, or the pixels of one colour of a checkerboard, and the network is convolutional (`nets.ConvNet`).

    Args:
        inner: The map $g$ of one scalar, a template whose parameters the network predicts.
        dim: Size of the event, $D$, or `(height, width, channels)` of an image.
        split: $d$, how many coordinates or channels stay; default $\lfloor D/2 \rfloor$.
        checkerboard: Instead of `split`, for images: 0 if the pixels whose row + column is even stay, 1 for the odd.
        width: Units, or channels, of each hidden layer of the network.
        depth: Hidden layers of the network.
        residual: Whether the hidden layers of the network of an image are gated residual blocks.
        attention: Heads with which the pixels of an image look at each other (`nets.ConvAttentionNet`); 0 for none.
        cond_dim: Size of the condition, or None. With `attention`, also the shape of an image of the event's sides.
        activation: Of the network.
        circular: Whether the coordinates that stay are angles, of which the network sees cosine and sine.
        unit: What makes 1 for the network: it sees coordinates that are not angles divided by this.
        precision: Of the network of an image, "full" or "bfloat16" (`nets.ConvNet`); log-dets are full in any case.
        key: For the initial weights. The layer starts as `inner` itself, whatever the key.

    Raises:
        ValueError: If `inner` is not a scalar map, `split` leaves nothing to map, or an option does not fit the event.

    Example:
        >>> layer = Coupling(Affine(), dim=4, key=jax.random.key(0))
        >>> layer.forward(jnp.arange(4.0)).shape
        (4,)
        >>> layer = Coupling(Affine(), (4, 4, 1), checkerboard=0, width=8, key=jax.random.key(0))
        >>> layer.forward(jnp.ones((4, 4, 1))).shape
        (4, 4, 1)

    Reference:
        Dinh, Sohl-Dickstein & Bengio (2017), Density estimation using Real NVP, section 3.2 and 3.4.
    """

    inner: AbstractBijection
    net: MLP | ConvNet | ConvAttentionNet
    dim: int | Shape = static()
    split: int = static()
    checkerboard: int | None = static(default=None)

    def __init__(
        self,
        inner: AbstractBijection,
        dim: int | Shape,
        *,
        split: int | None = None,
        checkerboard: int | None = None,
        width: int = 128,
        depth: int = 2,
        residual: bool = False,
        attention: int = 0,
        cond_dim: int | Shape | None = None,
        activation: str = "relu",
        circular: bool = False,
        unit: float = 1.0,
        precision: str = "full",
        key: PRNGKeyArray,
    ):
        check_template("Coupling", inner)
        self.dim = dim if isinstance(dim, int) else tuple(dim)
        self.inner, self.checkerboard = inner, checkerboard
        self.split = _checked_split(self.in_shape, split, checkerboard)
        whole, image = self.in_shape[-1], len(self.in_shape) == 3
        if ((residual or precision != "full") and not image) or (circular and image):
            raise ValueError(
                "Coupling: `residual` and `precision` are for images and `circular` for vectors, got an event of shape "
                f"{self.in_shape}."
            )
        seen = whole if checkerboard is not None else self.split
        moved = whole if checkerboard is not None else whole - self.split
        options = {"width": width, "depth": depth, "cond_dim": cond_dim, "activation": activation, "unit": unit}
        grid, count = self.in_shape[:2], count_raw(inner)
        in_image: dict[str, Any] = options | {"precision": precision}
        if attention:
            _check_attention(self.in_shape, residual, attention)
            self.net = ConvAttentionNet((*grid, seen), (count, *grid, moved), num_heads=attention, key=key, **in_image)
        elif isinstance(cond_dim, tuple):
            raise ValueError(f"Coupling: a condition that is an image needs `attention`, got cond_dim={cond_dim}.")
        elif image:
            self.net = ConvNet((*grid, seen), (count, *grid, moved), residual=residual, key=key, **in_image)
        else:
            self.net = MLP(seen, (count, moved), circular=circular, key=key, **options)

    @property
    def in_shape(self) -> Shape:
        return (self.dim,) if isinstance(self.dim, int) else self.dim

    @property
    def out_shape(self) -> Shape:
        return self.in_shape

    @property
    def cond_shape(self) -> Shape | None:
        cond_dim = self.net.cond_dim
        return (cond_dim,) if isinstance(cond_dim, int) else cond_dim

    @property
    def forward_kind(self) -> Kind:
        return self.inner.forward_kind

    @property
    def inverse_kind(self) -> Kind:
        return self.inner.inverse_kind

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return self._mapped(lambda filled, values: filled._forward_pointwise(values), x, condition)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return self._mapped(back_from, x, condition)

    def _mapped(self, method: Pointwise, x: Array, condition: Array | None) -> tuple[Array, Array]:
        if self.checkerboard is not None:
            stays = self._stays()
            filled = fill(self.inner, self.net(jnp.where(stays, x, 0.0), condition))
            moved, log_slope = method(filled, x)
            return jnp.where(stays, x, moved), sum_event(jnp.where(stays, 0.0, log_slope))
        kept, moved = x[..., : self.split, :], x[..., self.split :, :]
        moved, log_slope = method(fill(self.inner, self.net(kept, condition)), moved)
        return jnp.concatenate([kept, moved], axis=-2), sum_event(log_slope)

    def _stays(self) -> Array:
        """Which pixels stay, `(height, width, 1, 1)`."""
        rows, columns = (np.arange(size) for size in self.in_shape[:2])
        return jnp.asarray((rows[:, None] + columns) % 2 == self.checkerboard)[:, :, None, None]


def _check_attention(shape: Shape, residual: bool, attention: int) -> None:
    if len(shape) != 3 or residual or attention < 0:
        raise ValueError(
            "Coupling: `attention` is a number of heads, for images and without `residual`, since its blocks are gated "
            f"and residual too; got {attention}, an event of shape {shape} and residual={residual}."
        )


def _checked_split(shape: Shape, split: int | None, checkerboard: int | None) -> int:
    if len(shape) not in (1, 3):
        raise ValueError(f"Coupling: events are vectors or images (height, width, channels), got shape {shape}.")
    if checkerboard is not None:
        if checkerboard not in (0, 1) or len(shape) != 3 or split is not None:
            raise ValueError(
                "Coupling: `checkerboard` is 0 or 1, for images (height, width, channels), and without `split`; "
                f"got {checkerboard}, shape {shape} and split={split}."
            )
        return 0
    split = shape[-1] // 2 if split is None else split
    if not 0 <= split < shape[-1]:
        raise ValueError(f"Coupling: `split` must be at least 0 and below dim={shape[-1]}, got {split}.")
    return split
