"""Integer discrete flows on images: shifts by whole numbers at several scales, for compression without loss."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from pushforward._types import Activation, Shape
from pushforward.bijections import (
    AbstractBijection,
    Chain,
    Coupling,
    EachPixel,
    Inverse,
    Permute,
    RoundedShift,
    Squeeze,
    Standardize,
    repeat,
)
from pushforward.distributions import (
    AbstractDistribution,
    DiscretizedLogistic,
    PredictedLogistic,
    SplitOff,
    Transformed,
)
from pushforward.flows._recipe import compiled
from pushforward.flows.image._image import check_levels


@compiled
def idf_image(
    shape: Shape,
    *,
    num_levels: int = 3,
    num_steps: int = 8,
    num_components: int = 5,
    width: int = 256,
    depth: int = 4,
    prior_depth: int | None = None,
    activation: Activation = "relu",
    unit: float | None = None,
    grey_levels: int = 256,
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Squeeze, couplings that shift a quarter of the channels by whole numbers, split off half of them, and again.

    `log_prob` is the log of a probability, with no noise and no bound; a number that is not whole has -inf. What is
    split off has laws that a network predicts from what stays. `io.compress` turns images into bytes and back.

    Args:
        shape: `(height, width, channels)`; both sides multiples of `2**num_levels`.
        num_levels: Scales; 3 in the paper for 32 x 32, 4 for 64 x 64.
        num_steps: Couplings for each scale; 8 in the paper. Four move every channel once.
        num_components: Logistics in the mixture of each number; 5 in the paper.
        width: Channels of the hidden layers; 512 in the paper, whose blocks are dense.
        depth: Hidden layers of a coupling; those after the first are gated residual blocks of two convolutions.
        prior_depth: As `depth`, of the networks that predict what is split off; None for the same.
        activation: Of the networks.
        unit: How many grey values make 1 for the networks; None for an eighth of them all.
        grey_levels: How many grey values: 256 for 8 bits.
        cond_dim: Size of the condition, such as a one-hot class, which all networks see, or None.
        key: For the initial weights.

    Raises:
        ValueError: If the image cannot be halved so often, or a number is too small.

    Reference:
        Hoogeboom, Peters, van den Berg & Welling (2019), Integer discrete flows and lossless compression, section 4.

    Note:
        Networks are gated residual where the paper's are dense blocks of depth 12; channels are turned by a quarter
        between couplings, not permuted at random. Events are whole numbers where the paper has multiples of 1/256.
        What is split off has mixtures too, and the coarsest mixture has parameters for each pixel.
    """
    check_levels("idf_image", shape, num_levels, num_levels)
    if grey_levels < 2:
        raise ValueError(f"idf_image: `grey_levels` must be at least 2, got {grey_levels}.")
    unit = grey_levels / 8 if unit is None else float(unit)
    net = {"width": width, "cond_dim": cond_dim, "activation": activation, "unit": unit}

    def steps(squeeze: Squeeze, key: PRNGKeyArray) -> list[AbstractBijection]:
        *grid, channels = squeeze.out_shape
        turn = Permute(np.roll(np.arange(channels), channels // 4))

        def step(step_key: PRNGKeyArray) -> AbstractBijection:
            options = {"split": channels - channels // 4, "depth": depth, "residual": True, "key": step_key}
            shift = Coupling(RoundedShift(unit=unit), squeeze.out_shape, **options, **net)
            return Chain([shift, EachPixel(turn, tuple(grid))])

        return [repeat(step, num_steps, key), Inverse(squeeze)]

    def levels(shape: Shape, left: int, key: PRNGKeyArray, side: list[AbstractBijection]) -> Transformed:
        """The flow of an image of `shape`, by `left` scales; `side` stands behind it."""
        squeeze = Squeeze(shape)
        *grid, channels = squeeze.out_shape
        steps_key, prior_key, next_key = jax.random.split(key, 3)
        base: AbstractDistribution = DiscretizedLogistic.spread(squeeze.out_shape, num_components, unit=unit)
        if left > 1:
            kept = (*grid, channels // 2)
            layers = {"depth": depth if prior_depth is None else prior_depth, "key": prior_key}
            law = PredictedLogistic(kept, kept, num_components=num_components, **layers, **net)
            base = SplitOff(levels(kept, left - 1, next_key, []), law)
        return Transformed(base, Chain([*steps(squeeze, steps_key), *side]))

    # Networks see grey values around 0; the shift is by a whole number.
    centre = Standardize(jnp.full(shape, float(grey_levels // 2)), 1.0)
    return levels(tuple(shape), num_levels, key, [centre])
