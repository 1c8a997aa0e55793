"""Maps of the circle onto itself. An angle is a number in [-pi, pi); what goes in and out is wrapped into it."""

import math
from collections.abc import Callable
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike

from pushforward._params import static
from pushforward._roots import solve_increasing
from pushforward._types import Kind, Shape
from pushforward.bijections._base import AbstractElementwise
from pushforward.bijections.elementwise._spline import check_spline, rational_quadratic_piece
from pushforward.supports import Circle, Interval, Support

TURN = 2.0 * math.pi
TURN_HIGH, TURN_LOW = 6.28125, 0.0019353071795864769
"""A turn in two parts (Cody and Waite 1980): the first has 8 bits, so that its product with 65,536 turns is exact."""


def wrap(angle: Array) -> Array:
    """The same angle in [-pi, pi). One of many turns is no better known than the number that holds it."""
    half = jnp.asarray(math.pi, angle.dtype)
    turns = jnp.floor((angle + half) / TURN)
    turned = (angle - TURN_HIGH * turns) - TURN_LOW * turns
    # Rounding may leave a step over an end; its slope stays 1.
    turned = jnp.where(turned >= half, turned - TURN, turned)
    turned = jnp.where(turned < -half, turned + jax.lax.stop_gradient(-half - turned), turned)
    # Where a number is larger than what counts its turns, what is left over may be of any size.
    return jnp.where(turned > half, 0.0, turned)


class AbstractCircular(AbstractElementwise):
    """An elementwise map of angles; a template like those of the line."""

    @property
    def image(self) -> Support:
        return Circle()

    @property
    def domain(self) -> Support:
        return Circle()


class CircularShift(AbstractCircular):
    r"""$y = x + t$ on the circle; log-det 0.

    Args:
        loc: $t$. Shape `(*shape,)`.

    Example:
        >>> CircularShift(1.0).forward(jnp.array(3.0)).item()
        -2.28
    """

    loc: Array
    shape: Shape = static()

    forward_kind: ClassVar[Kind] = "analytic"
    inverse_kind: ClassVar[Kind] = "analytic"

    def __init__(self, loc: ArrayLike = 0.0):
        self.loc = jnp.asarray(loc, dtype=jnp.result_type(float))
        self.shape = self.loc.shape

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        return wrap(x + self.loc), jnp.zeros_like(x)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        return wrap(x - self.loc), jnp.zeros_like(x)


class CircularSpline(AbstractCircular):
    r"""Rational-quadratic spline of the circle: the slope at $\pi$ is that at $-\pi$, which is mapped to itself.

    A `CircularShift` behind it moves that point. Starts as the identity.

    Args:
        num_bins: Number of bins.
        shape: The event's shape.

    Raises:
        ValueError: If `num_bins` is below 2.

    Reference:
        Rezende, Papamakarios, Racanière, Albergo, Kanwar, Shanahan & Cranmer (2020), Normalizing flows on tori and
        spheres, section 2.1.3.
    """

    widths_raw: Array
    heights_raw: Array
    slopes_raw: Array
    shape: Shape = static()

    forward_kind: ClassVar[Kind] = "analytic"
    inverse_kind: ClassVar[Kind] = "analytic"

    def __init__(self, num_bins: int = 8, *, shape: Shape = ()):
        check_spline("CircularSpline", num_bins)
        self.widths_raw = jnp.zeros((num_bins, *shape))
        self.heights_raw = jnp.zeros((num_bins, *shape))
        self.slopes_raw = jnp.zeros((num_bins, *shape))
        self.shape = tuple(shape)

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        t = _share_of_turn(x)
        y, log_slope = self._piece(t, along_heights=False).at(t)
        return wrap(TURN * y - math.pi), log_slope

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        t = _share_of_turn(x)
        y, log_slope = self._piece(t, along_heights=True).back_from(t)
        return wrap(TURN * y - math.pi), log_slope

    def _piece(self, t: Array, *, along_heights: bool):
        ends = self.slopes_raw, jnp.roll(self.slopes_raw, -1, axis=0)
        return rational_quadratic_piece(self.widths_raw, self.heights_raw, ends, t, along_heights=along_heights)


class IntervalSpline(AbstractElementwise):
    r"""Rational-quadratic spline from `[-bound, bound]` onto itself, with free slopes at the ends.

    Values beyond the ends are taken as the ends, with log-det -inf. Starts as the identity.

    Args:
        num_bins: Number of bins.
        bound: Half the width of the interval.
        shape: The event's shape.

    Raises:
        ValueError: If `num_bins` is below 2 or `bound` is not positive.

    Reference:
        Durkan, Bekasov, Murray & Papamakarios (2019), Neural spline flows, eq. 4-8.
    """

    widths_raw: Array
    heights_raw: Array
    slopes_raw: Array
    bound: float = static()
    shape: Shape = static()

    forward_kind: ClassVar[Kind] = "analytic"
    inverse_kind: ClassVar[Kind] = "analytic"

    def __init__(self, num_bins: int = 8, *, bound: float = 1.0, shape: Shape = ()):
        check_spline("IntervalSpline", num_bins, bound)
        self.widths_raw = jnp.zeros((num_bins, *shape))
        self.heights_raw = jnp.zeros((num_bins, *shape))
        self.slopes_raw = jnp.zeros((num_bins + 1, *shape))
        self.bound, self.shape = float(bound), tuple(shape)

    @property
    def domain(self) -> Support:
        return Interval(-self.bound, self.bound)

    @property
    def image(self) -> Support:
        return Interval(-self.bound, self.bound)

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        t = self._share(x)
        y, log_slope = self._piece(t, along_heights=False).at(t)
        return self._back(x, y, log_slope)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        t = self._share(x)
        y, log_slope = self._piece(t, along_heights=True).back_from(t)
        return self._back(x, y, log_slope)

    def _share(self, x: Array) -> Array:
        inside = jnp.where(x < -self.bound, -self.bound, jnp.where(x > self.bound, self.bound, x))
        return (inside + self.bound) / (2.0 * self.bound)

    def _back(self, x: Array, y: Array, log_slope: Array) -> tuple[Array, Array]:
        return 2.0 * self.bound * y - self.bound, jnp.where(jnp.abs(x) <= self.bound, log_slope, -jnp.inf)

    def _piece(self, t: Array, *, along_heights: bool):
        ends = self.slopes_raw[:-1], self.slopes_raw[1:]
        return rational_quadratic_piece(self.widths_raw, self.heights_raw, ends, t, along_heights=along_heights)


class Mobius(AbstractCircular):
    r"""Convex combination of Möbius maps, $y = \sum_i \rho_i\,(x + 2\arg(1 - \omega_i e^{-\mathrm{i}x}))$.

    A point $\omega$ inside the disc draws the circle away from its own side;
    $\frac{dy}{dx} = \sum_i \rho_i \frac{1 - |\omega_i|^2}{|e^{\mathrm{i}x} - \omega_i|^2}$. The inverse is closed for
    one component, and found by a bracketing root-finder for more. It starts as the identity with one component, and
    near it with more, whose centres must differ to learn different things.

    Args:
        num_components: How many.
        shape: The event's shape.

    Raises:
        ValueError: If `num_components` is below 1.

    Reference:
        Rezende, Papamakarios, Racanière, Albergo, Kanwar, Shanahan & Cranmer (2020), Normalizing flows on tori and
        spheres, section 2.1.1.

    Note:
        The paper turns every map so that it keeps 0 before it combines them; here the argument of each stays within a
        quarter turn, so angles can be combined as they are, and no point is special.
    """

    centers_raw: Array
    weights_raw: Array
    shape: Shape = static()

    forward_kind: ClassVar[Kind] = "analytic"

    def __init__(self, num_components: int = 8, *, shape: Shape = ()):
        if num_components < 1:
            raise ValueError(f"Mobius: `num_components` must be at least 1, got {num_components}.")
        around = TURN * jnp.arange(num_components) / num_components
        start = 0.0 if num_components == 1 else START_RADIUS
        centers = start * jnp.stack([jnp.cos(around), jnp.sin(around)])
        self.centers_raw = jnp.broadcast_to(centers.reshape(2, -1, *(1,) * len(shape)), (2, num_components, *shape))
        self.weights_raw = jnp.zeros((num_components, *shape))
        self.shape = tuple(shape)

    @property
    def inverse_kind(self) -> Kind:
        return "analytic" if self.weights_raw.shape[0] == 1 else "iterative"

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        y, log_slope = self._lift()(wrap(x))
        return wrap(y), log_slope

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        lift, x = self._lift(), wrap(x)
        if self.weights_raw.shape[0] == 1:
            y = wrap(self._lift(-1.0)(x)[0])
        else:
            y = wrap(solve_increasing(lambda angle: lift(angle)[0], x, x))
        return y, -lift(y)[1]

    def _lift(self, sign: float = 1.0) -> Callable[[Array], tuple[Array, Array]]:
        """The map of the line that the circle's map comes from, and its log-slope; with sign -1 the inverse of one."""
        centers = self.centers_raw / jnp.sqrt(1.0 + jnp.sum(self.centers_raw**2, axis=0))
        a, b = sign * MAX_RADIUS * centers
        log_weights = jax.nn.log_softmax(self.weights_raw, axis=0)
        log_rest = jnp.log1p(-(a * a + b * b))

        def lift(angle: Array) -> tuple[Array, Array]:
            cos, sin = jnp.cos(angle), jnp.sin(angle)
            real, imaginary = 1.0 - a * cos - b * sin, a * sin - b * cos
            turned = jnp.sum(jnp.exp(log_weights) * jnp.arctan2(imaginary, real), axis=0)
            log_slopes = log_rest - jnp.log(real * real + imaginary * imaginary)
            return angle + 2.0 * turned, jax.nn.logsumexp(log_weights + log_slopes, axis=0)

        return lift


MAX_RADIUS = 0.99
"""Centres stay inside this radius, as in the paper's code, so that slopes lie between 1/199 and 199."""
START_RADIUS = 0.3


def _share_of_turn(angle: Array) -> Array:
    return (wrap(angle) + math.pi) / TURN
