"""Variational autoencoders of images, with flows as posterior and prior."""

import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from pushforward._types import Shape
from pushforward.bijections import Autoencoder
from pushforward.distributions import Transformed, Vamp
from pushforward.flows._recipe import compiled
from pushforward.flows.latent import _parts


@compiled
def vae_image(
    shape: Shape,
    *,
    latent: int = 40,
    second_latent: int | None = None,
    posterior: str = "diagonal",
    prior: str = "normal",
    posterior_layers: int = 4,
    prior_layers: int = 4,
    num_components: int | None = None,
    decoder: str | None = None,
    net: str = "dense",
    channels: int = 32,
    width: int = 300,
    depth: int = 2,
    gated: bool = True,
    flow_width: int = 128,
    grey_levels: int | None = 256,
    warm_up: float = 0.1,
    free_bits: float = 0.0,
    importance_samples: int = 1,
    key: PRNGKeyArray,
) -> Transformed | Vamp:
    """Images by way of a vector of latent variables: `log_prob` is a bound from below, in the mean over keys.

    Args:
        shape: `(height, width, channels)`.
        latent: Number of latent variables; 40 in the VampPrior paper, 64 in the Sylvester paper.
        second_latent: Number of those of a second layer above the first, or None for one layer.
        posterior: As of `vae`.
        prior: As of `vae`, or "vamp": the encoder's mixture over trained pseudo-inputs.
        posterior_layers: Of the posterior's flow; 4 to 16 in the Sylvester paper.
        prior_layers: Of the prior's flow.
        num_components: Of a mixture as prior, by default 10; of "vamp", by default 100, 500 in its paper; of the
            decoder "logistic", for each number, by default 5.
        decoder: "bernoulli" for two grey values, "logistic" (mixtures of discretised logistics), "categorical", or
            "gaussian" with uniform noise; by default "bernoulli" for two grey values, and "logistic" for more.
        net: Encoder and decoder: "dense", as in the VampPrior paper, or "convolutional", as in the Sylvester paper but
            smaller (see `nets.ConvEncoder`).
        channels: Of convolutions, at half the height and width; twice as many where images are smaller.
        width: Hidden units of dense networks, and features that the posterior sees.
        depth: Hidden layers of a dense decoder and, with its features, of an encoder; convolutions at each size.
        gated: Whether hidden layers are gated, as in both papers.
        flow_width: Hidden units of the posterior's flow.
        grey_levels: How many grey values; None for images of real numbers.
        warm_up: Share of all steps over which the weight of the divergence rises from 0 to 1.
        free_bits: Nats of the divergence, for each latent variable, that cost nothing.
        importance_samples: Draws of the latent variables for each row in training; from 2 on the bound is importance
            weighted.
        key: For the initial weights.

    Reference:
        van den Berg, Hasenclever, Tomczak & Welling (2018), Sylvester normalizing flows for variational inference.
        Tomczak & Welling (2018), VAE with a VampPrior, for dense networks of these sizes.
    """
    name = "vae_image"
    training = {"warm_up": warm_up, "free_bits": free_bits, "importance_samples": importance_samples}
    sizes = {"latent": latent, "second_latent": second_latent, "width": width, "channels": channels}
    _parts.check_sizes(name, **sizes, num_components=num_components)
    kind = decoder or ("bernoulli" if grey_levels == 2 else "gaussian" if grey_levels is None else "logistic")
    keys = jax.random.split(key, 5)
    nets = _parts.networks(name, net, width=width, depth=depth, gated=gated, channels=channels)
    law, units = _parts.decoder(
        name, kind, shape, latent, levels=grey_levels, components=num_components or 5, nets=nets, key=keys[0]
    )
    unit = 1.0 if grey_levels is None or units is not None else float(max(grey_levels - 1, 1))
    seen = nets.encoder(shape, unit, keys[1])
    q = _parts.posterior(name, posterior, latent, seen, layers=posterior_layers, width=flow_width, key=keys[2])
    step = Autoencoder(q, law, **training)
    if prior == "vamp":
        _parts.check_vamp(name, posterior, kind)
        if second_latent is not None:
            raise ValueError(f'{name}: prior="vamp" is for one layer of latent variables. Leave out `second_latent`.')
        inputs = jnp.full((num_components or 100, *shape), 0.5)
        return Vamp(step, inputs, low=0.0, high=float(max((grey_levels or 2) - 1, 1)))
    above = None if second_latent is None else _above(name, latent, second_latent, nets, keys[3])
    top = latent if second_latent is None else second_latent
    base = _parts.prior(name, prior, top, layers=prior_layers, components=num_components or 10, key=keys[4])
    return _parts.behind(base, above, step, units)


def _above(name: str, latent: int, second: int, nets: _parts.Networks, key: PRNGKeyArray) -> Autoencoder:
    """Latent variables from fewer ones: an autoencoder with Gaussians both ways."""
    seen_key, q_key, law_key = jax.random.split(key, 3)
    nets = nets._replace(channels=None)
    seen = nets.encoder((latent,), 1.0, seen_key)
    q = _parts.posterior(name, "diagonal", second, seen, layers=1, width=nets.width, key=q_key)
    law, _ = _parts.decoder(name, "gaussian", (latent,), second, levels=None, components=1, nets=nets, key=law_key)
    return Autoencoder(q, law)
