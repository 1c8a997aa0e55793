"""Integrate a density of one or two dimensions, and say how well."""

import math
import warnings
from collections.abc import Sequence

import numpy as np
from jaxtyping import ArrayLike, PRNGKeyArray

from pushforward._errors import as_seed
from pushforward.diagnostics._coordinates import Coordinate, coordinate_of
from pushforward.diagnostics._cubature import ORDER, adapt, cells_of
from pushforward.distributions import AbstractDistribution, Fitted
from pushforward.distributions._fitted import flow_of
from pushforward.supports._events import spread

_POINTS = {1: 2**11, 2: 2**7}
_CHUNK = 2**12
_SAMPLES = 2**13


class Integral(float):
    """A number with its error.

    Attributes:
        error: What the sum changed by when its cells were last divided: more than it is off where the density is
            smooth. A peak that fewer than two of the 8192 samples have met may not be seen.
    """

    error: float

    def __new__(cls, value: float, error: float) -> "Integral":
        integral = float.__new__(cls, value)
        integral.error = error
        return integral

    def __str__(self) -> str:
        return f"{float(self):.6g} ± {self.error:.1g}"


def integrate(
    flow: AbstractDistribution | Fitted,
    condition: ArrayLike | None = None,
    *,
    bounds: Sequence[tuple[float, float]] | None = None,
    points: int | None = None,
    tolerance: float = 1e-4,
    max_points: int = 2**20,
    key: PRNGKeyArray | int,
) -> Integral:
    r"""$\int e^{\log p(x)}\,dx$ over cells that are divided where it is not yet known: 1 for a density.

    The first cells hold equally many samples each, so that a peak is met wherever it is; they are cells of $\log x$ on
    a half line, of the log-odds on an interval and of $\operatorname{arcsinh}$ on the line, so that nothing is cut off
    but what the flow's precision cannot tell from an end.

    Args:
        flow: A distribution over `(1,)`, `()` or `(2,)`, or a fitted estimator.
        condition: One condition, `(*cond_shape)`, for a conditional flow.
        bounds: `(low, high)` of each coordinate; by default all of the support, or of the line a million times as far
            as 8192 samples lie from the middle.
        points: Of the first cells, per coordinate, at least; default 2048 in one dimension, 128 in two.
        tolerance: The error that is asked for.
        max_points: Points after which no more cells are divided.
        key: A key or a seed; draws the samples.

    Returns:
        A number, whose `error` estimates how far it is off.

    Raises:
        ValueError: If the events have more than two dimensions, or are whole numbers, categories or points of a sphere.

    Warns:
        UserWarning: If the error is larger than the tolerance at the end.

    Example:
        >>> flow = pf.distributions.Normal.standard((1,))
        >>> total = integrate(flow, key=jax.random.key(0))
        >>> round(total, 3), total.error < 1e-4
        (1.0, True)
    """
    flow = flow_of("integrate", flow)
    dim = int(np.prod(flow.event_shape))
    if dim not in _POINTS:
        raise ValueError(
            f"integrate: needs a density of one or two dimensions, got events of shape {flow.event_shape}."
        )
    samples = np.asarray(flow.sample(as_seed("integrate", key), _SAMPLES, condition)).reshape(_SAMPLES, dim)
    coordinates = _coordinates(flow, samples, bounds)
    low, high = np.array([[c.low, c.high] for c in coordinates]).T
    inside = np.stack([c.place(x) for c, x in zip(coordinates, samples.astype(np.float64).T, strict=True)], axis=1)
    inside = inside[np.all((inside > low) & (inside < high), axis=1)]
    cells = cells_of(inside, low, high, (high - low) / math.ceil((points or _POINTS[dim]) / ORDER))

    def density(y: np.ndarray) -> np.ndarray:
        x = np.stack([c.there(column) for c, column in zip(coordinates, y.T, strict=True)], axis=1)
        slope = np.prod([c.slope(column) for c, column in zip(coordinates, y.T, strict=True)], axis=0)
        return slope * _density(flow, x, condition)

    total = Integral(*adapt(density, *cells, tolerance=tolerance, most=max_points))
    if not total.error <= tolerance:
        warnings.warn(f"integrate: {total} after {max_points} points, not to {tolerance:g}.", stacklevel=2)
    return total


def _coordinates(
    flow: AbstractDistribution, samples: np.ndarray, bounds: Sequence[tuple[float, float]] | None
) -> list[Coordinate]:
    supports = spread(flow.support, flow.event_shape).reshape(-1)
    found = [coordinate_of(support, column) for support, column in zip(supports, samples.T, strict=True)]
    known = [coordinate for coordinate in found if coordinate is not None]
    if len(known) < len(found):
        raise ValueError(
            f"integrate: needs a density on the line, an interval or a circle, got {flow.support}. "
            "Probabilities of separate values are added up: `jnp.exp(flow.log_prob(values)).sum()`."
        )
    if bounds is None:
        return known
    if len(bounds) != len(known) or not all(len(pair) == 2 and pair[0] < pair[1] for pair in bounds):
        raise ValueError(
            f"integrate: `bounds` must be {len(known)} pairs (low, high) with low below high, got {bounds!r}. "
            "Give one for each coordinate."
        )
    return [coordinate.between(*pair) for coordinate, pair in zip(known, bounds, strict=True)]


def _density(flow: AbstractDistribution, x: np.ndarray, condition: ArrayLike | None) -> np.ndarray:
    """In chunks of one size, so that the flow is compiled once; the last repeats its last point."""
    starts = range(0, len(x), _CHUNK)
    padded = np.pad(x, ((0, len(starts) * _CHUNK - len(x)), (0, 0)), mode="edge").reshape(-1, _CHUNK, *flow.event_shape)
    log_prob = np.concatenate([np.asarray(flow.log_prob(chunk, condition), np.float64) for chunk in padded])
    return np.exp(log_prob[: len(x)])
