"""WaveNet as one autoregressive layer."""

from jaxtyping import PRNGKeyArray

from pushforward._types import Shape
from pushforward.bijections import ActNorm, Affine, Chain, DeepSigmoidal, Inverse
from pushforward.distributions import Logistic, Normal, Transformed
from pushforward.flows._recipe import compiled
from pushforward.flows.sound._sound import causal_layer, check_condition, check_counts

EMISSIONS = ("gaussian", "logistics")


@compiled
def wavenet(
    length: int,
    *,
    emission: str = "gaussian",
    num_components: int = 5,
    width: int = 32,
    skip: int | None = None,
    depth: int = 9,
    num_blocks: int = 2,
    kernel: int = 2,
    frames: str = "repeat",
    cond_dim: int | Shape | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Every sample given those before it: exact densities in one pass, samples one after another.

    A sample costs one step of the network, whatever its reach: what its layers still need is kept in queues.

    Args:
        length: Samples.
        emission: The law of a sample given those before it, "gaussian", or a mixture of "logistics".
        num_components: Laws in the mixture; 10 in the paper on the student.
        width: Channels of the network, and half of its gates; 128 in the released code of ClariNet.
        skip: Channels of the sum that its head reads; None for `width`.
        depth: Layers of a block, of dilations 1, 2, 4, ...; 10 in the paper.
        num_blocks: Blocks of layers; 3 in the paper on the student.
        kernel: Places that each convolution sees; 2 in the paper, 3 in that on the student.
        frames: How a condition along time is spread: each frame "repeat"ed, or "linear" between middles of frames.
        cond_dim: Size of a condition that is the same at all times, such as a speaker; `(frames, channels)` of one
            along time, such as a spectrogram, whose frame f goes with samples from `f * length / frames` on; or None.
        key: For the initial weights.

    Raises:
        ValueError: If the emission is unknown, or a size does not fit.

    Reference:
        van den Oord et al. (2016), WaveNet: A generative model for raw audio; Ping, Peng & Chen (2019), ClariNet,
        section 3.1, for the Gaussian; van den Oord et al. (2018), Parallel WaveNet, section 2, for the mixture.

    Note:
        Laws are continuous, and not cut off at the ends of the range: noise within a step of the recording's numbers is
        put around the flow, where it is wanted.
    """
    if emission not in EMISSIONS:
        raise ValueError(f"wavenet: `emission` must be one of {', '.join(EMISSIONS)}, got {emission!r}.")
    check_counts("wavenet", num_components=num_components)
    check_condition("wavenet", length, cond_dim)
    gaussian = emission == "gaussian"
    inner = Affine() if gaussian else Inverse(DeepSigmoidal(num_components))
    options = {"width": width, "skip": skip, "depth": depth, "kernel": kernel, "frames": frames}
    layer = causal_layer(inner, length, num_blocks=num_blocks, cond_dim=cond_dim, key=key, **options)
    base = (Normal if gaussian else Logistic).standard((length,))
    return Transformed(base, Chain([layer, ActNorm((length,), joint=True)]))
