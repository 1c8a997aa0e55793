"""B-NAF: block neural autoregressive flow, networks that are triangular maps themselves."""

from jaxtyping import PRNGKeyArray

from pushforward.bijections import AbstractBijection, BlockAutoregressive, Chain, Flip, Inverse, repeat
from pushforward.distributions import Normal, Transformed
from pushforward.flows._recipe import compiled


@compiled
def bnaf(
    dim: int,
    *,
    num_layers: int = 5,
    width: int = 16,
    depth: int = 2,
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Networks with block-triangular weights: densities in one pass, samples by one root for each coordinate in turn.

    Args:
        dim: Number of coordinates.
        num_layers: Networks, the order reversed between them; 5 in the paper.
        width: Hidden units of each coordinate; 10 to 40 in the paper.
        depth: Hidden layers.
        cond_dim: Size of the condition, or None.
        key: For the initial weights.

    Reference:
        De Cao, Titov & Aziz (2019), Block neural autoregressive flow.

    Note:
        The activation is a tanh with a leak: a network with the paper's tanh is not onto, and its density does not
        integrate to 1. Gated residual connections around every network, no weight normalisation.
    """

    def layer(layer_key: PRNGKeyArray) -> AbstractBijection:
        network = BlockAutoregressive(dim, width=width, depth=depth, cond_dim=cond_dim, key=layer_key)
        return Chain([Inverse(network), Flip((dim,))])

    return Transformed(Normal.standard((dim,)), repeat(layer, num_layers, key))
