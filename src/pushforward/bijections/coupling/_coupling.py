"""Coupling layers: one part of the event decides how the other part is mapped."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from pushforward._params import static
from pushforward._types import Activation, Kind, Shape
from pushforward.bijections._base import AbstractBatched, AbstractBijection, sum_event
from pushforward.bijections.coupling._templates import back_from, check_template, count_raw, fill, forth_to
from pushforward.nets import MLP, AbstractConditioner, ConvAttentionNet, ConvNet, WaveNet
from pushforward.nets._own import needed_key, own_net
from pushforward.supports import REAL, Circle, Product, Support
from pushforward.supports._events import Passage, gathered, spread
from pushforward.supports._fit import overlap

Pointwise = Callable[[AbstractBijection, Array], tuple[Array, Array]]


class Coupling(AbstractBatched):
    r"""$y_{1:d} = x_{1:d}$ and $y_{d+1:D} = g(x_{d+1:D};\, \theta(x_{1:d}))$ with an elementwise $g$.

    Triangular, so the log-det is the sum of the elementwise ones; both directions cost one pass. Of an image, the first
    channels stay, or the pixels of one colour of a checkerboard, and the network is convolutional (`nets.ConvNet`). The
    first channels of a sequence stay, and the network is a WaveNet that sees both ways (`nets.WaveNet`).

    Args:
        inner: The map $g$ of one scalar, a template whose parameters the network predicts.
        dim: Size of the event, $D$, `(height, width, channels)` of an image, or `(time, channels)` of a sequence.
        net: A network of your own in place of ours: an Equinox module that takes the coordinates that stay, `(split,)`,
            with the condition behind them if there is one, and gives `count_raw(inner) * (dim - split)` numbers; see
            `nets.PerEvent` for images and `nets.AbstractConditioner` for many events at once. The options of our
            networks then do nothing and are refused, and the layer starts at what the network gives.
        split: $d$, how many coordinates or channels stay; default $\lfloor D/2 \rfloor$.
        checkerboard: Instead of `split`, for images: 0 if the pixels whose row + column is even stay, 1 for the odd.
        width: Units, or channels, of each hidden layer of the network.
        depth: Hidden layers of the network.
        residual: Whether the hidden layers of the network of an image are gated residual blocks.
        attention: Heads with which the pixels of an image look at each other (`nets.ConvAttentionNet`); 0 for none.
        cond_dim: Size of the condition, or None. With `attention`, also the shape of an image of the event's sides; for
            a sequence, also `(frames, channels)` along its time.
        activation: Of the network; that of a sequence has gates instead.
        circular: Whether the coordinates that stay are angles, of which the network sees cosine and sine.
        unit: What makes 1 for the network of a vector or an image: it sees coordinates that are not angles divided by
            this.
        precision: Of the network of an image, "full" or "bfloat16" (`nets.ConvNet`); log-dets are full in any case.
        key: For the initial weights, not needed with a `net`. The layer starts as `inner` itself, whatever the key.

    Raises:
        ValueError: If `inner` is not a scalar map, `split` leaves nothing to map, an option does not fit the event, or
            `net` gives other sizes, NaN, or cannot be called.

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
    net: AbstractConditioner
    dim: int | Shape = static()
    split: int = static()
    checkerboard: int | None = static(default=None)

    def __init__(
        self,
        inner: AbstractBijection,
        dim: int | Shape,
        *,
        net: AbstractConditioner | eqx.Module | None = None,
        split: int | None = None,
        checkerboard: int | None = None,
        width: int = 128,
        depth: int = 2,
        residual: bool = False,
        attention: int = 0,
        cond_dim: int | Shape | None = None,
        activation: Activation = "relu",
        circular: bool = False,
        unit: float = 1.0,
        precision: str = "full",
        key: PRNGKeyArray | None = None,
    ):
        check_template("Coupling", inner)
        self.dim = dim if isinstance(dim, int) else tuple(dim)
        self.inner, self.checkerboard = inner, checkerboard
        self.split = _checked_split(self.in_shape, split, checkerboard)
        whole, rank = self.in_shape[-1], len(self.in_shape)
        if ((residual or precision != "full") and rank != 3) or (circular and rank != 1):
            raise ValueError(
                "Coupling: `residual` and `precision` are for images and `circular` for vectors, got an event of shape "
                f"{self.in_shape}."
            )
        if rank == 2 and (unit != 1.0 or activation != "relu"):
            raise ValueError("Coupling: the network of a sequence has gates of its own: no `unit`, no `activation`.")
        seen = whole if checkerboard is not None else self.split
        moved = whole if checkerboard is not None else whole - self.split
        count = count_raw(inner)
        shapes = (*self.in_shape[:-1], seen), (count, *self.in_shape[:-1], moved)
        options: dict[str, Any] = {"width": width, "depth": depth, "activation": activation, "unit": unit}
        more = {"residual": residual, "attention": attention, "precision": precision, "circular": circular}
        if net is not None:
            self.net = own_net("Coupling", net, *shapes, cond_dim, options=options | more)
            return
        options |= {"cond_dim": cond_dim, "key": needed_key("Coupling", key)}
        if rank == 2:
            self.net = WaveNet(*shapes, width=width, depth=depth, cond_dim=cond_dim, key=options["key"])
            return
        in_image: dict[str, Any] = options | {"precision": precision}
        if attention:
            _check_attention(self.in_shape, residual, attention)
            self.net = ConvAttentionNet(*shapes, num_heads=attention, **in_image)
        elif isinstance(cond_dim, tuple):
            raise ValueError(f"Coupling: a condition that is an image needs `attention`, got cond_dim={cond_dim}.")
        elif rank == 3:
            self.net = ConvNet(*shapes, residual=residual, **in_image)
        else:
            self.net = MLP(seen, shapes[1], circular=circular, **options)

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

    @property
    def domain(self) -> Support:
        return self._placed(self._seen, self.inner.domain)

    @property
    def image(self) -> Support:
        return self._placed(self._seen, self.inner.image)

    @property
    def _seen(self) -> Support:
        """What the network can make something of."""
        if isinstance(self.net, MLP) and self.net.circular:
            return Circle()
        return self.inner.domain if self.inner.domain.is_discrete else REAL

    def _carry(self, support: Support, passage: Passage) -> Support:
        alike = not isinstance(support, Product) and (passage.strict or support == self._seen)
        if alike and self.inner._carry(support, passage) == support:
            return support
        parts, stays = spread(support, self.in_shape), self._places_that_stay()
        kinds = {part: self.inner._carry(part, passage) for part in dict.fromkeys(parts[~stays].flat)}
        pairs = zip(parts.flat, stays.flat, strict=True)
        return gathered([self._kept(part, passage) if stay else kinds[part] for part, stay in pairs])

    def _kept(self, support: Support, passage: Passage) -> Support:
        return support if passage.strict else overlap(self._seen, support)

    def _placed(self, kept: Support, moved: Support) -> Support:
        if kept == moved:
            return kept
        return gathered([kept if stay else moved for stay in self._places_that_stay().flat])

    def _places_that_stay(self) -> np.ndarray:
        """Which numbers of an event stay, in its shape."""
        if self.checkerboard is not None:
            return np.broadcast_to(np.asarray(_colour(self.in_shape, self.checkerboard))[..., None], self.in_shape)
        return np.broadcast_to(np.arange(self.in_shape[-1]) < self.split, self.in_shape)

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return self._mapped(forth_to, x, condition)

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
        return jnp.asarray(_colour(self.in_shape, self.checkerboard))[:, :, None, None]


def _colour(shape: Shape, checkerboard: int | None) -> np.ndarray:
    """Which pixels are of one colour of a checkerboard, `(height, width)`."""
    rows, columns = (np.arange(size) for size in shape[:2])
    return (rows[:, None] + columns) % 2 == checkerboard


def _check_attention(shape: Shape, residual: bool, attention: int) -> None:
    if len(shape) != 3 or residual or attention < 0:
        raise ValueError(
            "Coupling: `attention` is a number of heads, for images and without `residual`, since its blocks are gated "
            f"and residual too; got {attention}, an event of shape {shape} and residual={residual}."
        )


def _checked_split(shape: Shape, split: int | None, checkerboard: int | None) -> int:
    if len(shape) not in (1, 2, 3):
        raise ValueError(
            "Coupling: events are vectors, sequences (time, channels) or images (height, width, channels), got shape "
            f"{shape}."
        )
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
