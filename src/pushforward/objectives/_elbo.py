"""Training variational autoencoders: bounds of the evidence."""

import dataclasses
import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from pushforward._errors import did_you_mean
from pushforward.distributions import AbstractDistribution
from pushforward.distributions._latent import Draw, Latent, drawn, latent_of
from pushforward.objectives._batch import Batch, Objective

IWAE_GRADIENTS = ("auto", "total", "doubly")


@dataclasses.dataclass(frozen=True)
class ELBO:
    r"""Make the objective $-\log p(x \mid z) + \beta\,[\log q(z \mid x) - \log p(z)]$, with $z \sim q(z \mid x)$.

    In nats, in the units of the data. $\beta$ rises evenly over the first part of training. The figure that is
    reported on held-out rows is the plain bound, with $\beta = 1$ and without free bits.

    Args:
        warm_up: Share of all steps over which the weight of the divergence rises from 0 to `beta`.
        beta: Its weight after that; 1 for the bound itself.
        free_bits: Nats of the divergence, for each latent variable, that cost nothing: below them there is no gain in
            making it smaller. In the mean over the batch; of each variable apart where posterior and prior are
            independent Gaussians, and else of all together, as a divergence of flows has no parts.

    Raises:
        ValueError: If a number is out of range; when called, if the flow is no variational autoencoder.

    Example:
        >>> vae = pf.flows.vae(3, latent=2, width=8, key=key)
        >>> loss, metrics = pf.objectives.ELBO(warm_up=0.1)(vae, pf.objectives.Batch(jnp.zeros((5, 3))), key=key)
        >>> sorted(metrics)
        ['kl']

    Reference:
        Kingma & Welling (2014), Auto-encoding variational Bayes, eq. 2. Sønderby, Raiko, Maaløe, Sønderby & Winther
        (2016), Ladder variational autoencoders, section 2.3, for the warm-up. Kingma et al. (2016), Improving
        variational inference with inverse autoregressive flow, appendix C.8, for free bits.
    """

    warm_up: float = 0.0
    beta: float = 1.0
    free_bits: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.warm_up <= 1:
            raise ValueError(f"ELBO: `warm_up` is a share of the steps, from 0 to 1, got {self.warm_up}.")
        if not 0 < self.beta < math.inf:
            raise ValueError(f"ELBO: `beta` must be positive and finite, got {self.beta}.")
        if not 0 <= self.free_bits < math.inf:
            raise ValueError(f"ELBO: `free_bits` must be at least 0 and finite, got {self.free_bits}.")

    def __call__(
        self, flow: AbstractDistribution, batch: Batch, *, key: PRNGKeyArray
    ) -> tuple[Float[Array, ""], dict[str, Array]]:
        Batch.check("ELBO", batch)
        latent = required("ELBO", flow)
        draw = drawn(latent, batch.columns(flow)[0], key)
        kl = batch.mean(draw.log_posterior - draw.log_prior)
        loss = batch.mean(-_in_units(draw.log_likelihood, batch))
        metrics = {"kl": jax.lax.stop_gradient(kl)}
        if batch.progress is None:
            return loss + kl, metrics
        weight = self.beta * (jnp.minimum(batch.progress / self.warm_up, 1.0) if self.warm_up else 1.0)
        return loss + weight * self._charged(latent, draw, kl, batch), metrics

    def _charged(self, latent: Latent, draw: Draw, kl: Array, batch: Batch) -> Array:
        """The divergence that costs something."""
        if not self.free_bits:
            return kl
        if draw.divergences is None:
            return jnp.maximum(kl, self.free_bits * math.prod(latent.autoencoder.in_shape))
        each = jax.vmap(batch.mean)(draw.divergences.reshape(-1, draw.divergences.shape[-1]))
        return jnp.sum(jnp.maximum(each, self.free_bits))


@dataclasses.dataclass(frozen=True)
class IWAE:
    r"""Make the objective $-\log \frac1k \sum_{i=1}^k p(x, z_i) / q(z_i \mid x)$: a bound, tighter with more draws.

    Args:
        num_samples: $k$, draws of the latent variables for each row.
        gradient: "total", or "doubly": doubly reparametrised, with less noise for the encoder, which needs an encoder
            whose density costs one pass. "auto" is "doubly" where it can be had, and $k > 1$.

    Raises:
        ValueError: If `num_samples` is below 1 or the gradient is unknown; when called, if the flow is no variational
            autoencoder, or the gradient cannot be had.

    Example:
        >>> pf.objectives.IWAE(5).num_samples
        5

    Reference:
        Burda, Grosse & Salakhutdinov (2016), Importance weighted autoencoders, eq. 8. Tucker, Lawson, Gu & Maddison
        (2019), Doubly reparameterized gradient estimators, eq. 8.
    """

    num_samples: int = 5
    gradient: str = "auto"

    def __post_init__(self) -> None:
        if self.num_samples < 1:
            raise ValueError(f"IWAE: `num_samples` must be at least 1, got {self.num_samples}.")
        if self.gradient not in IWAE_GRADIENTS:
            legal = did_you_mean(self.gradient, IWAE_GRADIENTS)
            raise ValueError(f"IWAE: unknown gradient {self.gradient!r}; {legal}")

    def __call__(
        self, flow: AbstractDistribution, batch: Batch, *, key: PRNGKeyArray
    ) -> tuple[Float[Array, ""], dict[str, Array]]:
        Batch.check("IWAE", batch)
        latent = required("IWAE", flow)
        x = batch.columns(flow)[0]
        if self._is_doubly(latent):
            bound, kl = _doubly(latent, x, key, self.num_samples)
        else:
            draw = drawn(latent, x, key, self.num_samples)
            bound, kl = _bound(_log_weights(draw).reshape(self.num_samples, -1)), draw.log_posterior - draw.log_prior
        loss = batch.mean(-_in_units(bound, batch))
        return loss, {"kl": jax.lax.stop_gradient(batch.mean(jnp.mean(kl.reshape(self.num_samples, -1), axis=0)))}

    def _is_doubly(self, latent: Latent) -> bool:
        encoder = latent.autoencoder.encoder
        can = encoder.kinds[0] == "analytic" and encoder.exact
        if self.gradient == "doubly" and not can:
            raise ValueError(
                'IWAE: gradient="doubly" needs the density of the encoder at its own draws, which for this one is '
                f'{encoder.kinds[0]}. Use gradient="total", or a diagonal or full Gaussian.'
            )
        return can and self.num_samples > 1 and self.gradient != "total"


def _doubly(latent: Latent, x: Array, key: PRNGKeyArray, count: int) -> tuple[Array, Array]:
    """The bound, with gradients of the encoder by the squared weights through the draws alone, and divergences."""
    units_key, key, prior_key = jax.random.split(key, 3)
    x, log_det, law, given = latent.seen(x, units_key, count)
    decoder = latent.autoencoder.decoder
    z = law._sample_many(key, x.shape[-1], given, None)
    still, unseen = jax.lax.stop_gradient((law, given))

    def weighed(z: Array) -> tuple[Array, Array]:
        kl = still._log_prob_many(z, unseen, None) - latent.prior._log_prob_many(z, None, prior_key)
        return (decoder._log_prob_many(x, z, None) + log_det - kl).reshape(count, -1), kl

    log_weights, kl = weighed(jax.lax.stop_gradient(z))
    share = jax.lax.stop_gradient(jax.nn.softmax(log_weights, axis=0))
    fixed = jax.lax.stop_gradient(z)
    # The same point, with its gradient scaled by the share once more.
    log_weights = weighed(fixed + share.reshape(-1) * (z - fixed))[0]
    surrogate = jnp.sum(share * log_weights, axis=0)
    bound = _bound(jax.lax.stop_gradient(log_weights))
    return bound + surrogate - jax.lax.stop_gradient(surrogate), kl


def _log_weights(draw: Draw) -> Array:
    return draw.log_likelihood + draw.log_prior - draw.log_posterior


def _bound(log_weights: Array) -> Array:
    return jax.nn.logsumexp(log_weights, axis=0) - math.log(log_weights.shape[0])


def _in_units(log_prob: Array, batch: Batch) -> Array:
    return log_prob if batch.log_det is None else log_prob + batch.log_det


def elbo(flow: AbstractDistribution, batch: Batch, *, key: PRNGKeyArray) -> tuple[Float[Array, ""], dict[str, Array]]:
    """`ELBO` or `IWAE` as the autoencoder itself says, see `bijections.Autoencoder`: what the estimators train by."""
    step = required("elbo", flow).autoencoder
    chosen: Objective = ELBO(warm_up=step.warm_up, free_bits=step.free_bits)
    if step.importance_samples > 1:
        chosen = IWAE(step.importance_samples)
    return chosen(flow, batch, key=key)


def required(name: str, flow: AbstractDistribution) -> Latent:
    """The parts of a variational autoencoder.

    Raises:
        ValueError: If the flow is none.
    """
    found = latent_of(flow)
    if found is None:
        raise ValueError(
            f"{name}: the flow has no latent variables to draw. Build a variational autoencoder, such as "
            "`pf.flows.vae(dim, key=key)`, or train this one with `nll`."
        )
    return found
