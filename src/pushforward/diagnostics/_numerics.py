"""Measure whether a flow is numerically sound at its data, far from it, and where it samples."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from equinox import combine
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from pushforward._errors import DataError, as_batch, as_seed, check_condition
from pushforward._params import partition
from pushforward.diagnostics._map import measure_map
from pushforward.diagnostics._report import Diagnosis, MapReport, TailReport
from pushforward.distributions import AbstractDistribution, Embedded, Fitted, Transformed
from pushforward.distributions._fitted import conditions_of, flow_of

_PROBES = 32
_DISTANCES = (10.0, 1e2, 1e4)


def diagnose(
    flow: AbstractDistribution | Fitted,
    x: ArrayLike | Any,
    condition: ArrayLike | Any = None,
    *,
    max_points: int = 256,
    key: PRNGKeyArray | int,
) -> Diagnosis:
    """Round trips, log-dets, singular values, tails and the sampler of a flow, measured at data.

    Args:
        flow: Any distribution, or a fitted estimator; the numbers on the map need a `Transformed`.
        x: Data, `(n, *event_shape)`, or a data frame.
        condition: `(n, *cond_shape)` for a conditional flow.
        max_points: How many rows of the data to use, drawn at random.
        key: A key or a seed; draws the rows, the probes and the samples.

    Raises:
        DataError: If there are no rows, or a value is not finite.
        ValueError: If a shape does not fit.

    Example:
        >>> flow = pf.distributions.Normal.standard((2,))
        >>> print(diagnose(flow, jnp.eye(2), key=jax.random.key(0)))  # doctest: +ELLIPSIS
        2 points, ...
        no problem found

    Reference:
        Behrmann et al. (2021), Understanding and mitigating exploding inverses in invertible neural networks.
    """
    flow = flow_of("diagnose", flow)
    rows_key, map_key, tail_key, sample_key = jax.random.split(as_seed("diagnose", key), 4)
    x, condition = _rows(flow, np.asarray(x), conditions_of(flow, condition), max_points, rows_key)
    log_prob = flow.log_prob(x, condition, key=map_key)
    inside = jnp.isfinite(log_prob)
    flow, given = _without_embedding(flow, condition)
    outside = float(jnp.mean(jnp.isneginf(log_prob)))
    return Diagnosis(
        points=len(x),
        epsilon=float(jnp.finfo(x.dtype).eps),
        map=measure_map(flow, _last(x), _last(given), inside, map_key)
        if isinstance(flow, Transformed)
        else MapReport(),
        share_nan=float(jnp.mean(~inside)) - outside,
        share_outside=outside,
        tails=tuple(_tail(flow, x, given, distance, tail_key) for distance in _DISTANCES),
        sampler_error=_sampler_error(flow, given, len(x), sample_key) if flow.exact else None,
    )


def _rows(
    flow: AbstractDistribution, x: ArrayLike, condition: ArrayLike | None, max_points: int, key: PRNGKeyArray
) -> tuple[Array, Array | None]:
    """Up to `max_points` rows of the data and of the condition."""
    check_condition("diagnose", condition, flow.cond_shape)
    x = as_batch("diagnose", "x", x, flow.event_shape).reshape(-1, *flow.event_shape)
    if len(x) == 0 or not bool(jnp.all(jnp.isfinite(x))):
        raise DataError("diagnose: `x` has no rows or values that are not finite", "give rows of finite numbers")
    chosen = jax.random.permutation(key, len(x))[:max_points]
    if condition is None or flow.cond_shape is None:
        return x[chosen], None
    condition = as_batch("diagnose", "condition", condition, flow.cond_shape).reshape(-1, *flow.cond_shape)
    if len(condition) != len(x):
        raise ValueError(f"diagnose: `condition` must have one row per row of `x`, {len(x)}, got {len(condition)}.")
    return x[chosen], condition[chosen]


def _without_embedding(
    flow: AbstractDistribution, condition: Array | None
) -> tuple[AbstractDistribution, Array | None]:
    while isinstance(flow, Embedded):
        seen = None if condition is None else flow._embed(jnp.moveaxis(condition, 0, -1))
        condition = None if seen is None else jnp.moveaxis(seen, -1, 0)
        flow = flow.distribution
    return flow, condition


def _tail(
    flow: AbstractDistribution, x: Array, condition: Array | None, distance: float, key: PRNGKeyArray
) -> TailReport:
    """Probes at `distance` standard deviations: all coordinates at once, and one at a time."""
    sign_key, axis_key = jax.random.split(key)
    centre, scale = jnp.mean(x, axis=0).reshape(-1), jnp.std(x, axis=0).reshape(-1)
    signs = jax.random.rademacher(sign_key, (_PROBES, centre.size), x.dtype)
    axes = jax.nn.one_hot(jax.random.randint(axis_key, (_PROBES // 2,), 0, centre.size), centre.size, dtype=x.dtype)
    directions = signs.at[: _PROBES // 2].multiply(axes)
    probes = centre + distance * jnp.where(scale > 0, scale, 1.0) * directions
    given = None if condition is None else condition[jnp.arange(_PROBES) % len(condition)]
    log_prob, by_parameters, by_x = _log_prob_and_gradients(
        flow, _last(probes.reshape(_PROBES, *flow.event_shape)), _last(given), key
    )
    return TailReport(
        distance=distance,
        log_prob_ok=float(jnp.mean(jnp.isfinite(log_prob) | jnp.isneginf(log_prob))),
        gradient_ok=float(jnp.mean(jnp.all(jnp.isfinite(by_x.reshape(-1, _PROBES)), axis=0))),
        parameters_ok=all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in jax.tree.leaves(by_parameters)),
    )


@jax.jit
def _log_prob_and_gradients(flow: AbstractDistribution, x: Array, condition: Array | None, key: PRNGKeyArray):
    trained, rest = partition(flow)

    def total(trained, x):
        log_prob = combine(trained, rest)._log_prob_many(x, condition, key)
        return jnp.sum(jnp.where(jnp.isneginf(log_prob), 0.0, log_prob)), log_prob

    (by_parameters, by_x), log_prob = jax.grad(total, argnums=(0, 1), has_aux=True)(trained, x)
    return log_prob, by_parameters, by_x


def _sampler_error(flow: AbstractDistribution, condition: Array | None, n: int, key: PRNGKeyArray) -> float:
    samples, promised = flow.sample_and_log_prob(key, n if condition is None else (), condition)
    log_prob = flow.log_prob(samples, condition)
    return float(np.max(np.asarray(jnp.abs(promised - log_prob) / (1 + jnp.abs(log_prob)))))


def _last(x: Any) -> Any:
    """`(n, *event) -> (*event, n)`."""
    return None if x is None else jnp.moveaxis(x, 0, -1)
