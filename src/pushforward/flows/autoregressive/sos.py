"""SOS: autoregressive layers of polynomials whose slope is a sum of squares."""

from jaxtyping import PRNGKeyArray

from pushforward._types import Activation
from pushforward.bijections import SumOfSquares
from pushforward.distributions import Transformed
from pushforward.flows._recipe import compiled
from pushforward.flows.autoregressive._autoregressive import autoregressive_stack


@compiled
def sos(
    dim: int,
    *,
    num_layers: int = 7,
    num_squares: int = 3,
    degree: int = 4,
    bound: float = 5.0,
    width: int = 128,
    depth: int = 2,
    activation: Activation = "relu",
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Autoregressive layers of integrated sums of squares: densities in one pass, samples by a root each.

    Args:
        dim: Number of coordinates.
        num_layers: Autoregressive layers; 7 in the paper's tables.
        num_squares: Polynomials that are squared and summed.
        degree: Of each of them; the map's is twice that and one more.
        bound: The polynomials act on `[-bound, bound]`, with lines beyond.
        width: Hidden units.
        depth: Hidden layers.
        activation: Of the networks.
        cond_dim: Size of the condition, or None.
        key: For the initial weights.

    Reference:
        Jaini, Selby & Yu (2019), Sum-of-squares polynomial flow.

    Note:
        Lines continue the polynomials beyond `bound`, so that far data have finite densities in float32.
    """
    return autoregressive_stack(
        lambda _: SumOfSquares(num_squares, degree, bound=bound),
        dim,
        num_layers,
        width,
        depth,
        activation,
        cond_dim,
        key,
    )
