"""What images are on their way from the noise."""

from typing import NamedTuple

import numpy as np

SPREADS = 2.5
"""Standard deviations from the mean to black and to white, for states that are not yet images."""


class Layers(NamedTuple):
    """Images after some layers of a flow, the noise first and the images last.

    Attributes:
        images: `(count, states, height, width, channels)` grey values, whole ones in the last state alone; states
            before it are shown from 2.5 standard deviations below their mean, black, to as many above.
        titles: Names of the states.
    """

    images: np.ndarray
    titles: tuple[str, ...]


def shaded(values: np.ndarray, levels: int) -> np.ndarray:
    """Real numbers as grey values, by their distance from the mean of all."""
    spread = max(float(values.std()), float(np.finfo(np.float32).tiny))
    share = 0.5 + (values - values.mean()) / (2 * SPREADS * spread)
    return np.clip(share, 0.0, 1.0) * (levels - 1)
