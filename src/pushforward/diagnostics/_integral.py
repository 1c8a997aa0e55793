"""Integrate a density on a grid."""

import itertools
from collections.abc import Sequence

import numpy as np
from jaxtyping import ArrayLike, PRNGKeyArray

from pushforward._errors import as_seed
from pushforward.distributions import AbstractDistribution, Fitted
from pushforward.distributions._fitted import flow_of

_POINTS = {1: 2**15, 2: 2**9}
_CHUNK = 2**15
_SAMPLES = 2**13
_MARGIN = 0.5  # of the samples' range, on either side


def integrate(
    flow: AbstractDistribution | Fitted,
    condition: ArrayLike | None = None,
    *,
    bounds: Sequence[tuple[float, float]] | None = None,
    points: int | None = None,
    key: PRNGKeyArray | int,
) -> float:
    r"""$\int e^{\log p(x)}\,dx$ by the midpoint rule: 1 for a density of one or two dimensions.

    Args:
        flow: A distribution over `(1,)`, `()` or `(2,)`, or a fitted estimator.
        condition: One condition, `(*cond_shape)`, for a conditional flow.
        bounds: `(low, high)` of each coordinate; by default the range of 8192 samples and half of it more on
            either side.
        points: Points per coordinate; default 32768 in one dimension, 512 in two.
        key: A key or a seed; draws the samples that find the bounds.

    Raises:
        ValueError: If the events have more than two dimensions.

    Example:
        >>> flow = pf.distributions.Normal.standard((1,))
        >>> round(integrate(flow, key=jax.random.key(0)), 3)
        1.0
    """
    flow = flow_of("integrate", flow)
    dim = int(np.prod(flow.event_shape))
    if dim not in _POINTS:
        raise ValueError(
            f"integrate: needs a density of one or two dimensions, got events of shape {flow.event_shape}."
        )
    if bounds is None:
        samples = flow.sample(as_seed("integrate", key), _SAMPLES, condition)
        bounds = _bounds(np.asarray(samples, np.float64).reshape(_SAMPLES, dim))
    edges = [np.linspace(low, high, (points or _POINTS[dim]) + 1) for low, high in bounds]
    middles = [(edge[:-1] + edge[1:]) / 2 for edge in edges]
    cell = np.prod([edge[1] - edge[0] for edge in edges])
    grid = np.stack([axis.reshape(-1) for axis in np.meshgrid(*middles, indexing="ij")], axis=-1)
    return float(cell * sum(_mass(flow, chunk, condition) for chunk in _chunks(grid)))


def _bounds(samples: np.ndarray) -> list[tuple[float, float]]:
    low, high = samples.min(axis=0), samples.max(axis=0)
    return list(zip(low - _MARGIN * (high - low), high + _MARGIN * (high - low), strict=True))


def _chunks(grid: np.ndarray):
    """Parts of one size, so that the flow is compiled once; the last repeats its last point."""
    size = min(_CHUNK, len(grid))
    for start in itertools.count(0, size):
        if start >= len(grid):
            return
        chunk = grid[start : start + size]
        yield np.pad(chunk, ((0, size - len(chunk)), (0, 0)), mode="edge"), len(chunk)


def _mass(flow: AbstractDistribution, chunk: tuple[np.ndarray, int], condition: ArrayLike | None) -> float:
    points, count = chunk
    log_prob = flow.log_prob(points.reshape(-1, *flow.event_shape), condition)
    return float(np.sum(np.exp(np.asarray(log_prob, np.float64)[:count])))
