"""Planar and radial maps: a bend along one direction, a swelling around one point."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from pushforward._errors import as_key
from pushforward._params import positive, static
from pushforward._roots import solve_increasing
from pushforward._types import Kind, Shape
from pushforward.bijections._base import AbstractBatched
from pushforward.bijections.coupling._templates import FAR


class Planar(AbstractBatched):
    r"""$y = x + \hat u \tanh(w^\top x + b)$, with $\hat u$ chosen so that $w^\top \hat u > -1$.

    $\log|\det| = \log(1 + (w^\top\hat u)(1 - \tanh^2(w^\top x + b)))$. `inverse` solves one scalar equation for
    $w^\top x$, after which the rest is exact.

    Args:
        dim: Size of the event.
        key: For the initial direction $w$; $u$ starts at 0, so the map starts as the identity.

    Reference:
        Rezende & Mohamed (2015), Variational inference with normalizing flows, eq. 10 and appendix A.1.

    Note:
        The condition uses $m(a) = \operatorname{softplus}(a + \log(e - 1)) - 1$ in place of
        $\operatorname{softplus}(a) - 1$, so that $u = 0$ means the identity.
    """

    direction: Float[Array, " dim"]
    u_raw: Float[Array, " dim"]
    offset: Float[Array, ""]
    dim: int = static()

    forward_kind: ClassVar[Kind] = "analytic"
    inverse_kind: ClassVar[Kind] = "iterative"
    cond_shape: ClassVar[Shape | None] = None

    def __init__(self, dim: int, *, key: PRNGKeyArray):
        self.dim = dim
        self.direction = jax.random.normal(as_key("Planar", key), (dim,), jnp.result_type(float)) / jnp.sqrt(dim)
        self.u_raw, self.offset = jnp.zeros(dim), jnp.zeros(())

    @property
    def in_shape(self) -> Shape:
        return (self.dim,)

    @property
    def out_shape(self) -> Shape:
        return (self.dim,)

    def _u(self) -> tuple[Array, Array]:
        r"""$\hat u$, and $1 + w^\top\hat u > 0$."""
        w, u = self.direction, self.u_raw
        along = _dot(w, u)
        gain = jnp.maximum(jax.nn.softplus(along + LOG_E_MINUS_1), MIN_GAIN)
        norm = jnp.maximum(_dot(w, w), MIN_NORM)
        # Across w and along it apart: in one sum, w'u would be off by rounding of |w||u|, and pass -1. Twice is enough.
        across = u - (along / norm) * w
        across = across - (_dot(w, across) / norm) * w
        return across + ((gain - 1.0) / norm) * w, gain

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        u, gain = self._u()
        bend = jnp.tanh(self.direction @ x + self.offset)
        return x + u[:, None] * bend, _log_det(bend, gain)

    def _forward_each(self, x: Array) -> tuple[Array, Array]:
        u, gain = self._u()
        bend = jnp.tanh(_dot(self.direction, x) + self.offset)
        return x + u * bend, _log_det(bend, gain)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        u, gain = self._u()
        target = self.direction @ x
        # w'u is gain - 1, but for rounding, with which the left side need not increase.
        along = solve_increasing(lambda a: a + (gain - 1.0) * jnp.tanh(a + self.offset), target, target)
        bend = jnp.tanh(along + self.offset)
        return x - u[:, None] * bend, -_log_det(bend, gain)


LOG_E_MINUS_1 = 0.541324854612918
MIN_GAIN = 1e-3  # the least slope of the map along w: below it, float32 cannot tell the root's place
MIN_NORM = 1e-12


def _dot(a: Array, b: Array) -> Array:
    """Of two vectors, or of many along a last axis."""
    return jnp.sum(a * b, axis=0)


def _log_det(bend: Array, gain: Array) -> Array:
    # 1 + (gain - 1)(1 - bend^2), written without cancellation.
    return jnp.log(bend * bend + gain * (1.0 - bend * bend))


class Radial(AbstractBatched):
    r"""$y = x + \frac{\beta}{\alpha + r}(x - c)$ with $r = \|x - c\|$, $\alpha > 0$ and $\beta > -\alpha$.

    With $h = 1/(\alpha + r)$, $\log|\det| = (D-1)\log(1 + \beta h) + \log(1 + \beta h + \beta h' r)$. The inverse is
    closed form: with $q = r' - \alpha - \beta$, $r = \tfrac12(q + \sqrt{q^2 + 4\alpha r'})$.

    Args:
        dim: Size of the event.
        key: For the initial centre; $\beta$ starts at 0, so the map starts as the identity.

    Reference:
        Rezende & Mohamed (2015), Variational inference with normalizing flows, eq. 14 and appendix A.2.
    """

    centre: Float[Array, " dim"]
    alpha_raw: Float[Array, ""]
    gain_raw: Float[Array, ""]  # alpha + beta, positive
    dim: int = static()

    forward_kind: ClassVar[Kind] = "analytic"
    inverse_kind: ClassVar[Kind] = "analytic"
    cond_shape: ClassVar[Shape | None] = None

    def __init__(self, dim: int, *, key: PRNGKeyArray):
        self.dim = dim
        self.centre = jax.random.normal(as_key("Radial", key), (dim,), jnp.result_type(float))
        self.alpha_raw, self.gain_raw = jnp.zeros(()), jnp.zeros(())

    @property
    def in_shape(self) -> Shape:
        return (self.dim,)

    @property
    def out_shape(self) -> Shape:
        return (self.dim,)

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        alpha, gain = positive(self.alpha_raw)[0], positive(self.gain_raw)[0]
        away = x - self.centre[:, None]
        r = _distance(away)
        return self.centre[:, None] + away * ((r + gain) / (r + alpha)), self._log_det(r, alpha, gain)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        alpha, gain = positive(self.alpha_raw)[0], positive(self.gain_raw)[0]
        away = x - self.centre[:, None]
        far = _distance(away)
        q = far - gain
        root = _length(jnp.stack([q, 2.0 * jnp.sqrt(alpha) * _root(far)]))
        # Both forms are the same root; each is used where it does not cancel.
        r = jnp.where(q < 0, 2.0 * alpha * far / (root + jnp.abs(q)), 0.5 * (q + root))
        return self.centre[:, None] + away * ((r + alpha) / (r + gain)), -self._log_det(r, alpha, gain)

    def _log_det(self, r: Array, alpha: Array, gain: Array) -> Array:
        # Shares of r + alpha, so that no square overflows.
        away, near, stretch = r / (r + alpha), alpha / (r + alpha), (r + gain) / (r + alpha)
        outward = jnp.log(away * (away + 2.0 * near) + near * (gain / (r + alpha)))
        return (self.dim - 1) * jnp.log(stretch) + outward


def _distance(away: Array) -> Array:
    """From the centre, up to where a radial map is the identity to rounding: no gradient overflows behind it."""
    return jax.lax.clamp(0.0, _length(away), FAR)


def _length(x: Array) -> Array:
    """Euclidean length of each column, with gradient 0 at the origin; no square overflows."""
    most = jax.lax.stop_gradient(jnp.max(jnp.abs(x), axis=0))
    unit = jnp.where(most > 0, most, 1.0)
    return unit * _root(jnp.sum((x / unit) ** 2, axis=0))


def _root(x: Array) -> Array:
    """The square root, with gradient 0 at 0."""
    return jnp.where(x > 0, jnp.sqrt(jnp.where(x > 0, x, 1.0)), 0.0)
