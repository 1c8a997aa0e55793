"""NAF: neural autoregressive flow, deep sigmoidal maps with predicted parameters."""

from jaxtyping import PRNGKeyArray

from pushforward._errors import did_you_mean
from pushforward._types import Activation
from pushforward.bijections import DeepSigmoidal, DenseSigmoidal
from pushforward.distributions import Transformed
from pushforward.flows._recipe import compiled
from pushforward.flows.autoregressive._autoregressive import autoregressive_stack

VARIANTS = ("dsf", "ddsf")


@compiled
def naf(
    dim: int,
    *,
    variant: str = "dsf",
    num_layers: int = 5,
    num_units: int = 16,
    width: int = 128,
    depth: int = 2,
    activation: Activation = "relu",
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Autoregressive layers of mixtures of sigmoids: densities in one pass, samples by a root for each coordinate.

    Args:
        dim: Number of coordinates.
        variant: `"dsf"` has one layer of sigmoids, `"ddsf"` two with dense weights between them.
        num_layers: Autoregressive layers; 5 and 10 in the paper.
        num_units: Sigmoids of each map; 16 in the paper.
        width: Hidden units; 100 in the paper for the smaller tables.
        depth: Hidden layers.
        activation: Of the networks.
        cond_dim: Size of the condition, or None.
        key: For the initial weights.

    Raises:
        ValueError: If `variant` is unknown.

    Reference:
        Huang, Krueger, Lacoste & Courville (2018), Neural autoregressive flows.

    Note:
        In log space throughout, without the paper's clamp before the logit, and so onto the whole line. Slopes are
        `exp(arcsinh(raw))`, where the paper has softplus.
    """
    if variant not in VARIANTS:
        raise ValueError(f"naf: unknown variant {variant!r}; {did_you_mean(variant, VARIANTS)}.")
    make = DeepSigmoidal if variant == "dsf" else DenseSigmoidal
    return autoregressive_stack(lambda _: make(num_units), dim, num_layers, width, depth, activation, cond_dim, key)
