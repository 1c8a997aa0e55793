"""The log-probability behind a bound, by many draws."""

import math
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from pushforward._errors import as_batch, as_seed, check_condition
from pushforward.distributions import AbstractDistribution, Fitted
from pushforward.distributions._fitted import flow_of
from pushforward.distributions._layout import most_rows, rows_of


class Evidence(NamedTuple):
    r"""Estimates of log-probabilities.

    Attributes:
        log_prob: In nats, `(n,)`; in the mean from below, and nearer the more draws there are.
        error: Standard error of each in nats, `(n,)`, from the spread of the weights; 0 where the density is exact. It
            is too small where a few draws carry all the weight.
    """

    log_prob: np.ndarray
    error: np.ndarray


def estimate_log_prob(
    flow: AbstractDistribution | Fitted,
    x: ArrayLike,
    condition: ArrayLike | None = None,
    *,
    k: int = 1000,
    key: PRNGKeyArray | int,
) -> Evidence:
    r"""$\log \frac1k \sum_{i=1}^k e^{\ell_i(x)}$, where $\ell_i$ are draws of the flow's own bound.

    For a variational autoencoder it is the importance weighted bound with $k$ draws; it serves as well for noise that
    makes whole numbers continuous, learned or not, and for categories as largest numbers: each draw of such a bound is
    a log-weight whose exponential has the probability as its mean.

    Args:
        flow: A distribution or a fitted estimator.
        x: `(n, *event_shape)`.
        condition: `(n, *cond_shape)` for a conditional flow.
        k: Draws for each event.
        key: A key or a seed.

    Raises:
        ValueError: If `k` is below 1 or a shape does not fit.

    Example:
        >>> vae = pf.flows.vae(3, latent=2, width=8, key=key)
        >>> found = pf.diagnostics.estimate_log_prob(vae, jnp.zeros((5, 3)), k=50, key=key)
        >>> found.log_prob.shape, found.error.shape
        ((5,), (5,))

    Reference:
        Burda, Grosse & Salakhutdinov (2016), Importance weighted autoencoders, eq. 8. Hoogeboom, Cohen & Tomczak
        (2020), Learning discrete distributions by dequantization, section 3, for noise.
    """
    flow, seed = flow_of("estimate_log_prob", flow), as_seed("estimate_log_prob", key)
    if not isinstance(k, int | np.integer) or k < 1:
        raise ValueError(f"estimate_log_prob: `k`, the number of draws, must be a whole number from 1 on, got {k}.")
    check_condition("estimate_log_prob", condition, flow.cond_shape)
    events = as_batch("estimate_log_prob", "x", x, flow.event_shape)
    events = rows_of(events, events.shape[: events.ndim - len(flow.event_shape)], flow.event_shape)
    given: Any = None
    if condition is not None and flow.cond_shape is not None:
        given = rows_of(jnp.asarray(condition), (len(events),), flow.cond_shape)
    if flow.exact:
        return Evidence(np.asarray(flow.log_prob(events, given), np.float64), np.zeros(len(events)))
    size, found = max(most_rows(flow.event_shape), 1), []
    for number, start in enumerate(range(0, len(events), size)):
        rows = slice(start, start + size)
        part = None if given is None else given[rows]
        found.append(_streamed(flow, events[rows], part, jax.random.fold_in(seed, number), int(k)))
    log_prob, error = np.concatenate([np.asarray(each, np.float64) for each in found], axis=-1)
    return Evidence(log_prob, error)


@partial(jax.jit, static_argnames="k")
def _streamed(flow: AbstractDistribution, x: Array, condition: Array | None, key: PRNGKeyArray, k: int) -> Array:
    """Estimates and errors, `(2, n)`: sums of weights and of their squares, one draw after another."""

    def add(sums: tuple[Array, Array], draw_key: PRNGKeyArray) -> tuple[tuple[Array, Array], None]:
        log_weight = flow._log_prob_many(jnp.moveaxis(x, 0, -1), given, draw_key)
        return (jnp.logaddexp(sums[0], log_weight), jnp.logaddexp(sums[1], 2.0 * log_weight)), None

    given = None if condition is None else jnp.moveaxis(condition, 0, -1)
    empty = jnp.full(x.shape[0], -jnp.inf, jnp.result_type(float))
    (first, second), _ = jax.lax.scan(add, (empty, empty), jax.random.split(key, k))
    log_mean = first - math.log(k)
    # Var(w) / (k mean(w)^2), of the weights relative to their mean.
    spread = jnp.maximum(jnp.exp(second - math.log(k) - 2.0 * log_mean) - 1.0, 0.0)
    error = jnp.sqrt(spread / max(k - 1, 1)) if k > 1 else jnp.full_like(log_mean, jnp.inf)
    return jnp.stack([log_mean, jnp.where(jnp.isneginf(log_mean), 0.0, error)])
