"""Monotone splines on an interval, with the identity outside it.

Knots are cumulative softmaxes, so every bin has a positive width and height whatever the raw numbers are.
"""

import math
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from pushforward._params import static
from pushforward._types import Kind, Shape
from pushforward.bijections._base import AbstractElementwise
from pushforward.bijections.elementwise._bins import MIN_BIN, bounded, exclusive_sum, find_bin, fractions, pick, total
from pushforward.bijections.elementwise._piece import Piece, unit

SLOPE_OFFSET = math.log(math.expm1(1.0 - MIN_BIN))
"""A raw slope of 0 means slope 1: softplus(SLOPE_OFFSET) + MIN_BIN = 1."""


class AbstractSpline(AbstractElementwise):
    """A spline with `num_bins` bins between `-bound` and `bound`; starts as the identity."""

    forward_kind: ClassVar[Kind] = "analytic"
    inverse_kind: ClassVar[Kind] = "analytic"


class RationalQuadraticSpline(AbstractSpline):
    r"""Rational-quadratic spline with linear tails of slope 1.

    Within bin $k$, with $\xi = (x - x_k)/w_k$ and $s_k = h_k/w_k$,
    $y = y_k + h_k\,\frac{s_k\xi^2 + d_k\xi(1-\xi)}{s_k + (d_{k+1} + d_k - 2s_k)\xi(1-\xi)}$.

    Args:
        num_bins: $K$.
        bound: The spline acts on `[-bound, bound]`; standardise the data so that most of it lies inside.
        shape: The event's shape.

    Raises:
        ValueError: If `num_bins` is below 2 or `bound` is not positive.

    Example:
        >>> RationalQuadraticSpline(8).forward(jnp.array(0.3)).item() - 0.3 < 1e-6
        True

    Reference:
        Durkan, Bekasov, Murray & Papamakarios (2019), Neural spline flows, eq. 4-8.
    """

    widths_raw: Array
    heights_raw: Array
    slopes_raw: Array
    bound: float = static()
    shape: Shape = static()

    def __init__(self, num_bins: int = 8, *, bound: float = 5.0, shape: Shape = ()):
        check_spline("RationalQuadraticSpline", num_bins, bound)
        self.widths_raw = jnp.zeros((num_bins, *shape))
        self.heights_raw = jnp.zeros((num_bins, *shape))
        self.slopes_raw = jnp.zeros((num_bins - 1, *shape))
        self.bound, self.shape = float(bound), tuple(shape)

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        inside, t = _to_unit(x, self.bound)
        y, log_slope = self._piece(t, along_heights=False).at(t)
        return _from_unit(x, y, log_slope, inside, self.bound)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        inside, t = _to_unit(x, self.bound)
        y, log_slope = self._piece(t, along_heights=True).back_from(t)
        return _from_unit(x, y, log_slope, inside, self.bound)

    def _piece(self, t: Array, *, along_heights: bool) -> Piece:
        end = jnp.zeros_like(self.slopes_raw[:1])  # a raw slope of 0 is slope 1, as in the tails
        ends = jnp.concatenate([end, self.slopes_raw]), jnp.concatenate([self.slopes_raw, end])
        return rational_quadratic_piece(self.widths_raw, self.heights_raw, ends, t, along_heights=along_heights)


def rational_quadratic_piece(
    widths_raw: Array, heights_raw: Array, slopes_raw: tuple[Array, Array], t: Array, *, along_heights: bool
) -> Piece:
    """The bin of each point of a rational-quadratic spline from [0, 1] onto itself.

    Args:
        widths_raw: Of the bins; bins along the first axis, as in all three.
        heights_raw: Of the bins.
        slopes_raw: At the left end of each bin, and at its right end.
        t: Points in [0, 1].
        along_heights: Whether the points are values of the spline, not places.
    """
    found = find_bin(bounded(widths_raw), bounded(heights_raw), *slopes_raw, t, along_heights)
    # Two slopes go through softplus, not one for each knot.
    low, high = (jax.nn.softplus(raw + SLOPE_OFFSET) + MIN_BIN for raw in (found.low_raw, found.high_raw))
    return Piece(found.left, found.width, found.bottom, found.height, low, high)


class QuadraticSpline(AbstractSpline):
    r"""Piecewise-quadratic spline: a piecewise-linear density over `num_bins` bins, identity outside.

    The slope is linear between positive values at the knots, scaled so that the interval maps onto itself. Its ends
    have slope 1 only when the data ask for it, so the density may jump at the interval's edge.

    Args:
        num_bins: Number of bins.
        bound: The spline acts on `[-bound, bound]`.
        shape: The event's shape.

    Raises:
        ValueError: If `num_bins` is below 2 or `bound` is not positive.

    Reference:
        Müller, McWilliams, Rousselle, Gross & Novák (2019), Neural importance sampling, section 4.3.
    """

    widths_raw: Array
    slopes_raw: Array
    bound: float = static()
    shape: Shape = static()

    def __init__(self, num_bins: int = 8, *, bound: float = 5.0, shape: Shape = ()):
        check_spline("QuadraticSpline", num_bins, bound)
        self.widths_raw = jnp.zeros((num_bins, *shape))
        self.slopes_raw = jnp.zeros((num_bins + 1, *shape))
        self.bound, self.shape = float(bound), tuple(shape)

    def _knots(self) -> tuple[Array, Array, Array]:
        """Widths and slopes on the unit interval, and the cumulative heights at the left knots."""
        widths = fractions(self.widths_raw)
        slopes = jnp.exp(self.slopes_raw - jnp.max(self.slopes_raw, axis=0)) + MIN_BIN
        areas = 0.5 * (slopes[1:] + slopes[:-1]) * widths
        area = total(areas)
        return widths, slopes / area, exclusive_sum(areas) / area

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        widths, slopes, bottoms = self._knots()
        inside, t = _to_unit(x, self.bound)
        lefts = exclusive_sum(widths)
        left, width, bottom, low, high = pick(t, lefts, lefts, widths, bottoms, slopes[:-1], slopes[1:])
        xi = unit((t - left) / width)
        y = bottom + width * xi * (low + 0.5 * (high - low) * xi)
        return _from_unit(x, y, jnp.log(low + (high - low) * xi), inside, self.bound)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        widths, slopes, bottoms = self._knots()
        inside, t = _to_unit(x, self.bound)
        lefts = exclusive_sum(widths)
        left, width, bottom, low, high = pick(t, bottoms, lefts, widths, bottoms, slopes[:-1], slopes[1:])
        # 0.5 (high - low) xi^2 + low xi - c = 0 by the root that does not cancel.
        c = jnp.maximum((t - bottom) / width, 0.0)
        discriminant = jnp.maximum(low * low + 2.0 * (high - low) * c, MIN_BIN**4)
        xi = unit(2.0 * c / (low + jnp.sqrt(discriminant)))
        return _from_unit(x, left + width * xi, -jnp.log(low + (high - low) * xi), inside, self.bound)


class LinearSpline(AbstractSpline):
    r"""Piecewise-linear spline: a histogram density with learned heights over equal bins, identity outside.

    Args:
        num_bins: Number of bins.
        bound: The spline acts on `[-bound, bound]`.
        shape: The event's shape.

    Raises:
        ValueError: If `num_bins` is below 2 or `bound` is not positive.

    Reference:
        Müller, McWilliams, Rousselle, Gross & Novák (2019), Neural importance sampling, section 4.2.
    """

    heights_raw: Array
    bound: float = static()
    shape: Shape = static()

    def __init__(self, num_bins: int = 8, *, bound: float = 5.0, shape: Shape = ()):
        check_spline("LinearSpline", num_bins, bound)
        self.heights_raw = jnp.zeros((num_bins, *shape))
        self.bound, self.shape = float(bound), tuple(shape)

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        heights = fractions(self.heights_raw)
        inside, t = _to_unit(x, self.bound)
        lefts = _equal_knots(heights)
        height, bottom, left = pick(t, lefts, heights, exclusive_sum(heights), lefts)
        slope = height * heights.shape[0]
        y = bottom + slope * (t - left)
        return _from_unit(x, y, jnp.log(slope), inside, self.bound)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        heights = fractions(self.heights_raw)
        inside, t = _to_unit(x, self.bound)
        bottoms = exclusive_sum(heights)
        height, bottom, left = pick(t, bottoms, heights, bottoms, _equal_knots(heights))
        slope = height * heights.shape[0]
        y = left + (t - bottom) / slope
        return _from_unit(x, y, -jnp.log(slope), inside, self.bound)


def check_spline(name: str, num_bins: int, bound: float = 1.0) -> None:
    """A ValueError for too few bins, or for a bound that is not positive."""
    if num_bins < 2:
        raise ValueError(f"{name}: `num_bins` must be at least 2, got {num_bins}.")
    if not bound > 0:
        raise ValueError(f"{name}: `bound` must be positive, got {bound}.")


def _equal_knots(heights: Array) -> Array:
    num_bins = heights.shape[0]
    left = jnp.arange(num_bins, dtype=heights.dtype) / num_bins
    return jnp.broadcast_to(left.reshape(-1, *(1,) * (heights.ndim - 1)), heights.shape)


def _to_unit(x: Array, bound: float) -> tuple[Array, Array]:
    """Whether `x` lies inside, and its place in the interval from 0 to 1, clipped before any branch."""
    return jnp.abs(x) < bound, (jax.lax.clamp(-bound, x, bound) + bound) / (2.0 * bound)


def _from_unit(x: Array, y: Array, log_slope: Array, inside: Array, bound: float) -> tuple[Array, Array]:
    y = jnp.where(inside, 2.0 * bound * y - bound, x)
    return y, jnp.where(inside, log_slope, 0.0)
