"""Neural spline flows on images: Glow with splines as its couplings."""

from jaxtyping import PRNGKeyArray

from pushforward._types import Activation, Shape
from pushforward.bijections import (
    LU,
    AbstractBijection,
    ActNorm,
    Chain,
    Coupling,
    EachPixel,
    Flip,
    Inverse,
    RationalQuadraticSpline,
    Squeeze,
    repeat,
)
from pushforward.distributions import Transformed
from pushforward.flows._recipe import compiled
from pushforward.flows.image._image import image_flow, multi_scale


@compiled
def nsf_image(
    shape: Shape,
    *,
    num_levels: int = 3,
    num_steps: int = 7,
    num_bins: int = 4,
    bound: float = 3.0,
    width: int = 96,
    depth: int = 4,
    activation: Activation = "relu",
    alpha: float | None = None,
    equalize: bool = False,
    grey_levels: int | None = 256,
    memory: str = "store",
    precision: str = "full",
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Glow's squeeze, steps and splits, where a step's coupling bends each number by a spline.

    `log_prob` bounds the log-probability of an image in nats from below, in the mean over the keys that it is given.

    Args:
        shape: `(height, width, channels)`; both sides multiples of `2**num_levels`.
        num_levels: Scales.
        num_steps: Steps of flow for each scale.
        num_bins: Bins of each spline.
        bound: The splines act on `[-bound, bound]`.
        width: Channels of the hidden layers.
        depth: Hidden layers, all but the first of them gated residual blocks.
        activation: Of the networks.
        alpha: Of the logit of grey values, 0.05 in RealNVP, which helps where many pixels are black or white; None for
            the paper's linear map.
        equalize: Whether the histogram of grey values is evened out before the first layer, in place of `alpha` and of
            the linear map: see `bijections.Equalize`. It helps where many pixels are black or white.
        grey_levels: How many grey values: 256 for 8 bits. None for images of real numbers, without noise.
        memory: What is kept for the gradient: "store" everything, "recompute" layers from what they were given, or
            "invert" them and keep what comes out at the end. Numbers are the same; see `bijections.Scan`.
        precision: Of what networks compute inside, "full" or "bfloat16"; log-dets are full.
        cond_dim: Size of the condition, such as a one-hot class, which all couplings see, or None.
        key: For the initial weights.

    Reference:
        Durkan, Bekasov, Murray & Papamakarios (2019), Neural spline flows, section 5.3.

    Note:
        Channels are reversed before each LU convolution, where the paper draws a permutation. Blocks of the networks
        are gated, and have no batch normalisation and no dropout. The defaults are recalled, not read in the paper.
    """
    net = {"width": width, "depth": depth, "residual": True, "activation": activation, "precision": precision}

    def level(shape: Shape, *, last: bool, key: PRNGKeyArray) -> AbstractBijection:
        squeeze = Squeeze(shape)
        *grid, channels = squeeze.out_shape

        def step(step_key: PRNGKeyArray) -> AbstractBijection:
            # Spline and LU map are turned round, so that a density needs neither a root nor a triangular solve.
            spline = Inverse(RationalQuadraticSpline(num_bins, bound=bound))
            coupling = Coupling(spline, squeeze.out_shape, cond_dim=cond_dim, key=step_key, **net)
            mixed = EachPixel(Chain([Flip((channels,)), Inverse(LU(channels))]), tuple(grid))
            return Chain([coupling, mixed, ActNorm(squeeze.out_shape)])

        return Chain([repeat(step, num_steps, key, memory=memory), Inverse(squeeze)])

    return image_flow(
        multi_scale("nsf_image", shape, num_levels, level, key), grey_levels, alpha=alpha, equalize=equalize
    )
