"""All numbers that the laws of a map look at, computed by two programs: in float64 with derivatives, in float32."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pushforward._types import KINDS, Kind, worst_kind
from pushforward.bijections import AbstractBijection
from pushforward.testing._law import listed
from pushforward.testing._parts import cast, perturb

DOMAINS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "real": lambda v: v,
    "positive": np.exp,
    "unit": lambda v: 1.0 / (1.0 + np.exp(-v)),
    "circle": lambda v: np.pi * np.tanh(v),
}
"""From any number to one where the inputs of `forward` are drawn; "circle" is from -pi to pi."""

RANDOM, WIDE, WIDE_SCALE = 5, 3, 10.0
WILD = 1.0
ROUNDINGS = 64
"""Rounding steps of an output that a steep inverse may amplify."""


Values = Any
"""Arrays of JAX inside the programs, of NumPy outside."""


class Facts(NamedTuple):
    """Both directions at `n` events, one by one, and at all of them at once (`_many`)."""

    x: Values
    y: Values
    log_det: Values
    back: Values
    log_det_back: Values


class Derivatives(NamedTuple):
    """What float64 has beside: Jacobians `(n, out, in)` and `(n, in, out)`, batches, and the gradient of a batch."""

    jacobian: Values
    jacobian_back: Values
    slope_back: Values
    y_many: Values
    log_det_many: Values
    back_many: Values
    log_det_back_many: Values
    pulled_many: Values


@dataclass(frozen=True)
class MapSubject:
    """A map with what the laws need to know of it; see `check_bijection`."""

    given: AbstractBijection
    domain: str = "real"
    points: np.ndarray | None = None
    knots: tuple[float, ...] = ()
    far: bool = True
    noise: float = 0.4
    tolerance: float = 0.0

    @cached_property
    def bijection(self) -> AbstractBijection:
        """Moved away from where it starts."""
        return perturb(self.given, self.noise) if self.noise else self.given

    @property
    def kind(self) -> Kind:
        """Of the harder direction."""
        kinds: list[Kind] = [kind for kind in (self.given.forward_kind, self.given.inverse_kind) if kind in KINDS]
        return worst_kind(kinds)

    @cached_property
    def inputs(self) -> np.ndarray:
        """Random ones, far ones where the map takes them, and knots: `(n, *in_shape)`."""
        if self.points is not None:
            return np.asarray(self.points, np.float64)
        rng, shape = np.random.default_rng(7), self.given.in_shape
        x = DOMAINS[self.domain](1.5 * rng.standard_normal((RANDOM, *shape)))
        wide = WIDE_SCALE * rng.choice([-1.0, 1.0], (WIDE if self.reaches else 0, *shape))
        knots = [np.full((1, *shape), knot) for knot in self.knots]
        return np.concatenate([x, *knots, wide])

    @property
    def reaches(self) -> bool:
        """Whether inputs far from 0 are to be tried."""
        return self.far and self.domain == "real" and self.points is None

    @cached_property
    def conditions(self) -> np.ndarray | None:
        """`(n, *cond_shape)`."""
        shape = self.given.cond_shape
        return None if shape is None else np.random.default_rng(8).standard_normal((len(self.inputs), *shape))

    @cached_property
    def exact(self) -> tuple[Facts, Derivatives]:
        """In float64."""
        return self.exact_at(self.conditions)

    def exact_at(self, conditions: np.ndarray | None) -> tuple[Facts, Derivatives]:
        """In float64, given these conditions."""
        with jax.enable_x64(True):
            bijection = cast(self.bijection, "float64")
            x, condition = jnp.asarray(self.inputs), _optional(conditions)
            facts, *derivatives = _exact(bijection, x, condition)
            return _as_numpy((facts, Derivatives(*derivatives, *_many(bijection, x, facts.y, condition))))

    @cached_property
    def single(self) -> Facts:
        """In float32."""
        with jax.enable_x64(False):
            x = jnp.asarray(self.inputs, "float32")
            return _as_numpy(_single(cast(self.bijection, "float32"), x, _optional(self.conditions)))

    def steep(self, tolerance: float, dtype: str, derivatives: Derivatives) -> np.ndarray:
        """`(n,)`: the tolerance, and far out at least what the inverse makes of the rounding of its input."""
        with np.errstate(invalid="ignore", over="ignore"):
            slope = np.linalg.norm(derivatives.jacobian_back, axis=(1, 2))
            size = 1.0 + np.max(np.abs(self.exact[0].y).reshape(len(self.inputs), -1), axis=1)
            amplified = ROUNDINGS * np.finfo(dtype).eps * slope * size
        if self.points is None:
            amplified[: len(self.inputs) - (WIDE if self.reaches else 0)] = 0.0
        return np.fmax(amplified, max(tolerance, self.tolerance))

    @property
    def smooth(self) -> np.ndarray:
        """Numbers of the inputs that are no knots, where one-sided derivatives may differ."""
        knots = np.arange(RANDOM, RANDOM + len(self.knots)) if self.points is None else []
        return np.setdiff1d(np.arange(len(self.inputs)), knots)

    def where(self, event: int) -> str:
        """An event in words."""
        given = "" if self.conditions is None else f", condition = {listed(self.conditions[event])}"
        return f"x = {listed(self.inputs[event])}{given}"


def _optional(condition: np.ndarray | None) -> Array | None:
    return None if condition is None else jnp.asarray(condition, dtype=jnp.result_type(float))


def _as_numpy(facts: Any) -> Any:
    return jax.tree.map(np.asarray, facts)


def _axes(condition: Array | None) -> tuple[int, int | None]:
    return 0, None if condition is None else 0


@jax.jit
def _single(bijection: AbstractBijection, x: Array, condition: Array | None) -> Facts:
    axes = _axes(condition)
    y, log_det = jax.vmap(bijection.forward_and_log_det, axes)(x, condition)
    back, log_det_back = jax.vmap(bijection.inverse_and_log_det, axes)(y, condition)
    return Facts(x, y, log_det, back, log_det_back)


@jax.jit
def _exact(bijection: AbstractBijection, x: Array, condition: Array | None) -> tuple[Facts, Array, Array, Array]:
    y, log_det, jacobian, _ = _each(bijection.forward_and_log_det, x, condition)
    back, log_det_back, jacobian_back, slope_back = _each(bijection.inverse_and_log_det, y, condition)
    return Facts(x, y, log_det, back, log_det_back), jacobian, jacobian_back, slope_back


@jax.jit
def _many(bijection: AbstractBijection, x: Array, y: Array, condition: Array | None) -> tuple[Array, ...]:
    """What `Derivatives` has of whole batches.

    A program of its own: beside that of single events, the XLA of JAX 0.10 without optimisations and without fusion
    emitters got one entry of the gradient of a `MonotoneNetwork` wrong.
    """
    last = None if condition is None else jnp.moveaxis(condition, 0, -1)
    y_many, log_det_many = bijection._forward_many(jnp.moveaxis(x, 0, -1), last, None)
    (back_many, log_det_back_many), pull = jax.vjp(
        lambda events: bijection._inverse_many(events, last, None), jnp.moveaxis(y, 0, -1)
    )
    pulled_many = pull((jnp.ones_like(back_many), jnp.ones_like(log_det_back_many)))[0]
    y_many, back_many, pulled_many = (jnp.moveaxis(value, -1, 0) for value in (y_many, back_many, pulled_many))
    return y_many, log_det_many, back_many, log_det_back_many, pulled_many


def _each(method: Callable, value: Array, condition: Array | None) -> tuple[Array, Array, Array, Array]:
    """Values, log-dets, Jacobians and the log-dets' gradients of events one by one, by one differentiation."""

    def with_aux(v: Array, c: Array | None):
        y, log_det = method(v, c)
        return (y.reshape(-1), log_det), (y, log_det)

    # Reverse mode, because splines have a gradient of their own that forward mode does not know.
    (jacobian, slope), (y, log_det) = jax.vmap(jax.jacrev(with_aux, has_aux=True), _axes(condition))(value, condition)
    n = len(value)
    return y, log_det, jacobian.reshape(n, jacobian.shape[1], -1), slope.reshape(n, -1)
