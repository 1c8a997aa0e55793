"""Increasing polynomials between two bounds, continued by lines of the same slope."""

import math
from typing import ClassVar

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

from pushforward._params import positive, static
from pushforward._types import Kind, Shape
from pushforward.bijections._numerical import AbstractMonotone

MIN_SLOPE = 1e-3
"""Least slope of a sum of squares: a common root of its polynomials would have slope 0."""


class SumOfSquares(AbstractMonotone):
    r"""$y = c + \int_0^x \big(\sum_k p_k(t)^2 + \epsilon\big)\,dt$ with polynomials $p_k$ of degree $r$.

    The integral is taken coefficient by coefficient, so the map is exact; $\log|dy/dx|$ is the log of the integrand.
    Outside `[-bound, bound]` the map is a line of the slope at the bound. Starts near the identity.

    Args:
        num_squares: How many polynomials; two reach every nonnegative polynomial.
        degree: $r$.
        bound: Where the lines begin; standardise the data so that most of it lies inside.
        shape: The event's shape.

    Raises:
        ValueError: If a count is below 1 or `bound` is not positive.

    Reference:
        Jaini, Selby & Yu (2019), Sum-of-squares polynomial flow.

    Note:
        Lines continue the polynomial, which would overflow a few layers deep. Coefficients grow like the root
        of the raw numbers, so that the slope grows linearly in them (design record 0002).
    """

    coefficients_raw: Array
    loc: Array
    bound: float = static()
    shape: Shape = static()

    forward_kind: ClassVar[Kind] = "analytic"

    def __init__(self, num_squares: int = 3, degree: int = 4, *, bound: float = 5.0, shape: Shape = ()):
        if num_squares < 1 or degree < 1:
            raise ValueError(
                f"SumOfSquares: `num_squares` and `degree` must be at least 1, got {num_squares} and {degree}."
            )
        _check_bound("SumOfSquares", bound)
        share = (1.0 - MIN_SLOPE) / num_squares  # the square of each constant: the slope is 1
        constant = math.sqrt(0.5 * (share**2 + math.sqrt(share**4 + 4.0 * share**2)))
        start = jnp.zeros((num_squares, degree + 1, *shape)).at[:, 0].set(constant)
        # Polynomials that start alike would stay alike.
        tilt = jnp.linspace(-TILT, TILT, num_squares) if num_squares > 1 else jnp.zeros(1)
        self.coefficients_raw = start.at[:, 1].set(tilt.reshape(-1, *(1,) * len(shape)))
        self.loc = jnp.zeros(shape)
        self.bound, self.shape = float(bound), tuple(shape)

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        inner = lax.clamp(-self.bound, x, self.bound)
        t, coefficients = inner / self.bound, _root(self.coefficients_raw)
        powers = [jnp.ones_like(t)]
        for _ in range(coefficients.shape[1] - 1):
            powers.append(powers[-1] * t)
        terms = coefficients * jnp.stack(powers)  # of p_k(t): (k, r + 1, *event)
        # The integral of t^i t^j is t^(i + j + 1) / (i + j + 1).
        sizes = jnp.arange(coefficients.shape[1], dtype=x.dtype)
        integral = jnp.tensordot(terms, 1.0 / (sizes[:, None] + sizes + 1.0), (1, 0), precision=lax.Precision.HIGHEST)
        value = t * (jnp.sum(jnp.moveaxis(integral, -1, 1) * terms, axis=(0, 1)) + MIN_SLOPE)
        slope = jnp.sum(jnp.sum(terms, axis=1) ** 2, axis=0) + MIN_SLOPE
        return self.loc + self.bound * value + slope * (x - inner), jnp.log(slope)


TILT = 0.3
RAW_MAX = 1e4
"""Coefficients stay within ±100: squared and multiplied over layers, larger ones overflow float32 in gradients."""


class Bernstein(AbstractMonotone):
    r"""$y = c + \sum_k \theta_k \binom{n}{k} t^k (1-t)^{n-k}$ with increasing $\theta_k$ and $t$ from 0 to 1.

    $t$ is the place in `[-bound, bound]`, and
    $dy/dt = n \sum_k (\theta_{k+1} - \theta_k) \binom{n-1}{k} t^k (1-t)^{n-1-k}$, a sum of positive terms. Outside
    `[-bound, bound]` the map is a line of the slope at the bound. Starts as the identity.

    Args:
        degree: $n$.
        bound: Where the lines begin; standardise the data so that most of it lies inside.
        shape: The event's shape.

    Raises:
        ValueError: If `degree` is below 1 or `bound` is not positive.

    Example:
        >>> round(Bernstein(8).forward(jnp.array(1.5)).item(), 5)
        1.5

    Reference:
        Ramasinghe, Fernando, Khan & Barnes (2022), Robust normalizing flows using Bernstein-type polynomials.

    Note:
        Onto the whole line by its linear ends, where the paper maps an interval onto an interval.
    """

    steps_raw: Array
    loc: Array
    bound: float = static()
    shape: Shape = static()

    forward_kind: ClassVar[Kind] = "analytic"

    def __init__(self, degree: int = 16, *, bound: float = 5.0, shape: Shape = ()):
        if degree < 1:
            raise ValueError(f"Bernstein: `degree` must be at least 1, got {degree}.")
        _check_bound("Bernstein", bound)
        self.steps_raw, self.loc = jnp.zeros((degree, *shape)), jnp.zeros(shape)
        self.bound, self.shape = float(bound), tuple(shape)

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        degree, inner = self.steps_raw.shape[0], lax.clamp(-self.bound, x, self.bound)
        t = 0.5 * (inner / self.bound + 1.0)
        basis = _bernstein(degree - 1, t)
        slopes = positive(self.steps_raw)[0]  # of the polygon of the coefficients
        # Coefficients at the left and right of each step, taken from the middle so that no end is nailed down.
        place = jnp.arange(degree)
        before = jnp.asarray(place[:, None] > place, x.dtype) - 0.5
        left = jnp.tensordot(before, slopes, 1, precision=lax.Precision.HIGHEST)
        value = jnp.sum(basis * (left + t * slopes), axis=0)  # by de Casteljau's last step
        slope = jnp.sum(basis * slopes, axis=0)
        return self.loc + (2.0 * self.bound / degree) * value + slope * (x - inner), jnp.log(slope)


def _check_bound(name: str, bound: float) -> None:
    if not 0 < bound < math.inf:
        raise ValueError(f"{name}: `bound` must be positive and finite, got {bound}.")


def _root(raw: Array) -> Array:
    """`raw / (1 + raw^2)^(1/4)`: linear near 0, with a square that grows linearly far out."""
    raw = lax.clamp(-RAW_MAX, raw, RAW_MAX)
    return raw * lax.rsqrt(jnp.sqrt(1.0 + raw * raw))


def _bernstein(degree: int, t: Array) -> Array:
    """The Bernstein polynomials of a degree at `t` in [0, 1], along a new first axis."""
    up = jnp.arange(degree + 1, dtype=t.dtype).reshape(-1, *(1,) * t.ndim)
    log_binomials = jnp.asarray([math.log(math.comb(degree, k)) for k in range(degree + 1)], t.dtype)
    log_t, log_rest = (jnp.log(jnp.maximum(v, jnp.finfo(t.dtype).tiny)) for v in (t, 1.0 - t))
    return jnp.exp(log_binomials.reshape(up.shape) + up * log_t + (degree - up) * log_rest)
