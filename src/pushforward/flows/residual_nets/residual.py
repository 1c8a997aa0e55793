"""i-ResNet and Residual Flow: residual networks that are invertible because they are contractions."""

from jaxtyping import PRNGKeyArray

from pushforward._types import Activation
from pushforward.bijections import AbstractBijection, ActNorm, Chain, Contractive, repeat
from pushforward.distributions import Normal, Transformed
from pushforward.flows._recipe import compiled


@compiled
def iresnet(
    dim: int,
    *,
    num_layers: int = 8,
    width: int = 64,
    depth: int = 2,
    coeff: float = 0.9,
    num_terms: int = 10,
    activation: Activation = "elu",
    log_det: str = "series",
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Blocks `z = x + g(x)` whose log-det is trained by the first terms of its series: quick, but biased.

    Args:
        dim: Number of coordinates.
        num_layers: Blocks.
        width: Hidden units of each block.
        depth: Hidden layers of each block; the paper uses 2 to 3.
        coeff: Lipschitz bound of each block, below 1.
        num_terms: Of the series; the paper uses 5 to 10.
        activation: Of the networks.
        log_det: In training; `"exact"` takes `dim` passes, and is the better choice in a few dimensions.
        cond_dim: Size of the condition, or None.
        key: For the initial weights.

    Reference:
        Behrmann, Grathwohl, Chen, Duvenaud & Jacobsen (2019), Invertible residual networks.

    Note:
        The bound holds for each block, not for each of its linear maps. The gradient of the series is that of Residual
        Flow: the same in the mean, with less memory. Without a key the log-det is exact up to 64 dimensions.
    """
    return _blocks(dim, num_layers, width, depth, coeff, num_terms, activation, log_det, cond_dim, key)


@compiled
def residual(
    dim: int,
    *,
    num_layers: int = 8,
    width: int = 64,
    depth: int = 2,
    coeff: float = 0.98,
    num_terms: int = 2,
    activation: Activation = "lipswish",
    log_det: str = "roulette",
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Blocks `z = x + g(x)` whose log-det is trained by an unbiased estimate with a random number of terms.

    Args:
        dim: Number of coordinates.
        num_layers: Blocks; the paper uses 100 on toy data.
        width: Hidden units of each block; the paper uses 128 on toy data.
        depth: Hidden layers of each block; the paper uses 4 on toy data.
        coeff: Lipschitz bound of each block, below 1.
        num_terms: Terms that are always taken.
        activation: Of the networks.
        log_det: In training; `"exact"` takes `dim` passes, and is the better choice in a few dimensions.
        cond_dim: Size of the condition, or None.
        key: For the initial weights.

    Reference:
        Chen, Behrmann, Duvenaud & Jacobsen (2019), Residual flows for invertible generative modeling.

    Note:
        The bound holds for each block, not for each of its linear maps. The number of terms is geometric and drawn for
        each row; the authors' code draws one Poisson number for a batch, whose variance is infinite in theory.
    """
    return _blocks(dim, num_layers, width, depth, coeff, num_terms, activation, log_det, cond_dim, key)


def _blocks(
    dim: int,
    num_layers: int,
    width: int,
    depth: int,
    coeff: float,
    num_terms: int,
    activation: Activation,
    log_det: str,
    cond_dim: int | None,
    key: PRNGKeyArray,
) -> Transformed:
    def layer(layer_key: PRNGKeyArray) -> AbstractBijection:
        block = Contractive(
            dim,
            log_det=log_det,
            num_terms=num_terms,
            coeff=coeff,
            width=width,
            depth=depth,
            cond_dim=cond_dim,
            activation=activation,
            key=layer_key,
        )
        return Chain([block, ActNorm(dim)])

    return Transformed(Normal.standard((dim,)), repeat(layer, num_layers, key))
