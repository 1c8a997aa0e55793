"""Learning from an unnormalised density instead of data."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from pushforward.distributions._base import AbstractDistribution
from pushforward.objectives._batch import Batch, Objective


def reverse_kl(log_density: Callable[[Array], Array], *, num_samples: int = 256) -> Objective:
    r"""Make the objective $\mathbb{E}_{x \sim q}[\log q(x) - \log \tilde p(x)] = \mathrm{KL}(q \| p) - \log Z$.

    The batch is not looked at: draws come from the flow itself, so call `fit(flow, None, objective=reverse_kl(...))`.
    The flow tends to cover only some of several separate modes.

    Args:
        log_density: $\log \tilde p$ of one event `(*event_shape,) -> ()`, a JAX function; it need not be normalised.
        num_samples: Draws per step.

    Returns:
        An objective whose metrics are `log_z`, the importance-weighted estimate of $\log Z$ in nats, and
        `effective_fraction`, the effective sample size of those weights as a share of the draws, in (0, 1].

    Raises:
        ValueError: If `num_samples` is below 1, or `log_density` does not return a scalar.

    Example:
        >>> objective = pf.objectives.reverse_kl(lambda x: -0.5 * jnp.sum(x**2))
        >>> flow = pf.distributions.Normal.standard((2,))
        >>> loss, metrics = objective(flow, pf.objectives.Batch(), key=key)
        >>> round(float(metrics["log_z"]), 4)  # log 2 pi
        1.8379
    """
    if num_samples < 1:
        raise ValueError(f"reverse_kl: `num_samples` must be at least 1, got {num_samples}.")

    def objective(
        flow: AbstractDistribution, batch: Batch, *, key: PRNGKeyArray
    ) -> tuple[Float[Array, ""], dict[str, Array]]:
        if flow.cond_shape is not None:
            raise ValueError(f"reverse_kl: the flow is conditional on shape {flow.cond_shape}; use one that is not.")
        x, log_q = flow._sample_and_log_prob_many(key, num_samples, None)
        log_p = jax.vmap(log_density, in_axes=-1)(x)
        if log_p.shape != log_q.shape:
            raise ValueError(
                f"reverse_kl: `log_density` must return a scalar for one event of shape {flow.event_shape}, "
                f"got shape {log_p.shape[1:]}. Sum over the event inside it."
            )
        return jnp.mean(log_q - log_p), _importance(jax.lax.stop_gradient(log_p - log_q))

    return objective


def _importance(log_weights: Array) -> dict[str, Array]:
    n = log_weights.shape[0]
    total = jax.nn.logsumexp(log_weights)
    effective = jnp.exp(2 * total - jax.nn.logsumexp(2 * log_weights))
    return {"log_z": total - jnp.log(n), "effective_fraction": effective / n}
