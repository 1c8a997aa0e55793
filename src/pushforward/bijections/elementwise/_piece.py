r"""One bin of a rational-quadratic spline, both ways, with derivatives by hand.

With $\xi$ the place in the bin from 0 to 1, $m = \xi(1 - \xi)$, $s = h/w$, $l$ and $u$ the slopes at the ends,
$y = b + h P/D$, $dy/dx = s^2 N/D^2$, $P = s\xi^2 + l m$, $D = s + (l + u - 2s) m$, $N = u\xi^2 + 2sm + l(1-\xi)^2$
(Durkan et al. 2019, eq. 4 to 8).

Derivatives by hand have fewer divisions than JAX's own, each of which is an array of its own (design record 0072).
The one of the inverse is that of an implicit function: nothing of the root that finds $\xi$ is in it.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array


class Piece(NamedTuple):
    """One bin of a rational-quadratic spline, each entry of the points' shape.

    Attributes:
        left: Place of its left end.
        width: Its width.
        bottom: Value at its left end.
        height: Its rise.
        low: Slope at its left end.
        high: Slope at its right end.
    """

    left: Array
    width: Array
    bottom: Array
    height: Array
    low: Array
    high: Array

    def at(self, t: Array) -> tuple[Array, Array]:
        """The value at a place `t`, and the log-slope."""
        return _at(self, t)

    def back_from(self, y: Array) -> tuple[Array, Array]:
        """The place of a value `y`, and the log-slope of that direction."""
        return _back_from(self, y)


class _Terms(NamedTuple):
    """What value, slope and derivatives are made of; the names are those of the formulas above."""

    xi: Array
    rest: Array
    mixed: Array
    slope: Array
    p: Array
    d: Array
    n: Array

    @classmethod
    def of(cls, piece: Piece, xi: Array) -> "_Terms":
        slope, rest, mixed = piece.height / piece.width, 1.0 - xi, xi * (1.0 - xi)
        p = slope * xi * xi + piece.low * mixed
        d = slope + (piece.low + piece.high - 2.0 * slope) * mixed
        n = piece.high * xi * xi + 2.0 * slope * mixed + piece.low * rest * rest
        return cls(xi, rest, mixed, slope, p, d, n)

    def log_slope(self) -> Array:
        return jnp.log(self.n) + 2.0 * jnp.log(self.slope / self.d)

    def moved_at_fixed_place(self, piece: Piece, along: Piece, d_slope: Array) -> Array:
        """`D^2 / h` times the change of `P/D`, as the slopes change: `s` by `d_slope`, `l` and `u` along."""
        of_slope = piece.high * self.xi * self.xi - piece.low * self.rest * self.rest
        of_low = self.slope * self.rest * self.rest + piece.high * self.mixed
        return self.mixed * (of_slope * d_slope + of_low * along.low - self.p * along.high)

    def d_log_slope(self, piece: Piece, along: Piece, d_slope: Array, d_xi: Array) -> Array:
        """The change of the log-slope, as the place and the three slopes change."""
        over_n, over_d, bend = 1.0 / self.n, 1.0 / self.d, 1.0 - 2.0 * self.mixed
        half_n = piece.high * self.xi + self.slope * (1.0 - 2.0 * self.xi) - piece.low * self.rest
        d_of_place = (piece.low + piece.high - 2.0 * self.slope) * (1.0 - 2.0 * self.xi)
        of_place = 2.0 * (half_n * over_n - d_of_place * over_d)
        of_slope = 2.0 * (self.mixed * over_n + 1.0 / self.slope - bend * over_d)
        both = 2.0 * self.mixed * over_d
        of_low, of_high = self.rest * self.rest * over_n - both, self.xi * self.xi * over_n - both
        return of_place * d_xi + of_slope * d_slope + of_low * along.low + of_high * along.high


@jax.custom_jvp
def _at(piece: Piece, t: Array) -> tuple[Array, Array]:
    terms = _Terms.of(piece, _place(piece, t))
    return piece.bottom + piece.height * terms.p / terms.d, terms.log_slope()


@_at.defjvp
def _at_jvp(primals: tuple[Piece, Array], tangents: tuple[Piece, Array]):
    (piece, t), (along, d_t) = primals, tangents
    terms = _Terms.of(piece, _place(piece, t))
    d_slope = (along.height - terms.slope * along.width) / piece.width
    d_xi = (d_t - along.left - terms.xi * along.width) / piece.width
    over_d = 1.0 / terms.d
    share = terms.p * over_d
    moved = terms.moved_at_fixed_place(piece, along, d_slope) + terms.slope * terms.n * d_xi
    d_y = along.bottom + share * along.height + (piece.height * over_d) * (over_d * moved)
    value = piece.bottom + piece.height * share
    return (value, terms.log_slope()), (d_y, terms.d_log_slope(piece, along, d_slope, d_xi))


@jax.custom_jvp
def _back_from(piece: Piece, y: Array) -> tuple[Array, Array]:
    xi = _solved(piece, y)
    return piece.left + piece.width * xi, -_Terms.of(piece, xi).log_slope()


@_back_from.defjvp
def _back_from_jvp(primals: tuple[Piece, Array], tangents: tuple[Piece, Array]):
    (piece, y), (along, d_value) = primals, tangents
    terms = _Terms.of(piece, _solved(piece, y))
    d_slope = (along.height - terms.slope * along.width) / piece.width
    over_slope, over_n = 1.0 / terms.slope, 1.0 / terms.n
    risen = (terms.d * (d_value - along.bottom) - terms.p * along.height) / piece.height
    moved = terms.moved_at_fixed_place(piece, along, d_slope)
    d_xi = over_slope * (terms.d * over_n * risen - over_n * moved)
    d_x = along.left + terms.xi * along.width + piece.width * d_xi
    x = piece.left + piece.width * terms.xi
    return (x, -terms.log_slope()), (d_x, -terms.d_log_slope(piece, along, d_slope, d_xi))


def _place(piece: Piece, t: Array) -> Array:
    return unit((t - piece.left) / piece.width)


def _solved(piece: Piece, y: Array) -> Array:
    """The place in the bin that maps to `y`, a root of a quadratic (eq. 6 to 8).

    The paper's form of it cancels where `b` is negative, which is where a bin gets steeper: at 50 times its mean slope
    a float32 loses 5 bits, at 1,000 times 10. There the other form of the same root has all of them.
    """
    rise, slope = y - piece.bottom, piece.height / piece.width
    bend = rise * (piece.low + piece.high - 2.0 * slope)
    a, b, c = bend + piece.height * (slope - piece.low), piece.height * piece.low - bend, -slope * rise
    # Rounding can push the discriminant below zero; clipped before the root, its gradient is never NaN.
    root = jnp.sqrt(jnp.maximum(b * b - 4.0 * a * c, jnp.finfo(y.dtype).tiny))
    steeper = b < 0
    return unit(jnp.where(steeper, root - b, 2.0 * c) / jnp.where(steeper, 2.0 * a, -b - root))


def unit(xi: Array) -> Array:
    """Clip to [0, 1] what rounding put outside, with gradient 1 there too, so that knots have the right slope."""
    return xi + jax.lax.stop_gradient(jnp.where(xi < 0, -xi, jnp.where(xi > 1, 1.0 - xi, 0.0)))
