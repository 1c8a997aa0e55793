"""Parallel WaveNet: a student of WaveNet, autoregressive layers turned round."""

import jax
from jaxtyping import PRNGKeyArray

from pushforward._types import Shape
from pushforward.bijections import AbstractBijection, ActNorm, Affine, Chain, Inverse
from pushforward.distributions import Normal, Transformed
from pushforward.flows._recipe import compiled
from pushforward.flows.sound._sound import causal_layer, check_condition, check_counts


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
        Inverse(causal_layer(Affine(), length, num_blocks=count, key=layer_key, **options))
        for count, layer_key in zip(blocks, jax.random.split(key, num_flows), strict=True)
    ]
    return Transformed(Normal.standard((length,)), Chain([*layers, ActNorm((length,), joint=True)]))
