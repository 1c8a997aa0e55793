"""RealNVP: affine couplings."""

from jaxtyping import PRNGKeyArray

from pushforward._types import Activation
from pushforward.bijections import AbstractBijection, Chain, Coupling, Flip, LongTails, TanhAffine, repeat
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
        The vector form, without batch normalisation. Latents beyond 4 deviations have long tails (`LongTails`), so that
        a row unlike all others costs tens of nats and not millions.
    """

    def layer(layer_key: PRNGKeyArray) -> AbstractBijection:
        return Chain(
            [
                Coupling(
                    TanhAffine(), dim, width=width, depth=depth, cond_dim=cond_dim, activation=activation, key=layer_key
                ),
                Flip((dim,)),
            ]
        )

    return Transformed(Normal.standard((dim,)), Chain([LongTails(shape=(dim,)), repeat(layer, num_layers, key)]))
