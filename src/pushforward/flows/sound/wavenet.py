"""WaveNet as one autoregressive layer, and its students, which are such layers turned round."""

import jax
from jaxtyping import PRNGKeyArray

from pushforward._types import Shape
from pushforward.bijections import (
    AbstractBijection,
    ActNorm,
    Affine,
    Autoregressive,
    Chain,
    DeepSigmoidal,
    Inverse,
    count_raw,
)
from pushforward.distributions import Logistic, Normal, Transformed
from pushforward.flows._recipe import compiled
from pushforward.flows.sound._sound import check_condition, check_counts
from pushforward.nets import WaveNet

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
    layer = _causal(inner, length, num_blocks=num_blocks, cond_dim=cond_dim, key=key, **options)
    base = (Normal if gaussian else Logistic).standard((length,))
    return Transformed(base, Chain([layer, ActNorm((length,), joint=True)]))


@compiled
def parallel_wavenet(
    length: int,
    *,
    num_flows: int = 4,
    width: int = 32,
    skip: int | None = None,
    depth: int = 6,
    num_blocks: int = 1,
    last_blocks: int = 1,
    kernel: int = 2,
    frames: str = "repeat",
    cond_dim: int | Shape | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Affine autoregressive layers turned round, all in the order of time: samples in one pass, densities in sequence.

    Train it on a `wavenet` by `distill(teacher, student)`, whose divergence is in closed form for each sample where the
    teacher is Gaussian, with `objectives.spectral_loss` or `power_loss` as its `extra`.

    Args:
        length: Samples.
        num_flows: Layers; 4 in the paper.
        width: Channels of each network; 64 in the paper.
        skip: Channels of the sum that a head reads; None for `width`.
        depth: Layers of a block of each network, of dilations 1, 2, 4, ...; 10 in the paper.
        num_blocks: Blocks of the networks of all flows but the last; 1 in the paper.
        last_blocks: Blocks of the network of the flow next to the data; 3 in the paper.
        kernel: Places that each convolution sees; 3 in the paper.
        frames: How a condition along time is spread: each frame "repeat"ed, or "linear" between middles of frames.
        cond_dim: Size of a condition that is the same at all times, such as a speaker; `(frames, channels)` of one
            along time, such as a spectrogram, whose frame f goes with samples from `f * length / frames` on; or None.
        key: For the initial weights.

    Reference:
        van den Oord et al. (2018), Parallel WaveNet: Fast high-fidelity speech synthesis, section 4; Ping, Peng & Chen
        (2019), ClariNet, section 3.2, for the Gaussian.

    Note:
        The base is Gaussian, as in ClariNet, where Parallel WaveNet's is logistic.
    """
    check_counts("parallel_wavenet", num_flows=num_flows, num_blocks=num_blocks, last_blocks=last_blocks)
    check_condition("parallel_wavenet", length, cond_dim)
    options = {"width": width, "skip": skip, "depth": depth, "kernel": kernel, "frames": frames, "cond_dim": cond_dim}
    blocks = [num_blocks] * (num_flows - 1) + [last_blocks]
    layers: list[AbstractBijection] = [
        Inverse(_causal(Affine(), length, num_blocks=count, key=layer_key, **options))
        for count, layer_key in zip(blocks, jax.random.split(key, num_flows), strict=True)
    ]
    return Transformed(Normal.standard((length,)), Chain([*layers, ActNorm((length,), joint=True)]))


def _causal(
    inner: AbstractBijection, length: int, *, cond_dim: int | Shape | None, key: PRNGKeyArray, **net
) -> Autoregressive:
    """A layer whose network is a causal WaveNet."""
    shape = (count_raw(inner), length)
    seen = WaveNet((length,), shape, causal=True, cond_dim=cond_dim, key=key, **net)
    return Autoregressive(inner, length, net=seen, cond_dim=cond_dim)
