"""Bins of a spline: knots from raw numbers, and the bin in which a point lies.

Bins lie along the first axis. Sums over them are matrix products: XLA's own sums over an outer axis are not vectorised
on a CPU and took 50 ns for eight bins where a product takes 3 (design record 0008).
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

MIN_BIN = 1e-3
"""Least width, height and slope of a bin, the first two as a share of the interval (Durkan et al. 2019)."""


RAW_MAX = 40.0
"""Shares of the interval are at least `exp(-2 RAW_MAX)` before `MIN_BIN` is added: 1e-35, a float32."""


class Bin(NamedTuple):
    """One bin of a spline, each entry of the points' shape; the slopes are still raw.

    Attributes:
        left: Place of its left end.
        width: Its width.
        bottom: Value at its left end.
        height: Its rise.
        low_raw: Raw slope at its left end.
        high_raw: Raw slope at its right end.
    """

    left: Array
    width: Array
    bottom: Array
    height: Array
    low_raw: Array
    high_raw: Array


@partial(jax.custom_jvp, nondiff_argnums=(5,))
def find_bin(
    widths_raw: Array, heights_raw: Array, low_raw: Array, high_raw: Array, t: Array, along_heights: bool
) -> Bin:
    """The bin of each point, of a spline from [0, 1] onto itself.

    Args:
        widths_raw: Of the bins, `(num_bins, *shape)`, as the next three; `bounded`, as the heights.
        heights_raw: Of the bins.
        low_raw: Raw slope at the left end of each bin.
        high_raw: Raw slope at the right end of each bin.
        t: Points in [0, 1], `(*shape,)`.
        along_heights: Whether the points are values of the spline, not places.
    """
    return _search(widths_raw, heights_raw, low_raw, high_raw, t, along_heights).found


class _Search(NamedTuple):
    found: Bin
    width_shares: Array
    height_shares: Array
    here: Array
    before: Array


def _search(widths_raw, heights_raw, low_raw, high_raw, t: Array, along_heights: bool) -> _Search:
    width_shares, height_shares = softmax(widths_raw), softmax(heights_raw)
    widths, heights = at_least(width_shares), at_least(height_shares)
    lefts, bottoms = exclusive_sum(widths), exclusive_sum(heights)
    reached = _reached(t, bottoms if along_heights else lefts)
    before = jnp.concatenate([reached[1:], jnp.zeros_like(reached[:1])])
    here = reached & ~before
    picked = (total(jnp.where(here, v, 0.0)) for v in (lefts, widths, bottoms, heights, low_raw, high_raw))
    return _Search(Bin(*picked), width_shares, height_shares, here, before)


@find_bin.defjvp
def _find_bin_jvp(along_heights: bool, primals, tangents):
    """By hand, so that the backward pass has no sum over bins: those sums are known, they are the bin's own ends."""
    widths_raw, heights_raw, low_raw, high_raw, t = primals
    search = _search(widths_raw, heights_raw, low_raw, high_raw, t, along_heights)
    found, width_shares, height_shares, here, before = search
    d_widths, d_heights, d_low, d_high, _ = tangents
    num_bins = here.shape[0]
    free = 1.0 - num_bins * MIN_BIN
    number = total(before.astype(found.left.dtype))

    def ends(start: Array, size: Array, shares: Array, raw: Array) -> tuple[Array, Array]:
        moved = shares * raw
        mean = jnp.sum(moved, axis=0)
        d_start = free * jnp.sum(jnp.where(before, moved, 0.0), axis=0) - (start - MIN_BIN * number) * mean
        d_size = free * jnp.sum(jnp.where(here, moved, 0.0), axis=0) - (size - MIN_BIN) * mean
        return d_start, d_size

    d_left, d_width = ends(found.left, found.width, width_shares, d_widths)
    d_bottom, d_height = ends(found.bottom, found.height, height_shares, d_heights)
    d_slopes = (jnp.sum(jnp.where(here, raw, 0.0), axis=0) for raw in (d_low, d_high))
    return found, Bin(d_left, d_width, d_bottom, d_height, *d_slopes)


def pick(t: Array, lefts: Array, *values: Array) -> tuple[Array, ...]:
    """From values for each bin, those of the bin in which `t` lies; `lefts` are the bins' left ends."""
    reached = _reached(t, lefts)
    here = reached & ~jnp.concatenate([reached[1:], jnp.zeros_like(reached[:1])])
    return tuple(total(jnp.where(here, value, 0.0)) for value in values)


def _reached(t: Array, lefts: Array) -> Array:
    """For each bin whether `t` lies in it or in a later one; the first bin has no left end."""
    later = t >= lefts[1:]
    return jnp.concatenate([jnp.ones_like(later[:1]), later])


def fractions(raw: Array) -> Array:
    """Positive parts of 1, none below `MIN_BIN`."""
    return at_least(softmax(bounded(raw)))


def at_least(shares: Array) -> Array:
    """Parts of 1, moved towards equal ones until none is below `MIN_BIN`."""
    return MIN_BIN + (1.0 - shares.shape[0] * MIN_BIN) * shares


def softmax(raw: Array) -> Array:
    """As `jax.nn.softmax(raw, axis=0)`, for raw numbers within the limits of `exp`.

    Not by subtracting the largest: XLA would look for it again in every bin.
    """
    parts = jnp.exp(raw)
    return parts / total(parts)


def bounded(raw: Array) -> Array:
    """Raw numbers whose `exp` neither overflows nor vanishes; those between ±40 are left as they are."""
    return lax.clamp(-RAW_MAX, raw, RAW_MAX)


def exclusive_sum(parts: Array) -> Array:
    """The sum of the parts before each."""
    before = jnp.tril(jnp.ones((parts.shape[0],) * 2, parts.dtype), -1)
    return jnp.tensordot(before, parts, 1, precision=lax.Precision.HIGHEST)


def total(parts: Array) -> Array:
    """The sum of all parts."""
    return jnp.tensordot(jnp.ones(parts.shape[0], parts.dtype), parts, 1, precision=lax.Precision.HIGHEST)
