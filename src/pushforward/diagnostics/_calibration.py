"""Are the probabilities of a conditional flow those that the data show?"""

from typing import Any

import jax
import numpy as np
from jaxtyping import ArrayLike, PRNGKeyArray

from pushforward._errors import DataError, as_seed
from pushforward._types import Shape
from pushforward.diagnostics._two_sample import KSResult
from pushforward.distributions import AbstractDistribution, Fitted
from pushforward.distributions._fitted import conditions_of, flow_of

_CHUNK_DRAWS = 2**20


def pit(
    flow: AbstractDistribution | Fitted,
    x: ArrayLike | Any,
    condition: ArrayLike | Any = None,
    *,
    num_samples: int = 1000,
    key: PRNGKeyArray | int,
) -> np.ndarray:
    """Probability integral transform: the share of the flow's samples below each value, given its condition.

    The values of a calibrated flow are uniform on (0, 1); a hump in the middle says that it is too wide, heaps at
    the ends that it is too narrow.

    Args:
        flow: The flow to test, or a fitted estimator.
        x: Data that was not used in training, `(n, *event_shape)`, or a data frame.
        condition: `(n, *cond_shape)`.
        num_samples: Draws per row; every row has its own, so that the values are independent.
        key: A key or a seed; draws the samples, and breaks ties at random (whole numbers).

    Returns:
        `(n, dim)`, coordinates flattened.

    Raises:
        DataError: If a value is not finite, or there are not as many conditions as rows.

    Reference:
        Gneiting, Balabdaoui & Raftery (2007), Probabilistic forecasts, calibration and sharpness, section 3.1.
    """
    flow = flow_of("pit", flow)
    x, condition = np.asarray(x), conditions_of(flow, condition)
    check_rows("pit", "x", x, flow.event_shape)
    if flow.cond_shape is not None:
        check_rows("pit", "condition", np.asarray(condition), flow.cond_shape, len(x))
    if num_samples < 1:
        raise DataError(f"pit: `num_samples` must be at least 1, got {num_samples}.", "1000 is usual")
    n, sample_key, tie_key = len(x), *jax.random.split(as_seed("pit", key))
    step = max(1, min(n, _CHUNK_DRAWS // num_samples))
    # The last chunk repeats the last row, so that all have one size and the sampler is compiled once.
    chunks = np.arange(-(-n // step) * step).clip(max=n - 1).reshape(-1, step)
    counts = [
        _counts(flow, x[rows], condition, rows, num_samples, jax.random.fold_in(sample_key, i))
        for i, rows in enumerate(chunks)
    ]
    below, equal = (np.concatenate(part)[:n] for part in zip(*counts, strict=True))
    ties = np.asarray(jax.random.uniform(tie_key, below.shape))
    return (below + ties * (equal + 1)) / (num_samples + 1)


def check_rows(what: str, name: str, rows: np.ndarray, event: Shape, count: int | None = None) -> None:
    """A DataError for what are not finite events, as many as are wanted; at least one where that is not said."""
    fits = rows.ndim == len(event) + 1 and rows.shape[1:] == event
    if not fits or not len(rows) or count not in (None, len(rows)):
        wanted = ", ".join(map(str, ("rows" if count is None else count, *event)))
        raise DataError(f"{what}: `{name}` must have shape ({wanted}), got {rows.shape}.", "a row for each event")
    if not np.isfinite(rows).all():
        row = int(np.argwhere(~np.isfinite(rows))[0][0]) + 1
        raise DataError(f"{what}: row {row} of `{name}` holds a number that is not finite.", "leave such rows out")


def ks_uniform(values: ArrayLike) -> KSResult:
    """Kolmogorov-Smirnov test of each column against the uniform distribution on (0, 1), as for `pit`.

    Args:
        values: `(n, dim)`.

    Example:
        >>> ks_uniform(np.linspace(0.005, 0.995, 100)[:, None]).statistic.round(3).tolist()
        [0.005]
    """
    return KSResult(*np.transpose([_ks(column) for column in np.asarray(values).T]))


def _ks(values: np.ndarray) -> tuple[float, float]:
    from scipy.stats import kstest

    test: Any = kstest(values, "uniform")
    return float(test.statistic), float(test.pvalue)


def _counts(
    flow: AbstractDistribution,
    x: np.ndarray,
    condition: ArrayLike | None,
    rows: np.ndarray,
    num_samples: int,
    key: PRNGKeyArray,
) -> tuple[np.ndarray, np.ndarray]:
    """How many samples lie below each value, and how many equal it, `(n, dim)` each."""
    if condition is None:
        samples = np.asarray(flow.sample(key, (num_samples, len(rows))))
    else:
        samples = np.asarray(flow.sample(key, num_samples, np.asarray(condition)[rows]))
    below = np.sum(samples < x, axis=0)
    equal = np.sum(samples == x, axis=0)
    return below.reshape(len(x), -1), equal.reshape(len(x), -1)
