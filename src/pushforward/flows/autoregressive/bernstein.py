"""Bernstein flow: autoregressive layers of polynomials with increasing coefficients."""

from jaxtyping import PRNGKeyArray

from pushforward._types import Activation
from pushforward.bijections import Bernstein
from pushforward.distributions import Transformed
from pushforward.flows._recipe import compiled
from pushforward.flows.autoregressive._autoregressive import autoregressive_stack


@compiled
def bernstein(
    dim: int,
    *,
    num_layers: int = 5,
    degree: int = 16,
    bound: float = 5.0,
    width: int = 128,
    depth: int = 2,
    activation: Activation = "relu",
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Autoregressive layers of Bernstein polynomials: densities in one pass, samples by a root for each coordinate.

    Args:
        dim: Number of coordinates.
        num_layers: Autoregressive layers.
        degree: Of the polynomials.
        bound: The polynomials act on `[-bound, bound]`, with lines beyond.
        width: Hidden units.
        depth: Hidden layers.
        activation: Of the networks.
        cond_dim: Size of the condition, or None.
        key: For the initial weights.

    Reference:
        Ramasinghe, Fernando, Khan & Barnes (2022), Robust normalizing flows using Bernstein-type polynomials.

    Note:
        Lines continue the polynomials, so that the map is onto the whole line; the paper maps an interval to another.
    """
    return autoregressive_stack(
        lambda _: Bernstein(degree, bound=bound), dim, num_layers, width, depth, activation, cond_dim, key
    )
