"""Integer discrete flows: shifts by whole numbers that a network rounds."""

import jax
from jaxtyping import PRNGKeyArray

from pushforward._types import Activation
from pushforward.bijections import AbstractBijection, Autoregressive, Chain, Coupling, Flip, RoundedShift, repeat
from pushforward.distributions import (
    AbstractDistribution,
    DiscretizedLogistic,
    PredictedLogistic,
    SplitOff,
    Transformed,
)
from pushforward.flows._recipe import compiled


@compiled
def idf(
    dim: int,
    *,
    num_layers: int = 2,
    num_components: int = 5,
    num_splits: int = 0,
    unit: float = 1.0,
    autoregressive: bool = False,
    width: int = 128,
    depth: int = 2,
    activation: Activation = "relu",
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Couplings `y2 = x2 + round(t(x1))` of whole numbers, and a mixture of discretised logistics for each of them.

    `log_prob` is the log of a probability, and -inf for a number that is not whole. `io.compress` turns it into bytes.

    Args:
        dim: Number of whole numbers.
        num_layers: Couplings, or autoregressive layers; 8 for each of three scales of an image in the paper.
        num_components: Logistics in the base's mixture of each coordinate; 5 in the paper.
        num_splits: How often the base is halved: the second half has laws that a network predicts from the first, which
            is halved again. 0 for independent numbers.
        unit: How many whole numbers make 1 for the networks and the base: a quarter of the spread of the data. More
            makes the first steps coarse.
        autoregressive: Whether layers are autoregressive: better fits, samples one number after another.
        width: Hidden units.
        depth: Hidden layers.
        activation: Of the networks.
        cond_dim: Size of the condition, or None.
        key: For the initial weights.

    Reference:
        Hoogeboom, Peters, van den Berg & Welling (2019), Integer discrete flows and lossless compression.

    Note:
        On vectors: plain networks, halves and one scale, where the paper has dense blocks on images, three quarters
        that move a quarter, and couplings between splits; `idf_image` has these. Events are whole numbers where the
        paper has multiples of 1/256.
    """
    unit = float(unit)
    net = {"width": width, "depth": depth, "activation": activation, "unit": unit}
    layers_key, base_key = jax.random.split(key)

    def layer(layer_key: PRNGKeyArray) -> AbstractBijection:
        kind = Autoregressive if autoregressive else Coupling
        return Chain([kind(RoundedShift(unit=unit), dim, cond_dim=cond_dim, **net, key=layer_key), Flip((dim,))])

    def halves(size: int, left: int, key: PRNGKeyArray) -> AbstractDistribution:
        if left < 1 or size < 2:
            return DiscretizedLogistic.spread((size,), num_components, unit=unit)
        law_key, next_key = jax.random.split(key)
        kept, shape = size // 2, (size - size // 2,)
        law = PredictedLogistic(shape, (kept,), num_components=num_components, **net, key=law_key)
        return SplitOff(halves(kept, left - 1, next_key), law)

    return Transformed(halves(dim, num_splits, base_key), repeat(layer, num_layers, layers_key))
