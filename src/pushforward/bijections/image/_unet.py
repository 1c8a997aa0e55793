"""Parts of invertible U-Nets: learned orthogonal sampling, and channels that are set aside."""

import math
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from pushforward._params import static
from pushforward._types import Kind, Shape, of_parts
from pushforward.bijections._base import AbstractBatched, AbstractBijection
from pushforward.bijections.image._image import Squeeze
from pushforward.supports import REAL, Support
from pushforward.supports._events import Passage, divided, joined


class OrthogonalSqueeze(AbstractBatched):
    r"""A squeeze that turns what it squeezes: `forward` is $(h, w, c) \to (h/k, w/k, k^2 c)$, log-det 0.

    Each block of $k \times k$ pixels of channel $c$, a vector $b$, becomes $Q_c b$ with an orthogonal matrix that is
    learned, $Q_c = (I + S_c)^{-1}(I - S_c) H$ with $S_c = A_c - A_c^\top$. It starts as $H$, the cosine transform of a
    block, which for $k = 2$ is the Haar wavelet: new channel $k^2 c$ is $k$ times the mean of the block. The inverse
    transposes. `Inverse(OrthogonalSqueeze(shape))` is the learned up-sampling.

    Args:
        shape: `(height, width, channels)` of the larger image.
        factor: $k$, a divisor of height and width.

    Raises:
        ValueError: If the shape is not that of an image, or `factor` does not divide its sides.

    Example:
        >>> y = OrthogonalSqueeze((2, 2, 1)).forward(jnp.arange(4.0).reshape(2, 2, 1))
        >>> [round(v, 3) for v in y.ravel().tolist()]
        [3.0, -1.0, -2.0, 0.0]

    Reference:
        Etmann, Ke & Schoenlieb (2020), iUNets: Learnable invertible up- and downsampling for large-scale inverse
        problems, section 3.

    Note:
        Cayley's map of the paper reaches rotations alone, all but those with an eigenvalue of -1.
    """

    raw: Float[Array, "channels block block"]
    shape: Shape = static()
    factor: int = static()

    cond_shape: ClassVar[Shape | None] = None
    forward_kind: ClassVar[Kind] = "analytic"
    inverse_kind: ClassVar[Kind] = "analytic"

    def __init__(self, shape: Shape, factor: int = 2):
        self.shape, self.factor = Squeeze(tuple(shape), factor).shape, factor
        self.raw = jnp.zeros((self.shape[-1], factor**2, factor**2))

    @property
    def in_shape(self) -> Shape:
        return self.shape

    @property
    def out_shape(self) -> Shape:
        return self._squeeze.out_shape

    @property
    def matrices(self) -> Float[Array, "channels block block"]:
        """$Q_c$ of every channel."""
        return _cayley(self.raw - jnp.swapaxes(self.raw, 1, 2)) @ _cosines(self.factor).astype(self.raw.dtype)

    @property
    def _squeeze(self) -> Squeeze:
        return Squeeze(self.shape, self.factor)

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        squeezed, log_det = self._squeeze._forward_many(x, None, None)
        return self._turned("cij,hwcjn->hwcin", squeezed), log_det

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return self._squeeze._inverse_many(self._turned("cji,hwcjn->hwcin", x), None, None)

    def _turned(self, product: str, x: Array) -> Array:
        height, width, channels, n = x.shape
        blocks = x.reshape(height, width, self.shape[-1], -1, n)
        return jnp.einsum(product, self.matrices, blocks).reshape(height, width, channels, n)


class SetAside(AbstractBatched):
    r"""A map of an image's last channels, $y = (x_{1:k}, f(x_{k+1:c}))$; the log-det is that of $f$.

    Around the lower levels of an invertible U-Net this is the shortcut from the way down to the way up.

    Args:
        bijection: $f$, of images; it keeps height and width.
        channels: $k$, how many wait.

    Raises:
        ValueError: If `bijection` does not keep the sides of an image, or `channels` is negative.

    Example:
        >>> SetAside(Shift(jnp.ones((1, 1, 1))), 2).forward(jnp.zeros((1, 1, 3))).tolist()
        [[[0.0, 0.0, 1.0]]]
    """

    bijection: AbstractBijection
    channels: int = static()

    def __check_init__(self):
        given, taken = self.bijection.out_shape, self.bijection.in_shape
        if len(taken) != 3 or given[:-1] != taken[:-1] or self.channels < 0:
            raise ValueError(
                "SetAside: needs a map of images (height, width, channels) that keeps height and width, and at least 0 "
                f"channels beside it; got {taken} -> {given} and {self.channels}."
            )

    @property
    def in_shape(self) -> Shape:
        return self._beside(self.bijection.in_shape)

    @property
    def out_shape(self) -> Shape:
        return self._beside(self.bijection.out_shape)

    @property
    def cond_shape(self) -> Shape | None:
        return self.bijection.cond_shape

    @property
    def forward_kind(self) -> Kind:
        return self.bijection.forward_kind

    @property
    def inverse_kind(self) -> Kind:
        return self.bijection.inverse_kind

    @property
    def exact(self) -> bool:
        return self.bijection.exact

    @property
    def domain(self) -> Support:
        return self._around(self.bijection.domain, self.bijection.in_shape)

    @property
    def image(self) -> Support:
        return self._around(self.bijection.image, self.bijection.out_shape)

    def _carry(self, support: Support, passage: Passage) -> Support:
        taken, given = self.bijection.in_shape, self.bijection.out_shape
        before, after = (taken, given) if passage.forward else (given, taken)
        aside, rest = divided(support, [self._aside, before], axis=2)
        return joined([aside, self.bijection._carry(rest, passage)], [self._aside, after], axis=2)

    @property
    def _aside(self) -> Shape:
        return (*self.bijection.in_shape[:-1], self.channels)

    def _around(self, support: Support, shape: Shape) -> Support:
        return joined([REAL, support], [self._aside, shape], axis=2)

    def _beside(self, shape: Shape) -> Shape:
        return (*shape[:-1], shape[-1] + self.channels)

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        y, log_det = self.bijection._forward_many(x[:, :, self.channels :], condition, key)
        return self._joined(x, y), log_det

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        y, log_det = self.bijection._inverse_many(x[:, :, self.channels :], condition, key)
        return self._joined(x, y), log_det

    def _joined(self, x: Array, y: Array) -> Array:
        return jnp.concatenate([x[:, :, : self.channels], y], axis=2)

    @of_parts
    def _data_init(self, x: Array, condition: Array | None) -> "tuple[SetAside, Array]":
        begun, y = self.bijection._data_init(x[:, :, self.channels :], condition)
        return SetAside(begun, self.channels), self._joined(x, y)


def _cosines(factor: int) -> np.ndarray:
    """The orthogonal cosine transform of blocks, `(factor**2, factor**2)`; the first row takes the mean."""
    place = np.arange(factor)
    rows = np.cos(np.pi * np.outer(place, place + 0.5) / factor) * math.sqrt(2 / factor)
    rows[0] = math.sqrt(1 / factor)
    return np.kron(rows, rows)


def _cayley(skew: Float[Array, "channels block block"]) -> Float[Array, "channels block block"]:
    """$(I + S)^{-1}(I - S)$, orthogonal: by elimination, which needs no pivots as $I + S$ is positive definite."""
    identity = jnp.broadcast_to(jnp.eye(skew.shape[-1], dtype=skew.dtype), skew.shape)
    rows = jnp.concatenate([identity + skew, identity - skew], axis=-1)
    for i in range(skew.shape[-1]):
        pivot = rows[:, i] / rows[:, i, i, None]
        rows = (rows - rows[:, :, i, None] * pivot[:, None]).at[:, i].set(pivot)
    return rows[:, :, skew.shape[-1] :]
