"""Variational autoencoders of vectors, with flows as posterior and prior."""

import jax
from jaxtyping import PRNGKeyArray

from pushforward.bijections import Autoencoder
from pushforward.distributions import Transformed
from pushforward.flows._recipe import compiled
from pushforward.flows.latent import _parts


@compiled
def vae(
    dim: int,
    *,
    latent: int | None = None,
    posterior: str = "diagonal",
    prior: str = "normal",
    posterior_layers: int = 4,
    prior_layers: int = 4,
    num_components: int | None = None,
    width: int = 128,
    depth: int = 2,
    gated: bool = False,
    warm_up: float = 0.1,
    free_bits: float = 0.0,
    importance_samples: int = 1,
    key: PRNGKeyArray,
) -> Transformed:
    """Numbers by way of fewer latent variables: `log_prob` is a bound from below, in the mean over keys.

    Args:
        dim: Number of coordinates.
        latent: Number of latent variables; by default half as many as coordinates, at least 1 and at most 32.
        posterior: "diagonal", "full", "planar", "radial", "sylvester" (orthogonal), "sylvester-householder",
            "sylvester-triangular", "iaf", "maf", "realnvp", "nsf", "nsf-ar" or "ffjord": a Gaussian that depends on the
            data, and a flow behind it that does too.
        prior: "normal", "mixture", or a flow: "realnvp", "maf", "nsf", "nsf-ar", "iaf", "nice", "gaussian", ...
        posterior_layers: Of the posterior's flow.
        prior_layers: Of the prior's flow.
        num_components: Of a mixture as prior, by default 10.
        width: Hidden units of encoder and decoder, and features that the posterior sees.
        depth: Hidden layers of the decoder and, with its features, of the encoder.
        gated: Whether hidden layers are gated, in place of an activation.
        warm_up: Share of all steps over which the weight of the divergence rises from 0 to 1.
        free_bits: Nats of the divergence, for each latent variable, that cost nothing.
        importance_samples: Draws of the latent variables for each row in training; from 2 on the bound is importance
            weighted.
        key: For the initial weights.

    Reference:
        Kingma & Welling (2014), Auto-encoding variational Bayes; Rezende & Mohamed (2015), Variational inference with
        normalizing flows, for the posteriors; Huang et al. (2017), Learnable explicit density for continuous latent
        space, for flows as priors.
    """
    training = {"warm_up": warm_up, "free_bits": free_bits, "importance_samples": importance_samples}
    _parts.check_sizes("vae", latent=latent, width=width, num_components=num_components)
    size = min(max(dim // 2, 1), 32) if latent is None else latent
    keys = jax.random.split(key, 4)
    nets = _parts.Networks(width, depth, gated)
    seen = nets.encoder((dim,), 1.0, keys[0])
    q = _parts.posterior("vae", posterior, size, seen, layers=posterior_layers, width=width, key=keys[1])
    base = _parts.prior("vae", prior, size, layers=prior_layers, components=num_components or 10, key=keys[2])
    law, _ = _parts.decoder("vae", "gaussian", (dim,), size, levels=None, components=1, nets=nets, key=keys[3])
    return _parts.behind(base, Autoencoder(q, law, **training))
