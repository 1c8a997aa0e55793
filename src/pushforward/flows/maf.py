"""MAF: masked autoregressive flow, fast at densities."""

from jaxtyping import PRNGKeyArray

from pushforward.bijections import AbstractBijection, Affine, Autoregressive, Chain, Flip, repeat
from pushforward.distributions import Normal, Transformed
from pushforward.flows._recipe import compiled


@compiled
def maf(
    dim: int,
    *,
    num_layers: int = 5,
    width: int = 128,
    depth: int = 2,
    activation: str = "relu",
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Autoregressive layers `x_i = s(x_<i) z_i + t(x_<i)`, the order reversed between layers.

    Args:
        dim: Number of coordinates.
        num_layers: Layers; the paper uses 5 and 10.
        width: Hidden units; the paper uses 100 to 1024 depending on the data.
        depth: Hidden layers; the paper uses 1 and 2.
        activation: Of the networks.
        cond_dim: Size of the condition, or None.
        key: For the initial weights.

    Reference:
        Papamakarios, Pavlakou & Murray (2017), Masked autoregressive flow for density estimation.

    Note:
        Without batch normalisation between layers. The scale is `exp(arcsinh(raw))`, not `exp(raw)`.
    """

    def layer(layer_key: PRNGKeyArray) -> AbstractBijection:
        return Chain(
            [
                Autoregressive(
                    Affine(), dim, width=width, depth=depth, cond_dim=cond_dim, activation=activation, key=layer_key
                ),
                Flip((dim,)),
            ]
        )

    return Transformed(Normal.standard((dim,)), repeat(layer, num_layers, key))
