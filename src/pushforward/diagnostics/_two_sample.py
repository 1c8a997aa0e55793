"""Are two sets of samples from the same distribution?"""

import warnings
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import ArrayLike, PRNGKeyArray

from pushforward._errors import DataError, as_seed
from pushforward.distributions import AbstractDistribution, Fitted
from pushforward.distributions._fitted import conditions_of, flow_of

_CHUNK_ENTRIES = 2**24  # distances held at once, 128 MiB


class KSResult(NamedTuple):
    """Kolmogorov-Smirnov tests, one per coordinate.

    Attributes:
        statistic: Largest difference of the two distribution functions, 0 to 1, `(dim,)`.
        p_value: Probability of at least this difference if the distributions are equal, `(dim,)`.
    """

    statistic: np.ndarray
    p_value: np.ndarray


def c2st(x: ArrayLike, y: ArrayLike, *, folds: int = 5, seed: int = 1) -> float:
    """Classifier two-sample test: held-out accuracy at telling `x` from `y`; 0.5 is perfect agreement, 1 none.

    The classifier is that of the simulation-based inference benchmark: a network with two hidden layers of 10 units
    per dimension, on data standardised by `x`.

    Args:
        x: `(n, ...)`, for example data or samples of a reference.
        y: `(m, ...)`, for example samples of a flow; as many as of `x`, or naming the larger set gives more than 0.5.
        folds: How many parts are held out in turn.
        seed: Of the folds and the network.

    Raises:
        DataError: If the widths differ, a value is not finite, or there are fewer rows than folds.

    Reference:
        Lopez-Paz & Oquab (2017), Revisiting classifier two-sample tests. Lueckmann et al. (2021), Benchmarking
        simulation-based inference, section 2.3.
    """
    from sklearn.model_selection import KFold, cross_val_score
    from sklearn.neural_network import MLPClassifier

    x, y = _pair("c2st", x, y)
    if min(len(x), len(y)) < folds:
        raise DataError(f"c2st: needs at least {folds} rows on each side, got {len(x)} and {len(y)}", "give more rows")
    spread = np.std(x, axis=0)
    rows = (np.concatenate([x, y]) - np.mean(x, axis=0)) / np.where(spread > 0, spread, 1.0)
    labels = np.repeat([0, 1], [len(x), len(y)])
    width = 10 * x.shape[1]
    network = MLPClassifier(hidden_layer_sizes=(width, width), max_iter=1000, random_state=seed)
    return float(np.mean(cross_val_score(network, rows, labels, cv=KFold(folds, shuffle=True, random_state=seed))))


def ks_per_dimension(
    flow: AbstractDistribution | Fitted,
    x: ArrayLike | Any,
    condition: ArrayLike | Any = None,
    *,
    key: PRNGKeyArray | int,
) -> KSResult:
    """Two-sample Kolmogorov-Smirnov test of each coordinate: data against as many samples of the flow.

    Args:
        flow: The flow to test, or a fitted estimator.
        x: Data, `(n, *event_shape)`, or a data frame, not used in training.
        condition: `(n, *cond_shape)`: one sample is drawn for each row.
        key: A key or a seed; draws the samples.
    """
    flow = flow_of("ks_per_dimension", flow)
    n, condition = len(np.asarray(x)), conditions_of(flow, condition)
    samples = flow.sample(as_seed("ks_per_dimension", key), n if condition is None else (), condition)
    x, samples = _pair("ks_per_dimension", x, np.asarray(samples))
    return KSResult(*np.transpose([_ks(a, b) for a, b in zip(x.T, samples.T, strict=True)]))


def _ks(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    from scipy.stats import ks_2samp

    with warnings.catch_warnings():  # that the exact law would take too long, and that of many rows is taken
        warnings.simplefilter("ignore", RuntimeWarning)
        test: Any = ks_2samp(a, b)
    return float(test.statistic), float(test.pvalue)


def energy_distance(x: ArrayLike, y: ArrayLike) -> float:
    r"""$2\,E\|X - Y\| - E\|X - X'\| - E\|Y - Y'\|$, in the units of the data; 0 if and only if the laws are equal.

    Args:
        x: `(n, ...)`.
        y: `(m, ...)`.

    Raises:
        DataError: If the widths differ or a value is not finite.

    Note:
        Pairs of a point with itself count, so the value is never negative and falls to 0 as 1/n for equal laws.

    Reference:
        Székely & Rizzo (2013), Energy statistics, J. Stat. Plan. Inference 143, eq. 5.
    """
    x, y = _pair("energy_distance", x, y)
    return float(2 * _mean_distance(x, y) - _mean_distance(x, x) - _mean_distance(y, y))


def _mean_distance(x: np.ndarray, y: np.ndarray) -> float:
    from scipy.spatial.distance import cdist

    step = max(1, _CHUNK_ENTRIES // len(y))
    return float(sum(np.sum(cdist(x[i : i + step], y)) for i in range(0, len(x), step)) / len(x) / len(y))


def _pair(name: str, x: ArrayLike, y: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Both as float64 matrices of the same width, without NaN."""
    x, y = (np.asarray(side, np.float64) for side in (x, y))
    for side, label in ((x, "x"), (y, "y")):
        if side.ndim == 0 or len(side) == 0 or not np.all(np.isfinite(side)):
            raise DataError(f"{name}: `{label}` has no rows or values that are not finite", "drop those rows")
    if x.shape[1:] != y.shape[1:]:
        raise DataError(
            f"{name}: rows of `x` have shape {x.shape[1:]}, rows of `y` {y.shape[1:]}", "give equal columns"
        )
    return x.reshape(len(x), -1), y.reshape(len(y), -1)
