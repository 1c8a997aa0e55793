"""Learning from an unnormalised density instead of data."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from pushforward._errors import did_you_mean
from pushforward._functions import hashable
from pushforward._types import Shape
from pushforward.distributions import AbstractDistribution, Embedded, Transformed
from pushforward.objectives._batch import Batch, Objective

LogDensity = Callable[[Array], Array]
"""A JAX function from one event to the logarithm of its density, up to a constant."""

GRADIENTS = ("auto", "path", "total")


def reverse_kl(log_density: LogDensity, *, num_samples: int = 256, gradient: str = "auto") -> Objective:
    r"""Make the objective $\mathbb{E}_{x \sim q}[\log q(x) - \log \tilde p(x)] = \mathrm{KL}(q \| p) - \log Z$.

    The batch is not looked at: draws come from the flow itself, so call `fit(flow, None, objective=reverse_kl(...))`.
    The flow tends to cover only some of several separate modes. If the density is zero somewhere, end the flow with a
    map onto the rest, such as `Sigmoid`: where a sample falls on density zero the loss is infinite.

    For a flow with stochastic layers $\log q(x)$ is that of the path, relative to the reversed path.

    Args:
        log_density: $\log \tilde p$ of one event `(*event_shape,) -> ()`, a JAX function of any kind, such as
            `teacher.log_prob`; it need not be normalised.
        num_samples: Draws per step.
        gradient: `"path"` differentiates through the samples only, which has less variance, none at all where the
            flow equals the density, and costs a density pass; `"total"` differentiates everything; `"auto"` is the
            former for a flow whose density is exact in one pass, else the latter. Neither reaches choices among
            finitely many things: the weights of a mixture stay as they are.

    Returns:
        An objective whose metrics are `log_z`, the importance-weighted estimate of $\log Z$ in nats, and
        `effective_fraction`, the effective sample size of those weights as a share of the draws, in (0, 1].

    Raises:
        ValueError: If `num_samples` is below 1, `gradient` is unknown, or, when called, `log_density` does not return
            a scalar, or the flow is conditional or, for `"path"`, not exact.

    Example:
        >>> objective = pf.objectives.reverse_kl(lambda x: -0.5 * jnp.sum(x**2))
        >>> flow = pf.distributions.Normal.standard((2,))
        >>> loss, metrics = objective(flow, pf.objectives.Batch(), key=key)
        >>> round(float(metrics["log_z"]), 4)  # log 2 pi
        1.8379

    Reference:
        Rezende & Mohamed (2015), Variational inference with normalizing flows, eq. 15. Roeder, Wu & Duvenaud (2017),
        Sticking the landing, eq. 6. Vaitl, Nicoli, Nakajima & Kessel (2022), Gradients should stay on path, eq. 8.
    """
    if num_samples < 1:
        raise ValueError(f"reverse_kl: `num_samples` must be at least 1, got {num_samples}.")
    if gradient not in GRADIENTS:
        raise ValueError(f"reverse_kl: unknown gradient {gradient!r}; {did_you_mean(gradient, GRADIENTS)}")
    return _ReverseKL(hashable(log_density), num_samples, gradient)


@dataclasses.dataclass(frozen=True)
class _ReverseKL:
    log_density: LogDensity
    num_samples: int
    gradient: str

    def __call__(
        self, flow: AbstractDistribution, batch: Batch, *, key: PRNGKeyArray
    ) -> tuple[Float[Array, ""], dict[str, Array]]:
        x, log_q = self._draws(flow, key)
        log_p = log_densities("reverse_kl", self.log_density, x, flow.event_shape)
        return jnp.mean(log_q - log_p), _importance(jax.lax.stop_gradient(log_p - log_q))

    def cause(self, flow: AbstractDistribution, key: PRNGKeyArray) -> str | None:
        """What is wrong with the log-density at the draws of this key, in words, or None."""
        x, log_p = _scored(self, flow, key)
        return fault_of("log_density", x, log_p)

    def _draws(self, flow: AbstractDistribution, key: PRNGKeyArray) -> tuple[Array, Array]:
        if flow.cond_shape is not None:
            raise ValueError(f"reverse_kl: the flow is conditional on shape {flow.cond_shape}; use one that is not.")
        if self.gradient == "path" and not flow.exact:
            raise ValueError(
                "reverse_kl: the path gradient needs an exact density, and that of this flow is a bound or an "
                'estimate. Use gradient="total".'
            )
        if self.gradient == "total" or (self.gradient == "auto" and not _in_one_pass(flow)):
            return flow._sample_and_log_prob_many(key, self.num_samples, None)
        x = flow._sample_many(key, self.num_samples, None, None)
        return x, jax.lax.stop_gradient(flow)._log_prob_many(x, None, None)


_scored = jax.jit(
    lambda objective, flow, key: (
        (x := objective._draws(flow, key)[0]),
        log_densities("reverse_kl", objective.log_density, x, flow.event_shape),
    ),
    static_argnums=0,
)


def _in_one_pass(flow: AbstractDistribution) -> bool:
    """Whether the density of a point is exact and costs one pass."""
    if isinstance(flow, Embedded):
        return _in_one_pass(flow.distribution)
    if isinstance(flow, Transformed):
        return flow.exact and flow.bijection.inverse_kind == "analytic" and _in_one_pass(flow.base)
    return flow.exact


def log_densities(name: str, log_density: LogDensity, x: Array, event_shape: Shape) -> Array:
    """The log-density of each event of `(*event_shape, batch)`.

    Raises:
        ValueError: If it is not a scalar.
    """
    log_p: Any = jax.vmap(log_density, in_axes=-1)(x)
    if not isinstance(log_p, jax.Array) or log_p.shape != x.shape[-1:]:
        given = f"shape {log_p.shape[1:]}" if isinstance(log_p, jax.Array) else f"a {type(log_p).__name__}"
        raise ValueError(
            f"{name}: `log_density` must return a scalar for one event of shape {event_shape}, got {given}. "
            "Sum over the event inside it."
        )
    return log_p.astype(x.dtype)


def fault_of(name: str, x: ArrayLike, log_p: ArrayLike) -> str | None:
    """Where log-densities `(n,)` of events `(*event, n)` cannot be used, in words, or None."""
    values = np.asarray(log_p)
    wrong = {"NaN": np.isnan(values), "+inf": np.isposinf(values), "-inf": np.isneginf(values)}
    for what, rows in wrong.items():
        if rows.any():
            event = np.array2string(np.moveaxis(np.asarray(x), -1, 0)[np.argmax(rows)], precision=4, threshold=8)
            return (
                f"`{name}` is {what} in {np.count_nonzero(rows)} of {len(values)} draws of the flow, as at x = {event}"
            )
    return None


def _importance(log_weights: Array) -> dict[str, Array]:
    n = log_weights.shape[0]
    total = jax.nn.logsumexp(log_weights)
    effective = jnp.exp(2 * total - jax.nn.logsumexp(2 * log_weights))
    return {"log_z": total - jnp.log(n), "effective_fraction": effective / n}
