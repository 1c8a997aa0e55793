"""Long sounds drawn in pieces, with the numbers of one piece.

What a flow of convolutions gives for a sample depends on the noise within its reach. A piece is drawn with the noise of
its neighbourhood, and what is nearer to a wrong end than the reach is thrown away. A sample that is drawn given those
before it depends on all noise before, but only through the samples within the reach: a piece begins with these, by the
noise that they have where nothing is before them.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.special import log_ndtr

from pushforward.bijections import AbstractBijection, Autoregressive, Chain, MultiScale
from pushforward.distributions import AbstractDistribution, Logistic, Normal, Transformed
from pushforward.modalities.sound._pieces import normal
from pushforward.nets import AbstractCausal


class Part(NamedTuple):
    """A piece that is drawn, and what of it is kept.

    Attributes:
        start: Its first sample.
        stop: The sample behind its last one.
        kept: Samples to keep, counted from `start`.
    """

    start: int
    stop: int
    kept: slice


def parts(count: int, size: int, margin: int, *, ahead: bool) -> Iterator[Part]:
    """Pieces whose kept samples stand behind each other.

    Args:
        count: Samples of the sound.
        size: Samples that are kept of a piece, at most.
        margin: Samples to either side that are drawn as well.
        ahead: Whether to the right too.
    """
    for start in range(0, count, size):
        stop = min(start + size, count)
        left, right = max(start - margin, 0), min(stop + margin * ahead, count)
        yield Part(left, right, slice(start - left, stop - left))


def draws_in_pieces(flow: AbstractDistribution) -> bool:
    """Whether sounds can be drawn in pieces: from standard noise, by formulas or one sample after another."""
    if not (isinstance(flow, Transformed) and isinstance(flow.base, Normal | Logistic)):
        return False
    return flow.bijection.forward_kind == "analytic" or draws_in_order(flow)


def draws_in_order(flow: AbstractDistribution) -> bool:
    """Whether samples are drawn one after another, each given those before it."""
    bijection = flow.bijection if isinstance(flow, Transformed) else None
    first = bijection.bijections[0] if isinstance(bijection, Chain) else bijection
    return isinstance(first, Autoregressive) and isinstance(first.net, AbstractCausal)


def noise(flow: Transformed, seed: int, start: int, stop: int) -> np.ndarray:
    """The base's event for a piece of a sound: the same numbers however it is cut.

    Args:
        flow: At the length of the piece.
        seed: Of the noise.
        start: The first sample of the piece in the sound.
        stop: The sample behind its last one.
    """
    length, found = stop - start, []
    for level, shape in enumerate(_latents(flow.bijection)):
        share = math.prod(shape) / length  # variables of this level for a sample
        found.append(normal(seed + 2**32 * level, round(start * share), round(stop * share)))
    drawn = np.concatenate(found)
    if isinstance(flow.base, Normal):
        return drawn
    return (log_ndtr(drawn.astype(np.float64)) - log_ndtr(-drawn.astype(np.float64))).astype(np.float32)


def _latents(bijection: AbstractBijection) -> tuple[tuple[int, ...], ...]:
    """Shapes of the variables of a base, each in the order of time."""
    if isinstance(bijection, Chain):
        return _latents(bijection.bijections[0])
    return bijection.latent_shapes if isinstance(bijection, MultiScale) else (bijection.in_shape,)
