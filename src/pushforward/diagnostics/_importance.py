"""Importance sampling with a flow: log Z, expectations, and whether to believe them."""

import dataclasses
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from pushforward._errors import DataError, as_seed
from pushforward._functions import hashable
from pushforward.diagnostics._pareto import smooth_tail
from pushforward.distributions import AbstractDistribution, Fitted
from pushforward.distributions._fitted import flow_of
from pushforward.distributions._layout import batch_first
from pushforward.objectives._reverse_kl import LogDensity, fault_of, log_densities

FEWEST = 25
"""Draws; a Pareto tail is not fitted to fewer than 5, a fifth of them."""

LEAST_EFFECTIVE = 10
"""Draws that a mean needs at the best of tails, k = 0 (Vehtari et al. 2024, eq. 10)."""


@dataclasses.dataclass(frozen=True)
class WeightedSamples:
    r"""Draws with importance weights for an unnormalised density $\tilde p$, $Z = \int \tilde p$.

    Attributes:
        samples: `(n, *event_shape)`.
        log_weights: Of the draws, smoothed and normalised: their exponentials sum to 1. Shape `(n,)`.
        log_z: Estimate of $\log Z$ in nats, from the weights as they are.
        log_z_error: Its standard error in nats; infinite weights of rare draws that have not come up do not show in it.
        effective_sample_size: $(\sum w)^2 / \sum w^2$, between 1 and n.
        pareto_k: Shape of the tail of the weights above zero: below 0.5 their variance is finite; above `k_limit` the
            estimates are not to be trusted, however many draws there are. Minus infinity where there is no tail, as
            where weights are equal up to rounding; infinite where there are too few to tell: fewer than 25 above zero,
            or fewer than 5 above many equal ones that hold a hundredth of the sum.
    """

    samples: np.ndarray
    log_weights: np.ndarray
    log_z: float
    log_z_error: float
    effective_sample_size: float
    pareto_k: float

    @property
    def k_limit(self) -> float:
        r"""The largest trustworthy `pareto_k`, $\min(0.7, 1 - 1/\log_{10} n)$ (Vehtari et al. 2024, section 3.2.4).

        Here n counts the draws whose weight is above zero.
        """
        count = max(int(np.count_nonzero(np.isfinite(self.log_weights))), FEWEST)
        return min(0.7, 1.0 - 1.0 / math.log10(count))

    @property
    def doubt(self) -> str | None:
        """Why the estimates are not to be trusted, or None."""
        if math.isinf(self.pareto_k) and self.pareto_k > 0:
            return "too few weights to know their tail"
        if not self.pareto_k < self.k_limit:
            return f"Pareto k is above {self.k_limit:.2f}"
        if not self.effective_sample_size >= LEAST_EFFECTIVE:
            return f"fewer than {LEAST_EFFECTIVE} effective draws"
        return None

    @property
    def reliable(self) -> bool:
        """Whether `pareto_k` is below its limit, and the effective sample size at least 10."""
        return self.doubt is None

    def expectation(self, function: Callable[[Array], Array] = lambda x: x) -> tuple[np.ndarray, np.ndarray]:
        r"""$\mathbb{E}_p[f(x)]$ of the normalised density, and its standard error.

        Args:
            function: $f$ of one event, a JAX function that returns an array; by default the event itself.

        Raises:
            DataError: If a value is not finite.
        """
        values = np.asarray(jax.vmap(hashable(function))(jnp.asarray(self.samples)), np.float64)
        if not np.isfinite(values).all():
            raise DataError("expectation: the function is not finite at some draws.", "Guard its logarithms and roots.")
        weights = np.exp(self.log_weights).reshape(-1, *[1] * (values.ndim - 1))
        mean = np.sum(weights * values, axis=0)
        return np.asarray(mean), np.asarray(np.sqrt(np.sum((weights * (values - mean)) ** 2, axis=0)))

    def __str__(self) -> str:
        n, doubt = len(self.samples), self.doubt
        verdict = f"reliable (limit {self.k_limit:.2f})" if doubt is None else f"NOT reliable: {doubt}"
        return (
            f"log Z = {self.log_z:.4f} ± {self.log_z_error:.4f} nats from {n} draws\n"
            f"effective sample size {self.effective_sample_size:.0f} ({100 * self.effective_sample_size / n:.1f} %)\n"
            f"{pareto_told(self.pareto_k)}, {verdict}"
        )


def importance(
    flow: AbstractDistribution | Fitted, log_density: LogDensity, *, num_samples: int = 10_000, key: PRNGKeyArray | int
) -> WeightedSamples:
    r"""Draw from a flow and weigh the draws by $\tilde p(x)/q(x)$; for stochastic layers by the weight of the path.

    Args:
        flow: Trained to the density, for example by `reverse_kl`; not conditional. Or a fitted estimator.
        log_density: $\log\tilde p$ of one event `(*event_shape,) -> ()` in nats, a JAX function of any kind;
            -inf where the density is 0.
        num_samples: Draws.
        key: A key or a seed.

    Raises:
        ValueError: If the flow is conditional, there are fewer than 25 draws, or `log_density` does not return a
            scalar.
        DataError: If the log-density is NaN or +inf at a draw, which is named, or -inf at all of them.

    Example:
        >>> flow = pf.distributions.Normal(jnp.zeros(2), 1.2)
        >>> found = pf.diagnostics.importance(flow, lambda x: -0.5 * jnp.sum(x**2), key=key)
        >>> bool(abs(found.log_z - np.log(2 * np.pi)) < 4 * found.log_z_error), found.reliable
        (True, True)
    """
    flow, key = flow_of("importance", flow), as_seed("importance", key)
    if flow.cond_shape is not None:
        raise ValueError(f"importance: the flow is conditional on shape {flow.cond_shape}; use one that is not.")
    x, log_q, log_p = _drawn(hashable(log_density), num_samples, flow, key)
    values = np.asarray(log_p)
    if fault := fault_of("log_density", x, np.where(np.isneginf(values), 0.0, values)):
        raise DataError(f"importance: {fault}.", "It must be a number, or -inf where the density is zero.")
    return weigh(np.asarray(batch_first(x)), np.asarray(log_p, np.float64) - np.asarray(log_q, np.float64))


def weigh(samples: ArrayLike, log_weights: ArrayLike) -> WeightedSamples:
    r"""Estimates from draws that were made elsewhere, with $\log w = \log\tilde p(x) - \log q(x)$.

    Args:
        samples: `(n, *event_shape)`.
        log_weights: Not normalised, `(n,)`; -inf for a weight of zero.

    Raises:
        ValueError: If there are fewer than 25 draws, or not as many weights as draws.
        DataError: If a log-weight is NaN or +inf, or all are -inf.

    Reference:
        Vehtari, Simpson, Gelman, Yao & Gabry (2024), Pareto smoothed importance sampling.
    """
    x, given = np.asarray(samples), np.asarray(log_weights, np.float64)
    if given.ndim != 1 or len(given) != len(x) or len(x) < FEWEST:
        raise ValueError(
            f"weigh: needs at least {FEWEST} draws and one log-weight for each, got samples of shape {x.shape} "
            f"and log-weights of shape {given.shape}."
        )
    top = np.max(given)
    if np.isnan(given).any() or np.isposinf(top):
        raise DataError("weigh: a log-weight is NaN or +inf.", "Look at the log-density where that draw is.")
    if np.isneginf(top):
        raise DataError(
            "weigh: every weight is zero: the draws miss the density.",
            "End the flow with a map onto the density's support, such as `Sigmoid`, or train it first.",
        )
    weights = np.exp(given - top)
    mean = np.mean(weights)
    smoothed, pareto_k = _smooth(given - top)
    return WeightedSamples(
        samples=x,
        log_weights=smoothed,
        log_z=float(top + np.log(mean)),
        log_z_error=float(np.std(weights, ddof=1) / mean / math.sqrt(len(weights))),
        effective_sample_size=float(np.sum(weights) ** 2 / np.sum(weights**2)),
        pareto_k=pareto_k,
    )


def _smooth(log_weights: np.ndarray) -> tuple[np.ndarray, float]:
    """Log-weights that sum to 1, and Pareto k, both of the weights above zero: zeros would be taken as a tail."""
    above, smoothed, pareto_k = log_weights > LOG_ZERO, log_weights.copy(), math.inf
    if np.count_nonzero(above) >= FEWEST:
        smoothed[above], pareto_k = smooth_tail(log_weights[above])
    total: Any = np.logaddexp.reduce(smoothed)
    return smoothed - total, float(pareto_k)


LOG_ZERO = -700.0
"""The exponential of this, beside a largest weight of 1, is the least that float64 holds in full: no tail."""


@partial(jax.jit, static_argnums=(0, 1))
def _drawn(
    log_density: LogDensity, num_samples: int, flow: AbstractDistribution, key: PRNGKeyArray
) -> tuple[Array, Array, Array]:
    x, log_q = flow._sample_and_log_prob_many(key, num_samples, None)
    return x, log_q, log_densities("importance", log_density, x, flow.event_shape)


def pareto_told(k: float) -> str:
    """A shape of weights in words."""
    return "weights without a tail" if k == -math.inf else f"Pareto k = {k:.2f}"
