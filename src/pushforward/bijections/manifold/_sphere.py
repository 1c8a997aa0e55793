"""The sphere as a cylinder around it: (height, longitude) onto unit vectors, or onto latitude and longitude.

Heights lie in [-1, 1] and longitudes in [-pi, pi). Areas of the cylinder and of the sphere are the same (Archimedes),
so a density on one is a density per area of the other.
"""

import math
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from pushforward._types import Kind, Shape
from pushforward.bijections._base import AbstractBatched
from pushforward.bijections.manifold._circular import wrap
from pushforward.supports import Circle, Interval, Product, Sphere, Support


class AbstractFromCylinder(AbstractBatched):
    """A map from (height, longitude)."""

    in_shape: ClassVar[Shape] = (2,)
    cond_shape: ClassVar[Shape | None] = None
    forward_kind: ClassVar[Kind] = "analytic"
    inverse_kind: ClassVar[Kind] = "analytic"

    @property
    def domain(self) -> Support:
        return Product((Interval(-1.0, 1.0), Circle()))


class CylinderToSphere(AbstractFromCylinder):
    r"""$(h, \lambda) \mapsto (\sqrt{1-h^2}\cos\lambda, \sqrt{1-h^2}\sin\lambda, h)$: unit vectors.

    The log-det is 0: it is that of areas on the sphere, which a cylinder around it keeps. `inverse` takes the direction
    of any vector; for a unit vector it undoes `forward`.

    Example:
        >>> CylinderToSphere().forward(jnp.array([0.6, 0.0])).tolist()
        [0.8, 0.0, 0.6]
    """

    out_shape: ClassVar[Shape] = (3,)

    @property
    def image(self) -> Support:
        return Sphere()

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        height, longitude = x
        radius = _radius(height)
        vector = jnp.stack([radius * jnp.cos(longitude), radius * jnp.sin(longitude), height])
        return vector, jnp.zeros_like(height)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        tiny = jnp.finfo(x.dtype).tiny
        length = jnp.sqrt(jnp.maximum(jnp.sum(x * x, axis=0), tiny))
        # At a pole every longitude is right, and the derivative of none is finite: take 0.
        at_pole = x[0] ** 2 + x[1] ** 2 <= tiny
        longitude = jnp.arctan2(jnp.where(at_pole, 0.0, x[1]), jnp.where(at_pole, 1.0, x[0]))
        return jnp.stack([x[2] / length, wrap(longitude)]), jnp.zeros_like(length)


class CylinderToDegrees(AbstractFromCylinder):
    r"""$(h, \lambda) \mapsto (\arcsin h, \lambda)$ in degrees: latitude in [-90, 90], longitude in [-180, 180).

    $\log|\det| = 2\log\frac{180}{\pi} - \log\cos\text{latitude}$. `inverse` takes any longitude, and a latitude beyond
    a pole as that pole, with log-det -inf.

    Example:
        >>> CylinderToDegrees().forward(jnp.array([0.5, 0.0])).tolist()
        [30.0, 0.0]
    """

    out_shape: ClassVar[Shape] = (2,)

    @property
    def image(self) -> Support:
        return Product((Interval(-90.0, 90.0), Circle(-180.0, 180.0)))

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        height, longitude = x
        latitude = jnp.arctan2(height, _radius(height))
        log_det = 2.0 * LOG_DEGREES - jnp.log(_radius(height))
        return jnp.stack([latitude, wrap(longitude)]) * DEGREES, log_det

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        latitude, longitude = x / DEGREES
        quarter = 0.5 * math.pi
        inside = jnp.abs(x[0]) <= 90.0
        latitude = jnp.where(latitude < -quarter, -quarter, jnp.where(latitude > quarter, quarter, latitude))
        cos = jnp.maximum(jnp.cos(latitude), jnp.finfo(x.dtype).eps)
        log_det = jnp.where(inside, jnp.log(cos) - 2.0 * LOG_DEGREES, -jnp.inf)
        return jnp.stack([jnp.sin(latitude), wrap(longitude)]), log_det


DEGREES = 180.0 / math.pi
LOG_DEGREES = math.log(DEGREES)


def _radius(height: Array) -> Array:
    """Distance from the axis; never 0, where its derivative is not finite."""
    return jnp.sqrt(jnp.maximum((1.0 - height) * (1.0 + height), jnp.finfo(height.dtype).eps ** 2))
