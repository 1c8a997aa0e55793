"""Distributions with independent coordinates, a standard shape shifted and scaled."""

import abc
import math
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from pushforward._errors import as_shape, check_positive
from pushforward._params import positive, positive_raw, static
from pushforward._types import Shape
from pushforward.bijections import sum_event
from pushforward.distributions._base import AbstractDistribution
from pushforward.distributions._student import student_cdf, student_entropy, student_log_density, student_quantile
from pushforward.supports import REAL, Interval, PartOf, Support
from pushforward.supports._events import gathered, known


class Moments(NamedTuple):
    """Of a standard law; NaN where it has none."""

    mean: float
    variance: float
    entropy: float


class AbstractIndependent(AbstractDistribution):
    r"""$x_i = t_i + s_i \epsilon_i$ with independent $\epsilon_i$ of a standard law; $t$ and $s$ are trained.

    `standard(shape)` gives the law itself, with nothing to train: the usual base of a flow.

    Args:
        loc: $t$. Shape `(*event_shape,)`.
        scale: $s > 0$, broadcast against `loc`.

    Raises:
        ValueError: If a scale is not positive.
    """

    loc: Array | None
    scale_raw: Array | None
    event_shape: Shape = static()

    cond_shape: ClassVar[Shape | None] = None

    def __init__(self, loc: ArrayLike = 0.0, scale: ArrayLike = 1.0):
        dtype = jnp.result_type(float)
        loc, scale = jnp.broadcast_arrays(jnp.asarray(loc, dtype), jnp.asarray(scale, dtype))
        check_positive(type(self).__name__, "scale", scale)
        self.loc, self.scale_raw, self.event_shape = loc, positive_raw(scale), loc.shape

    @classmethod
    def standard(cls, shape: Shape = ()):
        """The standard law over events of `shape`, without parameters."""
        standard = object.__new__(cls)
        for name, value in {"loc": None, "scale_raw": None, "event_shape": as_shape(shape)}.items():
            object.__setattr__(standard, name, value)
        return standard

    @property
    def scale(self) -> Array:
        return jnp.ones(self.event_shape) if self.scale_raw is None else positive(self.scale_raw)[0]

    @abc.abstractmethod
    def _log_density(self, z: Array) -> Array:
        """Log-density of the standard law, elementwise."""

    @abc.abstractmethod
    def _draw(self, key: PRNGKeyArray, shape: Shape, dtype) -> Array:
        """Draws of the standard law."""

    def _log_prob_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> Array:
        if self.loc is None or self.scale_raw is None:
            return sum_event(self._log_density(x))
        scale, log_scale = positive(self.scale_raw[..., None])
        return sum_event(self._log_density((x - self.loc[..., None]) / scale) - log_scale)

    def _sample_many(self, key: PRNGKeyArray, n: int, condition: Array | None, temperature: ArrayLike | None) -> Array:
        dtype = jnp.result_type(float) if self.loc is None else self.loc.dtype
        noise = self._draw(key, (*self.event_shape, n), dtype)
        if temperature is not None:
            noise = self._centre + jnp.asarray(temperature) * (noise - self._centre)
        if self.loc is None or self.scale_raw is None:
            return noise
        return self.loc[..., None] + positive(self.scale_raw[..., None])[0] * noise

    _centre: ClassVar[float] = 0.0

    @property
    @abc.abstractmethod
    def _moments(self) -> Moments:
        """Of one coordinate of the standard law."""

    @abc.abstractmethod
    def _cdf(self, z: Array) -> Array:
        """Distribution function of the standard law, elementwise."""

    @abc.abstractmethod
    def _quantile(self, q: Array) -> Array:
        """Its inverse for levels from 0 to 1, elementwise."""

    def _mean(self, condition: Array | None) -> Array:
        loc, scale = self._stretch()
        return loc + scale * self._moments.mean

    def _variance(self, condition: Array | None) -> Array:
        return self._stretch()[1] ** 2 * self._moments.variance

    def _entropy(self, condition: Array | None) -> Array:
        return sum_event(jnp.log(self._stretch()[1]) + self._moments.entropy)

    def _cdf_many(self, x: Array, condition: Array | None) -> Array:
        loc, scale = self._stretch()
        return self._cdf((x - loc) / scale)

    def _quantile_many(self, q: Array, condition: Array | None) -> Array:
        loc, scale = self._stretch()
        return loc + scale * self._quantile(q)

    def _stretch(self) -> tuple[Array, Array]:
        """Location and scale, `(*event_shape, 1)`."""
        if self.loc is None or self.scale_raw is None:
            ones = jnp.ones((*self.event_shape, 1))
            return jnp.zeros_like(ones), ones
        return self.loc[..., None], positive(self.scale_raw[..., None])[0]


class Normal(AbstractIndependent):
    r"""Gaussian, $\log p(x) = -\tfrac12((x-t)/s)^2 - \log s - \tfrac12\log 2\pi$ summed over the event.

    Example:
        >>> round(Normal.standard((2,)).log_prob(jnp.zeros(2)).item(), 4)
        -1.8379
    """

    def _log_density(self, z: Array) -> Array:
        return -0.5 * z * z - HALF_LOG_2PI

    def _draw(self, key: PRNGKeyArray, shape: Shape, dtype) -> Array:
        return jax.random.normal(key, shape, dtype)

    @property
    def _moments(self) -> Moments:
        return Moments(0.0, 1.0, HALF_LOG_2PI + 0.5)

    def _cdf(self, z: Array) -> Array:
        return jax.scipy.special.ndtr(z)

    def _quantile(self, q: Array) -> Array:
        return jax.scipy.special.ndtri(q)


class Logistic(AbstractIndependent):
    r"""Logistic, $\log p(z) = -z - 2\log(1 + e^{-z})$ for the standard law: the base of NICE."""

    def _log_density(self, z: Array) -> Array:
        return jax.nn.log_sigmoid(z) + jax.nn.log_sigmoid(-z)  # at minus infinity too

    def _draw(self, key: PRNGKeyArray, shape: Shape, dtype) -> Array:
        return jax.random.logistic(key, shape, dtype)

    @property
    def _moments(self) -> Moments:
        return Moments(0.0, math.pi**2 / 3.0, 2.0)

    def _cdf(self, z: Array) -> Array:
        return jax.nn.sigmoid(z)

    def _quantile(self, q: Array) -> Array:
        return jnp.log(q) - jnp.log1p(-q)


class Laplace(AbstractIndependent):
    r"""Laplace, $\log p(z) = -|z| - \log 2$ for the standard law."""

    def _log_density(self, z: Array) -> Array:
        return -jnp.abs(z) - jnp.log(2.0)

    def _draw(self, key: PRNGKeyArray, shape: Shape, dtype) -> Array:
        return jax.random.laplace(key, shape, dtype)

    @property
    def _moments(self) -> Moments:
        return Moments(0.0, 2.0, 1.0 + math.log(2.0))

    def _cdf(self, z: Array) -> Array:
        half = 0.5 * jnp.exp(-jnp.abs(z))
        return jnp.where(z < 0, half, 1.0 - half)

    def _quantile(self, q: Array) -> Array:
        return jnp.where(q < 0.5, jnp.log(2.0 * q), -jnp.log(2.0 * (1.0 - q)))


class Uniform(AbstractIndependent):
    """Uniform on the box from `low` to `high`; `standard` is the unit box. Outside, the log-density is -inf.

    Args:
        low: Lower edges. Shape `(*event_shape,)`.
        high: Upper edges, above `low`.

    Raises:
        ValueError: If an upper edge is not above its lower edge.
    """

    _centre: ClassVar[float] = 0.5

    def __init__(self, low: ArrayLike = 0.0, high: ArrayLike = 1.0):
        low, high = (jnp.asarray(limit, jnp.result_type(float)) for limit in (low, high))
        check_positive("Uniform", "high - low", high - low)
        AbstractIndependent.__init__(self, low, high - low)

    @property
    def support(self) -> Support:
        if self.loc is None:
            return Interval(0.0, 1.0)
        size = math.prod(self.event_shape)
        low, width = known(self.loc, size), known(self.scale, size)
        if low is None or width is None:
            return PartOf(REAL)
        return gathered([Interval(float(a), float(a + w)) for a, w in zip(low, width, strict=True)])

    def _log_density(self, z: Array) -> Array:
        # The upper edge is kept as a width, and rounding must not put it outside.
        outside = (z < 0) | (z > 1.0 + 4.0 * jnp.finfo(z.dtype).eps)
        return jnp.where(outside, -jnp.inf, jnp.where(jnp.isnan(z), z, 0.0))

    def _draw(self, key: PRNGKeyArray, shape: Shape, dtype) -> Array:
        return jax.random.uniform(key, shape, dtype)

    @property
    def _moments(self) -> Moments:
        return Moments(0.5, 1.0 / 12.0, 0.0)

    def _cdf(self, z: Array) -> Array:
        return jnp.clip(z, 0.0, 1.0)

    def _quantile(self, q: Array) -> Array:
        return q


class StudentT(AbstractIndependent):
    r"""Student's t with `df` degrees of freedom in each coordinate: heavy tails.

    Args:
        df: Degrees of freedom, positive, finite and fixed.
        loc: Shape `(*event_shape,)`.
        scale: Positive, broadcast against `loc`.

    Raises:
        ValueError: If `df` or a scale is not positive.
    """

    df: float = static(default=5.0)

    def __init__(self, df: float, loc: ArrayLike = 0.0, scale: ArrayLike = 1.0):
        if not 0 < df < math.inf:
            raise ValueError(f"StudentT: `df` must be positive and finite, got {df}. `Normal` is the limit.")
        AbstractIndependent.__init__(self, loc, scale)
        self.df = float(df)

    def _log_density(self, z: Array) -> Array:
        return student_log_density(z, self.df)

    def _draw(self, key: PRNGKeyArray, shape: Shape, dtype) -> Array:
        return jax.random.t(key, self.df, shape, dtype)

    @property
    def _moments(self) -> Moments:
        df = self.df
        spread = df / (df - 2.0) if df > 2.0 else math.inf if df > 1.0 else math.nan
        return Moments(0.0 if df > 1.0 else math.nan, spread, student_entropy(df))

    def _cdf(self, z: Array) -> Array:
        return student_cdf(z, self.df)

    def _quantile(self, q: Array) -> Array:
        return student_quantile(q, self.df)


HALF_LOG_2PI = 0.9189385332046727
