"""MintNet: masked residual networks with exact log-dets, on vectors."""

from jaxtyping import PRNGKeyArray

from pushforward._types import Activation
from pushforward.bijections import AbstractBijection, Chain, Flip, MaskedResidual, repeat
from pushforward.distributions import Normal, Transformed
from pushforward.flows._recipe import compiled


@compiled
def mintnet(
    dim: int,
    *,
    num_layers: int = 5,
    width: int = 16,
    depth: int = 2,
    activation: Activation = "tanh",
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Layers `z = t x + g(x)` with a masked network `g`, the order of the coordinates reversed between them.

    Args:
        dim: Number of coordinates.
        num_layers: Layers; the paper uses 20 on images.
        width: Hidden units at each coordinate, so `width * dim` in each hidden layer.
        depth: Hidden layers of each network; the paper uses 2.
        activation: Of the networks, one that increases.
        cond_dim: Size of the condition, or None.
        key: For the initial weights.

    Reference:
        Song, Meng & Ermon (2019), MintNet: building invertible neural networks with masked convolutions.

    Note:
        Masked linear maps in place of masked convolutions.
    """

    def layer(layer_key: PRNGKeyArray) -> AbstractBijection:
        block = MaskedResidual(dim, width=width, depth=depth, cond_dim=cond_dim, activation=activation, key=layer_key)
        return Chain([block, Flip((dim,))])

    return Transformed(Normal.standard((dim,)), repeat(layer, num_layers, key))
