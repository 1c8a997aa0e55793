"""Measure the map of a flow layer by layer, so that layers of one structure are compiled once."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from pushforward._types import worst_kind
from pushforward.bijections import AbstractBijection, Chain, Inverse, Scan
from pushforward.diagnostics._report import LayerReport, MapReport
from pushforward.distributions import Transformed

_MAX_DIM = 64  # a Jacobian costs as many passes as it has rows
_JACOBIANS = 16


class _Local(NamedTuple):
    """A map near some points: Jacobians `(n, dim, dim)` and the error of its log-dets `(n,)`."""

    jacobian: np.ndarray
    gap: np.ndarray


def measure_map(flow: Transformed, x: Array, condition: Array | None, inside: Array, key: PRNGKeyArray) -> MapReport:
    """Round trips and Jacobians at events `(*event, n)`, of which only those count where `inside` holds."""
    steps = _steps(flow.bijection)
    keys = list(jax.random.split(key, len(steps)))
    points = np.flatnonzero(inside)[:_JACOBIANS]
    given = None if condition is None else condition[..., points]
    layers, whole, value = [], _start(x, points), x
    for step, step_key in zip(steps[::-1], keys[::-1], strict=True):
        # With a key, an exact log-det may be an estimate for training.
        local = _local(step, value[..., points], given, None if step.exact else step_key)
        whole = _after(whole, local)
        z = _inverse(step, value, condition, step_key)
        error = _difference(_forward(step, z, condition, step_key), value, inside)
        layers.append(_layer_report(step, error, local))
        value = z
    for step, step_key in zip(steps, keys, strict=True):
        value = _forward(step, value, condition, step_key)
    return MapReport(
        layers=tuple(layers[::-1]),
        round_trip=_difference(value, x, inside),
        base_round_trip=_base_round_trip(flow, steps, condition, x.shape[-1], key) if flow.bijection.exact else None,
        log_det_error=None if whole is None else _largest(whole.gap),
        singular_values=None if whole is None else _singular_values(whole),
    )


def _steps(bijection: AbstractBijection) -> list[AbstractBijection]:
    """The layers, from the base to the data."""
    if isinstance(bijection, Chain):
        return [step for part in bijection.bijections for step in _steps(part)]
    if isinstance(bijection, Scan):
        return [step for part in bijection.layers() for step in _steps(part)]
    return [bijection]


def _start(x: Array, points: np.ndarray) -> _Local | None:
    """The map from the data in units of its standard deviations to the data itself."""
    if math.prod(x.shape[:-1]) > _MAX_DIM or len(points) == 0:
        return None
    spread = np.std(np.asarray(x, np.float64), axis=-1).reshape(-1)
    jacobian = np.diag(np.where(spread > 0, spread, 1.0))
    return _Local(np.broadcast_to(jacobian, (len(points), *jacobian.shape)), np.zeros(len(points)))


def _after(first: _Local | None, second: _Local | None) -> _Local | None:
    if first is None or second is None:
        return None
    return _Local(second.jacobian @ first.jacobian, second.gap + first.gap)


def _local(step: AbstractBijection, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> _Local | None:
    """The inverse of a layer near events `(*event, n)`; None if it changes the dimension or has too many."""
    dims = math.prod(step.in_shape), math.prod(step.out_shape)
    if dims[0] != dims[1] or dims[0] > _MAX_DIM or x.shape[-1] == 0:
        return None
    jacobian, log_det = (np.asarray(a, np.float64) for a in _jacobians(step, x, condition, key))
    with np.errstate(invalid="ignore"):  # NaN is reported as such
        return _Local(jacobian, np.linalg.slogdet(jacobian)[1] - log_det)


def _layer_report(step: AbstractBijection, error: float, local: _Local | None) -> LayerReport:
    return LayerReport(
        name=_name(step),
        kind=worst_kind([step.forward_kind, step.inverse_kind]),
        round_trip=error,
        log_det_error=None if local is None else _largest(local.gap),
        singular_values=None if local is None else _singular_values(local),
    )


def _name(step: AbstractBijection) -> str:
    return f"Inverse({_name(step.bijection)})" if isinstance(step, Inverse) else type(step).__name__


def _largest(gap: np.ndarray) -> float:
    return float(np.max(np.abs(gap)))


def _singular_values(local: _Local) -> tuple[float, float]:
    if not np.all(np.isfinite(local.jacobian)):
        return math.nan, math.nan
    values = np.linalg.svd(local.jacobian, compute_uv=False)
    return float(values.min()), float(values.max())


def _base_round_trip(flow: Transformed, steps: list[AbstractBijection], condition, n: int, key: PRNGKeyArray) -> float:
    value = z = flow.base._sample_many(key, n, condition, None)
    for step in steps:
        value = _forward(step, value, condition, key)
    for step in steps[::-1]:
        value = _inverse(step, value, condition, key)
    return _difference(value, z, jnp.ones(n, bool))


def _difference(value: Array, wanted: Array, inside: Array) -> float:
    """Largest |value - wanted| / (|wanted| + spread) over the events that count; NaN if one is NaN."""
    wanted = jnp.where(inside, wanted, 0.0)
    difference = jnp.abs(jnp.where(inside, value, 0.0) - wanted)
    size = jnp.abs(wanted) + jnp.std(wanted, axis=-1, keepdims=True)
    # NumPy's maximum: that of JAX may overlook a NaN on a CPU.
    return float(np.max(np.where(difference == 0, 0.0, difference / np.where(size == 0, 1.0, size))))


@jax.jit
def _forward(step: AbstractBijection, x: Array, condition: Array | None, key: PRNGKeyArray) -> Array:
    return step._forward_many(x, condition, key)[0]


@jax.jit
def _inverse(step: AbstractBijection, x: Array, condition: Array | None, key: PRNGKeyArray) -> Array:
    return step._inverse_many(x, condition, key)[0]


@jax.jit
def _jacobians(
    step: AbstractBijection, x: Array, condition: Array | None, key: PRNGKeyArray | None
) -> tuple[Array, Array]:
    """Jacobian `(n, dim, dim)` and log-det `(n,)` of the inverse at events `(*event, n)`."""

    def inverse(event: Array, given: Array | None):
        value, log_det = step._inverse(event.reshape(step.out_shape), given, key)
        return value.reshape(-1), log_det

    # Reverse mode, because splines have a gradient of their own that forward mode does not know.
    jacobian = jax.jacrev(inverse, has_aux=True)
    events = x.reshape(-1, x.shape[-1])
    return jax.vmap(jacobian, in_axes=(-1, None if condition is None else -1))(events, condition)
