"""Elementwise shift and scale."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike

from pushforward._errors import check_positive, violated
from pushforward._params import buffer, positive, positive_raw, shared, static
from pushforward._types import Shape
from pushforward.bijections.elementwise._elementwise import AbstractAnalyticElementwise
from pushforward.supports import REAL, PartOf, Support
from pushforward.supports._events import Passage, known
from pushforward.supports._stretch import Stretch


class AbstractStretch(AbstractAnalyticElementwise):
    """A shift and a positive scale: the line stays the line, and what becomes of a half line depends on them."""

    @property
    def _stretch(self) -> Stretch:
        return Stretch(None, None, is_trained=True)

    def _carry(self, support: Support, passage: Passage) -> Support:
        stretch = self._stretch if passage.forward else self._stretch.back
        found = stretch.of(self, support, self.shape)
        return REAL if isinstance(found, PartOf) and stretch.is_trained and not passage.strict else found


class Affine(AbstractStretch):
    r"""$y = s \odot x + t$; $\log|dy/dx| = \log s$.

    The scale is stored as a raw number without a constraint, see `pushforward._params.positive`.

    Args:
        loc: $t$, any real. Shape `(*shape,)`.
        scale: $s > 0$, broadcast against `loc`.

    Raises:
        ValueError: If a scale is not positive.

    Example:
        >>> Affine(loc=1.0, scale=2.0).forward(jnp.array(3.0)).item()
        7.0
    """

    loc: Array
    scale_raw: Array
    shape: Shape = static()

    def __init__(self, loc: ArrayLike = 0.0, scale: ArrayLike = 1.0):
        self.loc, scale = _located("Affine", loc, scale)
        self.scale_raw = positive_raw(scale)
        self.shape = scale.shape

    @property
    def scale(self) -> Array:
        return positive(self.scale_raw)[0]

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        scale, log_scale = positive(self.scale_raw)
        return x * scale + self.loc, jnp.broadcast_to(log_scale, x.shape)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        scale, log_scale = positive(self.scale_raw)
        return (x - self.loc) / scale, jnp.broadcast_to(-log_scale, x.shape)


class Shift(AbstractStretch):
    """$y = x + t$; the log-det is 0. As the inner map of a coupling this is NICE.

    Args:
        loc: $t$. Shape `(*shape,)`.
    """

    loc: Array
    shape: Shape = static()

    def __init__(self, loc: ArrayLike = 0.0):
        self.loc = jnp.asarray(loc, dtype=jnp.result_type(float))
        self.shape = self.loc.shape

    @property
    def _stretch(self) -> Stretch:
        return Stretch(None, np.ones(1), is_trained=True)

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        return x + self.loc, jnp.zeros_like(x)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        return x - self.loc, jnp.zeros_like(x)


class Scale(AbstractStretch):
    r"""$y = s \odot x$; $\log|dy/dx| = \log s$.

    Args:
        scale: $s > 0$. Shape `(*shape,)`.

    Raises:
        ValueError: If a scale is not positive.
    """

    scale_raw: Array
    shape: Shape = static()

    def __init__(self, scale: ArrayLike = 1.0):
        _, scale = _located("Scale", jnp.zeros(()), scale)
        self.scale_raw = positive_raw(scale)
        self.shape = scale.shape

    @property
    def _stretch(self) -> Stretch:
        return Stretch(np.zeros(1), None, is_trained=True)

    @property
    def scale(self) -> Array:
        return positive(self.scale_raw)[0]

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        scale, log_scale = positive(self.scale_raw)
        return x * scale, jnp.broadcast_to(log_scale, x.shape)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        scale, log_scale = positive(self.scale_raw)
        return x / scale, jnp.broadcast_to(-log_scale, x.shape)


class Standardize(AbstractStretch):
    r"""$y = s \odot x + t$ with fixed $t$ and $s$: standardisation inside the flow, so densities keep their units.

    `inverse` takes data to zero mean and unit spread when `loc` and `scale` are the data's mean and spread.

    Args:
        loc: $t$. Shape `(*shape,)`.
        scale: $s > 0$, broadcast against `loc`.

    Raises:
        ValueError: If a scale is not positive.
    """

    loc: Array = buffer()
    scale: Array = buffer()
    shape: Shape = static()

    def __init__(self, loc: ArrayLike, scale: ArrayLike):
        self.loc, self.scale = _located("Standardize", loc, scale)
        self.shape = self.scale.shape

    @property
    def _stretch(self) -> Stretch:
        size = math.prod(self.shape)
        return Stretch(known(self.loc, size), known(self.scale, size), is_trained=False)

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        loc, scale = jax.lax.stop_gradient((self.loc, self.scale))
        return x * scale + loc, jnp.broadcast_to(jnp.log(scale), x.shape)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        loc, scale = jax.lax.stop_gradient((self.loc, self.scale))
        return (x - loc) / scale, jnp.broadcast_to(-jnp.log(scale), x.shape)


class GatedAffine(AbstractStretch):
    r"""IAF's gate, $y = \sigma(g) \odot x + (1 - \sigma(g)) \odot m$; $\log|dy/dx| = \log\sigma(g)$.

    Args:
        loc: $m$. Shape `(*shape,)`.
        gate: $g$ from -18 on; at the default 1.5 the map starts near the identity.

    Raises:
        ValueError: If a gate is below -18.

    Reference:
        Kingma et al. (2016), Improved variational inference with inverse autoregressive flow, eq. 13-14.
    """

    loc: Array
    gate: Array
    shape: Shape = static()

    def __init__(self, loc: ArrayLike = 0.0, gate: ArrayLike = 1.5):
        self.loc, self.gate = jnp.broadcast_arrays(
            jnp.asarray(loc, dtype=jnp.result_type(float)), jnp.asarray(gate, dtype=jnp.result_type(float))
        )
        if violated(self.gate >= GATE_MIN):
            raise ValueError(f"GatedAffine: `gate` must be at least {GATE_MIN:g}, got {self.gate}.")
        self.shape = self.loc.shape

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        growth = 1.0 + self._lost()
        share = 1.0 / growth
        return share * x + (1.0 - share) * self.loc, jnp.broadcast_to(-jnp.log(growth), x.shape)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        lost = self._lost()
        return x + lost * (x - self.loc), jnp.broadcast_to(jnp.log(1.0 + lost), x.shape)

    def _lost(self) -> Array:
        r"""$e^{-g}$: $1/\sigma(g) = 1 + e^{-g}$, and $x = y + e^{-g}(y - m)$."""
        return jnp.exp(-jnp.maximum(self.gate, GATE_MIN))


GATE_MIN = -18.0
"""A contraction by 7e7 is beyond any use; without a limit, several layers overflow float32 on the way back."""


class SigmoidAffine(AbstractStretch):
    r"""Glow's scale, $y = x / \sigma(r + 2) + t$; $\log|dy/dx| = -\log\sigma(r + 2)$.

    `inverse`, towards the base, never makes a number larger: where an unusual image makes a network predict large
    values, a stack of layers then grows no faster than its shifts.

    Args:
        loc: $t$. Shape `(*shape,)`.
        raw: $r$ from -20 on; at 0 the scale is 1.135.

    Raises:
        ValueError: If a raw number is below -20.

    Reference:
        Kingma & Dhariwal (2018), Glow: Generative flow with invertible 1x1 convolutions, the released code.
    """

    loc: Array
    raw: Array
    shape: Shape = static()

    def __init__(self, loc: ArrayLike = 0.0, raw: ArrayLike = 0.0):
        dtype = jnp.result_type(float)
        self.loc, self.raw = jnp.broadcast_arrays(jnp.asarray(loc, dtype), jnp.asarray(raw, dtype))
        if violated(self.raw + 2.0 >= GATE_MIN):
            raise ValueError(f"SigmoidAffine: `raw` must be at least {GATE_MIN - 2.0:g}, got {self.raw}.")
        self.shape = self.loc.shape

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        scale = self._scale()
        return x * scale + self.loc, jnp.broadcast_to(jnp.log(scale), x.shape)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        scale = self._scale()
        return (x - self.loc) / scale, jnp.broadcast_to(-jnp.log(scale), x.shape)

    def _scale(self) -> Array:
        return 1.0 + jnp.exp(-jnp.maximum(self.raw + 2.0, GATE_MIN))


class TanhAffine(AbstractStretch):
    r"""RealNVP's scale, $y = e^{g \tanh r} \odot x + t$; $\log|dy/dx| = g \tanh r$. No network predicts the limit $g$.

    Args:
        loc: $t$. Shape `(*shape,)`.
        raw: $r$; at 0 the scale is 1.
        limit: $g$, at the start and whenever it is trained between -10 and 10, a scale of 2e4.

    Raises:
        ValueError: If a limit is not between -10 and 10.

    Reference:
        Dinh, Sohl-Dickstein & Bengio (2017), Density estimation using Real NVP, section 4.1.
    """

    loc: Array
    raw: Array
    limit: Array = shared()
    shape: Shape = static()

    def __init__(self, loc: ArrayLike = 0.0, raw: ArrayLike = 0.0, limit: ArrayLike = 1.0):
        arrays = (jnp.asarray(value, dtype=jnp.result_type(float)) for value in (loc, raw, limit))
        self.loc, self.raw, self.limit = jnp.broadcast_arrays(*arrays)
        if violated(jnp.abs(self.limit) <= TANH_LIMIT):
            raise ValueError(f"TanhAffine: `limit` must be between -10 and 10, got {self.limit}.")
        self.shape = self.loc.shape

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        log_scale = self._log_scale()
        return x * jnp.exp(log_scale) + self.loc, jnp.broadcast_to(log_scale, x.shape)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        log_scale = self._log_scale()
        return (x - self.loc) * jnp.exp(-log_scale), jnp.broadcast_to(-log_scale, x.shape)

    def _log_scale(self) -> Array:
        return jnp.clip(self.limit, -TANH_LIMIT, TANH_LIMIT) * jnp.tanh(self.raw)


TANH_LIMIT = 10.0


def _located(name: str, loc: ArrayLike, scale: ArrayLike) -> tuple[Array, Array]:
    dtype = jnp.result_type(float)
    loc, scale = jnp.asarray(loc, dtype=dtype), jnp.asarray(scale, dtype=dtype)
    shape = jnp.broadcast_shapes(loc.shape, scale.shape)
    loc, scale = (one if one.shape == shape else jnp.broadcast_to(one, shape) for one in (loc, scale))
    check_positive(name, "scale", scale, hint=" Flip a sign with a linear map.")
    return loc, scale
