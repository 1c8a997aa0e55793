"""WaveGlow: couplings by WaveNets that see both ways, between mixtures of neighbouring samples."""

import jax
from jaxtyping import PRNGKeyArray

from pushforward._types import Shape
from pushforward.bijections import AbstractBijection, ActNorm, Chain, EachPixel, Inverse, Linear, MultiScale, Reshape
from pushforward.distributions import Normal, Transformed
from pushforward.flows._recipe import compiled
from pushforward.flows.sound._sound import check_condition, check_counts, check_length, stacked, wave_coupling


@compiled
def waveglow(
    length: int,
    *,
    num_flows: int = 12,
    group_size: int = 8,
    early_every: int = 4,
    early_size: int = 2,
    width: int = 32,
    depth: int = 6,
    kernel: int = 3,
    actnorm: bool = True,
    frames: str = "repeat",
    memory: str = "store",
    cond_dim: int | Shape | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Samples in groups as channels; flows of actnorm, a 1x1 convolution and a coupling; channels that leave early.

    Args:
        length: Samples, a multiple of `group_size`.
        num_flows: 12 in the paper.
        group_size: Neighbouring samples that become channels, 8 in the paper.
        early_every: Flows after which channels leave for the base, 4 in the paper.
        early_size: How many channels leave each time, 2 in the paper.
        width: Channels of each WaveNet; 512 in the paper, 256 in the released code.
        depth: Layers of each WaveNet, of dilations 1, 2, 4, ...; 8 in the paper.
        kernel: Places that each convolution sees, 3 in the paper.
        actnorm: Whether every flow starts with mean 0 and spread 1 in each channel; the paper has none.
        frames: How a condition along time is spread: each frame "repeat"ed, or "linear" between middles of frames.
        memory: What is kept for the gradient: "store" everything, "recompute" flows from what they were given, or
            "invert" them and keep what comes out at the end. Numbers are the same; see `bijections.Scan`.
        cond_dim: Size of a condition that is the same at all times, such as a speaker; `(frames, channels)` of one
            along time, such as a spectrogram, whose frame f goes with samples from `f * length / frames` on; or None.
        key: For the initial weights.

    Raises:
        ValueError: If the length is no multiple, or all channels would leave.

    Reference:
        Prenger, Valle & Catanzaro (2019), WaveGlow: A flow-based generative network for speech synthesis, section 2.

    Note:
        Where the paper samples with a smaller standard deviation, sample with `temperature=`.
    """
    check_counts("waveglow", num_flows=num_flows, group_size=group_size, early_every=early_every)
    check_length("waveglow", length, group_size)
    check_condition("waveglow", length, cond_dim)
    counts = [min(early_every, num_flows - start) for start in range(0, num_flows, early_every)]
    sizes = [group_size - early_size * i for i in range(len(counts))]
    if early_size < 1 or sizes[-1] < 2:
        raise ValueError(
            f"waveglow: {early_size} channels that leave {len(counts) - 1} times need to leave 2 of group_size="
            f"{group_size}. Use a larger group, or a smaller `early_size`, from 1 on, or a larger `early_every`."
        )
    time = length // group_size
    net = {"width": width, "depth": depth, "kernel": kernel, "head": 0, "frames": frames, "cond_dim": cond_dim}

    def level(channels: int, count: int, key: PRNGKeyArray) -> AbstractBijection:
        def step(step_key: PRNGKeyArray) -> AbstractBijection:
            coupling_key, linear_key = jax.random.split(step_key)
            coupling = wave_coupling((time, channels), key=coupling_key, **net)
            # Turned round, so that a density needs a product with the matrix, and sampling solves.
            mixed = EachPixel(Inverse(Linear(channels, key=linear_key)), (time,))
            return Chain([coupling, mixed, *([ActNorm((time, channels))] if actnorm else [])])

        return stacked(step, count, key, memory)

    keys = jax.random.split(key, len(counts))
    levels = [level(size, count, k) for size, count, k in zip(sizes, counts, keys, strict=True)]
    levels[0] = Chain([levels[0], Reshape((time, group_size), (length,))])
    flow = MultiScale(levels[::-1])
    return Transformed(Normal.standard(flow.in_shape), flow)
