"""Distributions on circles, with angles in [-pi, pi)."""

import math
from typing import ClassVar

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.special import i0e, i1e
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from pushforward._errors import check_positive
from pushforward._params import positive, positive_raw, static
from pushforward._types import Shape
from pushforward.bijections import sum_event
from pushforward.bijections.manifold._circular import wrap
from pushforward.distributions._base import AbstractDistribution
from pushforward.supports import Circle, Support


class CircularUniform(AbstractDistribution):
    r"""Uniform on a torus: $p(x) = (2\pi)^{-d}$ for $d$ angles, which may be given in any turn.

    A temperature leaves it as it is: no part of it is likelier.

    Args:
        event_shape: Shape of an event.

    Example:
        >>> round(CircularUniform(()).log_prob(0.3).item(), 4)
        -1.8379
    """

    event_shape: Shape = static(default=())

    cond_shape: ClassVar[Shape | None] = None

    @property
    def support(self) -> Support:
        return Circle()

    def _log_prob_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> Array:
        return sum_event(jnp.where(jnp.isnan(x), x, -LOG_TURN))

    def _sample_many(self, key: PRNGKeyArray, n: int, condition: Array | None, temperature: ArrayLike | None) -> Array:
        return jax.random.uniform(key, (*self.event_shape, n), minval=-math.pi, maxval=math.pi)

    def _entropy(self, condition: Array | None) -> Array:
        return jnp.full(1, math.prod(self.event_shape) * LOG_TURN)

    def _cdf_many(self, x: Array, condition: Array | None) -> Array:
        # Both ends are one angle: that of pi is 1, which wrapping would make 0.
        angle = jnp.where(jnp.abs(x) <= math.pi, x, wrap(x))
        return jnp.clip(angle / (2.0 * math.pi) + 0.5, 0.0, 1.0)

    def _quantile_many(self, q: Array, condition: Array | None) -> Array:
        return 2.0 * math.pi * (q - 0.5)


class VonMises(AbstractDistribution):
    r"""Von Mises, $p(x) = e^{\kappa\cos(x - \mu)} / (2\pi I_0(\kappa))$ in each coordinate: the normal law of a circle.

    Args:
        loc: $\mu$, in radians. Shape `(*event_shape,)`.
        concentration: $\kappa > 0$, about 1 / variance in square radians; broadcast against `loc`.

    Raises:
        ValueError: If a concentration is not positive.

    Example:
        >>> round(VonMises(0.0, 2.0).log_prob(0.0).item(), 4)
        -0.6619
    """

    loc: Array
    concentration_raw: Array
    event_shape: Shape = static()

    cond_shape: ClassVar[Shape | None] = None

    @property
    def support(self) -> Support:
        return Circle()

    def __init__(self, loc: ArrayLike = 0.0, concentration: ArrayLike = 1.0):
        dtype = jnp.result_type(float)
        loc, concentration = jnp.broadcast_arrays(jnp.asarray(loc, dtype), jnp.asarray(concentration, dtype))
        check_positive("VonMises", "concentration", concentration)
        self.loc, self.concentration_raw, self.event_shape = loc, positive_raw(concentration), loc.shape

    @property
    def concentration(self) -> Array:
        return positive(self.concentration_raw)[0]

    def _log_prob_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> Array:
        concentration = self.concentration[..., None]
        # The scaled Bessel function e^-k I0(k) neither overflows nor, with cos - 1 = -2 sin^2(x/2), loses digits.
        below_mode = 2.0 * jnp.sin(0.5 * (x - self.loc[..., None])) ** 2
        return sum_event(-concentration * below_mode - jnp.log(i0e(concentration)) - LOG_TURN)

    def _sample_many(self, key: PRNGKeyArray, n: int, condition: Array | None, temperature: ArrayLike | None) -> Array:
        concentration = self.concentration if temperature is None else self.concentration / temperature
        shape = (*self.event_shape, n)
        draw = _draw(key, jnp.broadcast_to(concentration[..., None], shape))
        return wrap(self.loc[..., None] + draw)

    def _mean(self, condition: Array | None) -> Array:
        return wrap(self.loc[..., None])

    def _entropy(self, condition: Array | None) -> Array:
        concentration = self.concentration[..., None]
        # log I0 - kappa I1 / I0, each without its kappa
        return sum_event(LOG_TURN + jnp.log(i0e(concentration)) + _below_one(concentration))


def _below_one(concentration: Array) -> Array:
    r"""$\kappa(1 - I_1(\kappa)/I_0(\kappa))$; of large ones, where that cancels, by its series."""
    inverse = 1.0 / jnp.maximum(concentration, 1.0)
    series = 1 / 2 + inverse * (1 / 8 + inverse * (1 / 8 + inverse * (25 / 128 + inverse * 13 / 32)))
    exact = concentration * (1.0 - i1e(concentration) / i0e(concentration))
    return jnp.where(concentration > (50.0 if concentration.dtype == jnp.float32 else 1e3), series, exact)


LOG_TURN = math.log(2.0 * math.pi)
LEAST_WIDTH = 1e-3
MOST_TRIALS = 200
"""A trial fails with probability 0.37 at most, so this many never do."""


def _draw(key: PRNGKeyArray, concentration: Array) -> Array:
    r"""Von Mises noise around 0, by rejection from a normal of variance $\pi^2/(4\kappa)$ cut off at $\pm\pi$.

    That normal's density is above: $\cos x - 1 \le -2x^2/\pi^2$ on the circle.
    """
    width = jnp.maximum(jnp.sqrt(2.0 * concentration), LEAST_WIDTH)
    edge = lax.erf(width)

    def trial(carry):
        angle, missing, step = carry
        place_key, accept_key = jax.random.split(jax.random.fold_in(key, step))
        place = jax.random.uniform(place_key, angle.shape, angle.dtype, minval=-1.0)
        limit = 1.0 - jnp.finfo(angle.dtype).eps
        proposal = math.pi / width * lax.erf_inv(jnp.clip(place * edge, -limit, limit))
        excess = 2.0 * jnp.sin(0.5 * proposal) ** 2 - 2.0 * (proposal / math.pi) ** 2
        accepted = jnp.log(jax.random.uniform(accept_key, angle.shape, angle.dtype)) < -concentration * excess
        return jnp.where(missing & accepted, proposal, angle), missing & ~accepted, step + 1

    start = jnp.zeros_like(concentration), jnp.ones_like(concentration, dtype=bool), jnp.asarray(0)
    return lax.while_loop(lambda carry: jnp.any(carry[1]) & (carry[2] < MOST_TRIALS), trial, start)[0]
