"""RealNVP: affine couplings."""

from jaxtyping import PRNGKeyArray

from pushforward._types import Activation
from pushforward.bijections import AbstractBijection, Affine, Chain, Coupling, Flip, repeat
from pushforward.distributions import Normal, Transformed
from pushforward.flows._recipe import compiled


@compiled
def realnvp(
    dim: int,
    *,
    num_layers: int = 8,
    width: int = 128,
    depth: int = 2,
    activation: Activation = "relu",
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Couplings `y2 = s(x1) x2 + t(x1)` with alternating halves: one pass in both directions.

    Args:
        dim: Number of coordinates.
        num_layers: Couplings.
        width: Hidden units.
        depth: Hidden layers.
        activation: Of the networks.
        cond_dim: Size of the condition, or None.
        key: For the initial weights.

    Reference:
        Dinh, Sohl-Dickstein & Bengio (2017), Density estimation using Real NVP.

    Note:
        The vector form, without batch normalisation. The scale is `exp(arcsinh(raw))` where the paper has
        `exp(tanh(raw))` times a learned factor: it has no upper limit and grows only linearly in `raw`.
    """

    def layer(layer_key: PRNGKeyArray) -> AbstractBijection:
        return Chain(
            [
                Coupling(
                    Affine(), dim, width=width, depth=depth, cond_dim=cond_dim, activation=activation, key=layer_key
                ),
                Flip((dim,)),
            ]
        )

    return Transformed(Normal.standard((dim,)), repeat(layer, num_layers, key))
