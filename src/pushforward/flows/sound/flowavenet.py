"""FloWaveNet: couplings by WaveNets at many scales of time."""

import jax
from jaxtyping import PRNGKeyArray

from pushforward._types import Shape
from pushforward.bijections import AbstractBijection, ActNorm, Chain, EachPixel, Flip, MultiScale, Reshape
from pushforward.distributions import Normal, Transformed
from pushforward.flows._recipe import compiled
from pushforward.flows.sound._sound import check_condition, check_counts, check_length, stacked, wave_coupling


@compiled
def flowavenet(
    length: int,
    *,
    num_blocks: int = 6,
    num_flows: int = 4,
    split_every: int = 3,
    width: int = 32,
    depth: int = 2,
    kernel: int = 3,
    learned_prior: bool = True,
    frames: str = "repeat",
    memory: str = "store",
    cond_dim: int | Shape | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Blocks that halve the time and run flows of actnorm, a coupling and a swap; half leaves after some of them.

    Args:
        length: Samples, a multiple of `2**num_blocks`.
        num_blocks: 8 in the paper.
        num_flows: Flows of each block, 6 in the paper.
        split_every: Blocks after which half of the channels leave for the base, 4 in the paper.
        width: Channels of each WaveNet, 256 in the paper.
        depth: Layers of each WaveNet, of dilations 1, 2, 4, ...; 2 in the paper.
        kernel: Places that each convolution sees, 3 in the paper.
        learned_prior: Whether the mean and the scale of what leaves depend on what stays.
        frames: How a condition along time is spread: each frame "repeat"ed, or "linear" between middles of frames.
        memory: What is kept for the gradient: "store" everything, "recompute" flows from what they were given, or
            "invert" them and keep what comes out at the end. Numbers are the same; see `bijections.Scan`.
        cond_dim: Size of a condition that is the same at all times, such as a speaker; `(frames, channels)` of one
            along time, such as a spectrogram, whose frame f goes with samples from `f * length / frames` on; or None.
        key: For the initial weights.

    Raises:
        ValueError: If the length is no multiple, or a size is below 1.

    Reference:
        Kim, Lee, Song, Kim & Yoon (2019), FloWaveNet: A generative flow for raw audio, section 3.

    Note:
        Frames of a condition that are more than the times of a block are its channels there, as in the paper, which
        spreads them over the samples first. The swap turns the order of all channels round.
    """
    check_counts("flowavenet", num_blocks=num_blocks, num_flows=num_flows, split_every=split_every)
    check_length("flowavenet", length, 2**num_blocks)
    check_condition("flowavenet", length, cond_dim)
    net = {"width": width, "depth": depth, "kernel": kernel, "frames": frames, "cond_dim": cond_dim}

    def flows(shape: Shape, key: PRNGKeyArray) -> AbstractBijection:
        time, channels = shape

        def step(step_key: PRNGKeyArray) -> AbstractBijection:
            swap = EachPixel(Flip((channels,)), (time,))
            return Chain([swap, wave_coupling(shape, key=step_key, **net), ActNorm(shape)])

        return stacked(step, num_flows, key, memory)

    levels, parts, shape = [], [], (length, 1)
    for i, block_key in enumerate(jax.random.split(key, num_blocks)):
        flow_key, prior_key = jax.random.split(block_key)
        halved = (shape[0] // 2, 2 * shape[1])
        parts = [flows(halved, flow_key), Reshape(halved, shape if i else (length,)), *parts]
        shape = halved
        last = i == num_blocks - 1
        if (i + 1) % split_every == 0 and not last:
            prior = [wave_coupling(shape, key=prior_key, **net)] if learned_prior else []
            levels.append(Chain([*prior, *parts]))
            parts, shape = [], (shape[0], shape[1] // 2)
    flow = MultiScale([*levels, Chain(parts)][::-1])
    return Transformed(Normal.standard(flow.in_shape), flow)
