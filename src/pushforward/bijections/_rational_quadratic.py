"""The rational-quadratic spline as pure functions with analytic derivatives.

Differentiating the search for a bin is several times slower than the spline itself, so the derivative is written out:
a softmax's cumulative sum has a closed one, and only two of the slopes take part (design record 0003).
"""

import math
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

MIN_BIN = 1e-3
"""Least width, height and slope of a bin, the first two as a share of the interval (Durkan et al. 2019)."""

SLOPE_OFFSET = math.log(math.expm1(1.0 - MIN_BIN))
"""A raw slope of 0 means slope 1: softplus(SLOPE_OFFSET) + MIN_BIN = 1."""


class Bin(NamedTuple):
    """The bin in which a point lies, each entry of the point's shape."""

    left: Array
    width: Array
    bottom: Array
    height: Array
    low: Array
    high: Array


class Raw(NamedTuple):
    """Unconstrained parameters, `(num_bins, ...)` and `(num_bins - 1, ...)` for the slopes at the inner knots."""

    widths: Array
    heights: Array
    slopes: Array


def rational_quadratic(x: Array, widths: Array, heights: Array, slopes: Array, bound: float) -> tuple[Array, Array]:
    """`y` and log dy/dx, both shaped like `x`; the identity outside `[-bound, bound]`."""
    return _forward(bound, x, Raw(widths, heights, slopes))


def rational_quadratic_inverse(
    y: Array, widths: Array, heights: Array, slopes: Array, bound: float
) -> tuple[Array, Array]:
    """`x` and log dx/dy, both shaped like `y`; the identity outside `[-bound, bound]`."""
    return _inverse(bound, y, Raw(widths, heights, slopes))


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _forward(bound: float, x: Array, raw: Raw) -> tuple[Array, Array]:
    here = _find(bound, x, raw, raw.widths)
    y, log_slope = _evaluate(_clip(x, bound), here.bin)
    return _outside(bound, x, y, log_slope)


@_forward.defjvp
def _forward_jvp(bound, primals, tangents):
    (x, raw), (dx, draw) = primals, tangents
    here = _find(bound, x, raw, raw.widths)
    values, (dy, dslope) = jax.jvp(_evaluate, (_clip(x, bound), here.bin), (dx, here.tangent(draw)))
    return _outside(bound, x, *values), _outside(bound, x, dy, dslope, outside=dx)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _inverse(bound: float, y: Array, raw: Raw) -> tuple[Array, Array]:
    here = _find(bound, y, raw, raw.heights)
    x = _solve(_clip(y, bound), here.bin)
    return _outside(bound, y, x, -_evaluate(x, here.bin)[1])


@_inverse.defjvp
def _inverse_jvp(bound, primals, tangents):
    (y, raw), (dy, draw) = primals, tangents
    here = _find(bound, y, raw, raw.heights)
    x = _solve(_clip(y, bound), here.bin)
    dbin = here.tangent(draw)
    # Implicit function theorem on forward(x, bin) = y.
    (_, log_slope), (moved, _) = jax.jvp(_evaluate, (x, here.bin), (jnp.zeros_like(x), dbin))
    dx = (dy - moved) * jnp.exp(-log_slope)
    dslope = jax.jvp(_evaluate, (x, here.bin), (dx, dbin))[1][1]
    return _outside(bound, y, x, -log_slope), _outside(bound, y, dx, -dslope, outside=dy)


def _clip(x: Array, bound: float) -> Array:
    return jnp.clip(x, -bound, bound)


def _outside(bound: float, x: Array, y: Array, log_slope: Array, outside: Array | None = None):
    inside = jnp.abs(x) < bound
    return jnp.where(inside, y, x if outside is None else outside), jnp.where(inside, log_slope, 0.0)


def _evaluate(x: Array, b: Bin) -> tuple[Array, Array]:
    xi = (x - b.left) / b.width
    xi = jnp.where(xi < 0, 0.0, jnp.where(xi > 1, 1.0, xi))
    slope, mixed = b.height / b.width, xi * (1.0 - xi)
    denominator = slope + (b.low + b.high - 2.0 * slope) * mixed
    y = b.bottom + b.height * (slope * xi * xi + b.low * mixed) / denominator
    numerator = b.high * xi * xi + 2.0 * slope * mixed + b.low * (1.0 - xi) * (1.0 - xi)
    return y, jnp.log(numerator) + 2.0 * jnp.log(slope / denominator)


def _solve(y: Array, b: Bin) -> Array:
    """The point of the bin that maps to `y`, by the root of the quadratic that does not cancel."""
    rise, slope = y - b.bottom, b.height / b.width
    bend = rise * (b.low + b.high - 2.0 * slope)
    a, b_, c = bend + b.height * (slope - b.low), b.height * b.low - bend, -slope * rise
    discriminant = jnp.maximum(b_ * b_ - 4.0 * a * c, 0.0)
    xi = 2.0 * c / (-b_ - jnp.sqrt(discriminant))
    return b.left + b.width * jnp.clip(xi, 0.0, 1.0)


class _Found(NamedTuple):
    """A bin with what its derivative needs."""

    bin: Bin
    past: list[Array]  # past[j]: the point lies at or beyond the left knot of bin j; past[0] stands for True
    widths: "_Picked"
    heights: "_Picked"
    slopes: tuple[Array, Array]  # raw, at the left and right knot
    scale: float

    def tangent(self, draw: Raw) -> Bin:
        """How the bin moves when the raw parameters do."""
        dleft, dwidth = self.widths.tangent(draw.widths, self.past)
        dbottom, dheight = self.heights.tangent(draw.heights, self.past)
        dlow, dhigh = _pick_slopes(draw.slopes, self.past)
        low, high = (jax.nn.sigmoid(raw + SLOPE_OFFSET) for raw in self.slopes)
        return Bin(
            self.scale * dleft,
            self.scale * dwidth,
            self.scale * dbottom,
            self.scale * dheight,
            low * dlow,
            high * dhigh,
        )


class _Picked(NamedTuple):
    """A softmax, and the share and the sum before it at the bin that was picked."""

    shares: list[Array]
    share: Array
    before: Array

    def tangent(self, draw: Array, past: list[Array]) -> tuple[Array, Array]:
        """Tangents of `before` and `share`, from p_j (dr_j - sum_i p_i dr_i)."""
        moves = [share * dr for share, dr in zip(self.shares, draw, strict=True)]
        mean = sum(moves)
        before = here = 0.0
        for j, move in enumerate(moves):
            beyond = past[j + 1] if j + 1 < len(past) else False
            before = before + jnp.where(beyond, move, 0.0)
            reached = jnp.where(past[j], move, 0.0) if j else move
            here = here + jnp.where(beyond, 0.0, reached)
        return before - self.before * mean, here - self.share * mean


def _find(bound: float, x: Array, raw: Raw, along: Array) -> _Found:
    """The bin of `x`, searched among the knots whose raw sizes are `along` (the widths or the heights)."""
    num_bins = raw.widths.shape[0]
    spread = 1.0 - num_bins * MIN_BIN
    # The place of x in the interval, with the minimum sizes kept apart: knot j is at j * MIN_BIN + spread * before_j.
    place = (_clip(x, bound) + bound) / (2.0 * bound)
    shares_w, shares_h = _softmax(raw.widths), _softmax(raw.heights)
    past = _past(place, shares_w if along is raw.widths else shares_h, spread)
    widths, heights = _pick(shares_w, past), _pick(shares_h, past)
    index = sum(jnp.where(p, MIN_BIN, 0.0) for p in past[1:])
    slopes = _pick_slopes(raw.slopes, past)
    low, high = (jax.nn.softplus(raw + SLOPE_OFFSET) + MIN_BIN for raw in slopes)
    scale = 2.0 * bound
    here = Bin(
        scale * (index + spread * widths.before) - bound,
        scale * (MIN_BIN + spread * widths.share),
        scale * (index + spread * heights.before) - bound,
        scale * (MIN_BIN + spread * heights.share),
        low,
        high,
    )
    return _Found(here, past, widths, heights, slopes, scale * spread)


def _softmax(raw: Array) -> list[Array]:
    top = jnp.max(raw, axis=0)
    sizes = [jnp.exp(r - top) for r in raw]
    total = sum(sizes)
    return [size / total for size in sizes]


def _past(place: Array, shares: list[Array], spread: float) -> list[Array]:
    past, before = [jnp.ones((), bool)], 0.0
    for j, share in enumerate(shares[:-1]):
        before = before + share
        past.append(place >= (j + 1) * MIN_BIN + spread * before)
    return past


def _pick(shares: list[Array], past: list[Array]) -> _Picked:
    share, before, total = shares[0], jnp.zeros_like(shares[0]), shares[0]
    for p, next_share in zip(past[1:], shares[1:], strict=True):
        share, before = jnp.where(p, next_share, share), jnp.where(p, total, before)
        total = total + next_share
    return _Picked(shares, share, before)


def _pick_slopes(slopes: Array, past: list[Array]) -> tuple[Array, Array]:
    """Raw slopes at the two knots of the bin; those at the interval's ends are fixed at 0, which means slope 1."""
    low, high = jnp.zeros_like(slopes[0]), slopes[0]
    for j, p in enumerate(past[1:]):
        low = jnp.where(p, slopes[j], low)
        high = jnp.where(p, slopes[j + 1] if j + 1 < slopes.shape[0] else 0.0, high)
    return low, high
