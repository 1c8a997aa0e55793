"""What variational autoencoders are made of, by name: posteriors, priors, decoders."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from pushforward._errors import did_you_mean
from pushforward._types import Shape
from pushforward.bijections import (
    AbstractBijection,
    Affine,
    Chain,
    Conditioned,
    Inverse,
    TriangularAffine,
    count_raw,
    to_levels,
)
from pushforward.distributions import (
    AbstractDistribution,
    Bernoulli,
    Categorical,
    ConditionalBase,
    Mixture,
    Normal,
    PredictedLogistic,
    Transformed,
    embedded,
)
from pushforward.flows.autoregressive.iaf import iaf
from pushforward.flows.autoregressive.maf import maf
from pushforward.flows.continuous.ffjord import ffjord
from pushforward.flows.coupling.nice import nice
from pushforward.flows.coupling.nsf import nsf_autoregressive, nsf_coupling
from pushforward.flows.coupling.realnvp import realnvp
from pushforward.flows.linear.gaussian import gaussian
from pushforward.flows.residual_nets.planar import planar, radial
from pushforward.flows.residual_nets.residual import residual
from pushforward.flows.residual_nets.sylvester import sylvester
from pushforward.nets import AbstractConditioner, ConvDecoder, ConvEncoder, Dense

Flow = Callable[..., Any]

AMORTISED: dict[str, Flow] = {
    "planar": partial(planar, depth=0),
    "radial": partial(radial, depth=0),
    "sylvester": partial(sylvester, depth=0),
    "sylvester-householder": partial(sylvester, depth=0, variant="householder"),
    "sylvester-triangular": partial(sylvester, depth=0, variant="triangular"),
}
"""Maps whose own parameters are linear functions of what the encoder gives."""

CONDITIONED: dict[str, Flow] = {
    "iaf": partial(iaf, gate=4.0),
    "maf": maf,
    "realnvp": realnvp,
    "nsf": nsf_coupling,
    "nsf-ar": nsf_autoregressive,
}
"""Flows whose networks see what the encoder gives; an IAF begins nearer to the identity than alone (record 0061)."""

POSTERIORS = ("diagonal", "full", *AMORTISED, *CONDITIONED, "ffjord")
FLOWS: dict[str, Flow] = CONDITIONED | {
    "nice": nice,
    "gaussian": gaussian,
    "planar": planar,
    "radial": radial,
    "sylvester": sylvester,
    "residual": residual,
    "ffjord": ffjord,
}
WITHOUT_LAYERS = ("ffjord", "gaussian")
PRIORS = ("normal", "mixture", *FLOWS)
DECODERS = ("bernoulli", "categorical", "gaussian", "logistic")
NETS = ("dense", "convolutional")


def posterior(
    recipe: str, name: str, latent: int, seen: AbstractConditioner, *, layers: int, width: int, key: PRNGKeyArray
) -> AbstractDistribution:
    """$q(z | x)$: a Gaussian whose parameters are linear in what the network makes of x, and a flow behind it."""
    _check(recipe, "posterior", name, POSTERIORS)
    (features,) = seen.out_shape
    base_key, flow_key = jax.random.split(key)
    start: AbstractBijection = Affine(jnp.zeros(latent), 1.0)
    if name == "full":
        start = TriangularAffine(jnp.zeros(latent), jnp.eye(latent))
    maps: list[AbstractBijection] = [Conditioned(start, features, depth=0, key=base_key)]
    if name in AMORTISED:
        maps.append(AMORTISED[name](latent, num_layers=layers, cond_dim=features, key=flow_key).bijection)
    elif name == "ffjord":
        maps.append(ffjord(latent, width=width, cond_dim=features, trace="exact", key=flow_key).bijection)  # pyright: ignore[reportAttributeAccessIssue]: it is a `Transformed`
    elif name in CONDITIONED:
        built = CONDITIONED[name](latent, num_layers=layers, width=width, cond_dim=features, key=flow_key).bijection
        # Turned round, an autoregressive spline draws in one pass.
        maps.append(Inverse(built) if name == "nsf-ar" else built)
    return embedded(Transformed(Normal.standard((latent,)), Chain(maps)), seen)


def prior(recipe: str, name: str, latent: int, *, layers: int, components: int, key: PRNGKeyArray) -> Any:
    """p(z)."""
    _check(recipe, "prior", name, PRIORS)
    if name == "normal":
        return Normal.standard((latent,))
    if name == "mixture":
        places = jax.random.normal(key, (components, latent))
        return Mixture([Normal(place, jnp.ones(latent)) for place in places])  # pyright: ignore[reportCallIssue]
    options = {} if name in WITHOUT_LAYERS else {"num_layers": layers}
    return FLOWS[name](latent, **options, key=key)


def decoder(
    recipe: str,
    name: str,
    shape: Shape,
    latent: int,
    *,
    levels: int | None,
    components: int,
    nets: "Networks",
    key: PRNGKeyArray,
) -> tuple[AbstractDistribution, AbstractBijection | None]:
    """p(x | z), and a map from real numbers to whole ones where it gives real ones.

    Raises:
        ValueError: If it is unknown, or does not fit data of so many levels.
    """
    _check(recipe, "decoder", name, DECODERS)
    if (name == "bernoulli" and levels != 2) or (name in ("categorical", "logistic") and levels is None):
        what = "real numbers" if levels is None else f"{levels} grey values"
        fits = (
            '"gaussian"' if levels is None else '"logistic", "categorical" or "gaussian", or keep one bit (`--bits 1`)'
        )
        needs = "zeros and ones" if name == "bernoulli" else "whole numbers"
        raise ValueError(f"{recipe}: decoder={name!r} gives {needs}, and the data are {what}. Use {fits}.")
    if name == "logistic":
        unit = max((levels or 2) - 1, 1) / 4.0
        options: dict[str, Any] = {"width": nets.width, "depth": nets.depth}
        if nets.channels is not None:
            options = {"net": nets.decoder(latent, (3 * components, *shape), shape, key)}
        law = PredictedLogistic(
            shape, (latent,), num_components=components, unit=unit, levels=levels, key=key, **options
        )
        return law, None
    templates = {
        "bernoulli": lambda: Bernoulli(jnp.zeros(shape)),
        "categorical": lambda: Categorical(jnp.zeros((levels or 2, *shape))),
        "gaussian": lambda: Normal(jnp.zeros(shape), jnp.ones(shape)),  # pyright: ignore[reportCallIssue]
    }
    template = templates[name]()
    law = ConditionalBase(template, latent, net=nets.decoder(latent, (count_raw(template),), shape, key))
    return law, to_levels(shape, levels) if name == "gaussian" and levels is not None else None


def behind(prior: AbstractDistribution, *maps: AbstractBijection | None) -> Transformed:
    """A prior with an autoencoder behind it, and other maps; those that are None are left out."""
    flow = isinstance(prior, Transformed)
    start = [prior.bijection] if flow else []
    return Transformed(prior.base if flow else prior, Chain([*start, *(each for each in maps if each is not None)]))


def check_vamp(recipe: str, posterior: str, decoder: str) -> None:
    """A ValueError where the posterior's density costs more than a pass, or data are moved before they are encoded."""
    if posterior not in ("diagonal", "full"):
        raise ValueError(
            f'{recipe}: prior="vamp" needs the density of the posterior at other points than its own draws, which is '
            f'slow for {posterior!r}. Use posterior="diagonal" or "full".'
        )
    if decoder == "gaussian":
        raise ValueError(f'{recipe}: prior="vamp" is for decoders of whole numbers. Use prior="mixture".')


class Networks(NamedTuple):
    """Networks of encoders and decoders.

    Attributes:
        width: Hidden units, and features that the posterior sees.
        depth: Hidden layers of a decoder and, with its features, of an encoder; of convolutions, those at each size.
        gated: Whether they are gated.
        channels: Of convolutions, at half the size; None for fully connected networks.
    """

    width: int
    depth: int
    gated: bool
    channels: int | None = None

    def encoder(self, shape: Shape, unit: float, key: PRNGKeyArray) -> AbstractConditioner:
        """From events to features."""
        if self.channels is None:
            options = {"width": self.width, "depth": max(self.depth - 1, 0), "gated": self.gated}
            return Dense(shape, (self.width,), features=True, unit=unit, key=key, **options)
        options = {"channels": self.channels, "depth": self.depth, "gated": self.gated}
        return ConvEncoder(shape, (self.width,), unit=unit, key=key, **options)

    def decoder(self, latent: int, numbers: Shape, shape: Shape, key: PRNGKeyArray) -> AbstractConditioner:
        """From latent variables to these numbers about events of this shape."""
        if self.channels is None:
            return Dense((latent,), numbers, width=self.width, depth=self.depth, gated=self.gated, key=key)
        options = {"channels": self.channels, "depth": self.depth, "gated": self.gated}
        return ConvDecoder((latent,), numbers, shape, key=key, **options)


def networks(recipe: str, net: str, *, width: int, depth: int, gated: bool, channels: int) -> Networks:
    """The networks by name."""
    _check(recipe, "net", net, NETS)
    return Networks(width, depth, gated, channels if net == "convolutional" else None)


def check_sizes(recipe: str, **sizes: int | None) -> None:
    """A ValueError for a size below 1; None is one that is left out."""
    for name, size in sizes.items():
        if size is not None and size < 1:
            raise ValueError(f"{recipe}: `{name}` must be at least 1, got {size}.")


def _check(recipe: str, option: str, name: str, legal: tuple[str, ...]) -> None:
    if name not in legal:
        raise ValueError(f"{recipe}: unknown {option} {name!r}; {did_you_mean(name, legal)}")
