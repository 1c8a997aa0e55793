"""p-values from scores of rows that were not learned from, and how many of the rows that they flag are false."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import ArrayLike

from pushforward._errors import DataError, UsageError

Scores = ArrayLike | Sequence[float] | Sequence[int]

_ROUNDING = 1e-9  # of 1 / alpha, so that 0.1 needs 9 rows and not 10


def conformal_p_values(calibration: Scores, scores: Scores) -> np.ndarray:
    r"""For each score the p-value of "this row is from the law of the calibration rows", by split conformal inference.

    $p = (1 + \#\{i : c_i \le s\}) / (n + 1)$. If a row and the calibration rows are exchangeable, and none was learned
    from, the probability of $p \le \alpha$ is at most $\alpha$ for every $n$ and whatever the score, over the draw of
    both. For one calibration set it varies about $\alpha$ with a deviation of about $\sqrt{\alpha(1-\alpha)/n}$.

    Args:
        calibration: Scores of $n$ rows that were not learned from, `(n,)`; small is odd, as of a log-density. May
            hold -inf.
        scores: Of the rows in question, `(rows,)`.

    Returns:
        `(rows,)`, from 1 / (n + 1) to 1.

    Raises:
        DataError: If there is no calibration row, or a score is NaN.

    Example:
        >>> conformal_p_values([0.1, 0.5, 0.7, 0.9], [0.0, 0.6]).tolist()
        [0.2, 0.6]

    Reference:
        Vovk, Gammerman & Shafer (2005), Algorithmic learning in a random world, section 2.2. Laxhammar & Falkman
        (2010), Conformal prediction for distribution-independent anomaly detection.
    """
    known = np.sort(_scores("conformal_p_values", "calibration", calibration))
    below = np.searchsorted(known, _scores("conformal_p_values", "scores", scores, empty=True), "right")
    return (1 + below) / (1 + len(known))


def conformal_threshold(calibration: Scores, alpha: float) -> float:
    r"""The score below which the p-value of a row is at most $\alpha$; small scores are odd.

    Args:
        calibration: As of `conformal_p_values`.
        alpha: Share of false alarms, between 0 and 1.

    Raises:
        DataError: If there are too few calibration rows for this share, see `rows_needed`.
    """
    known = np.sort(_scores("conformal_threshold", "calibration", calibration))
    check_resolved(alpha, len(known))
    count = math.floor(alpha * (len(known) + 1) * (1 + _ROUNDING))
    return float(known[count - 1]) if count <= len(known) else math.inf


def rows_needed(alpha: float) -> int:
    r"""How many calibration rows a share $\alpha$ of false alarms needs: the least $n$ with $1 / (n + 1) \le \alpha$.

    Raises:
        UsageError: If `alpha` is not between 0 and 1.

    Example:
        >>> rows_needed(0.01)
        99
    """
    if not 0 < alpha < 1:
        raise UsageError(f"alpha must lie between 0 and 1, got {alpha}.", "0.01 flags one of a hundred ordinary rows")
    return max(1, math.ceil(1 / alpha * (1 - _ROUNDING)) - 1)


def check_resolved(alpha: float, num_rows: int) -> None:
    """A DataError where so many calibration rows cannot resolve a share of false alarms."""
    needed = rows_needed(alpha)
    if num_rows < needed:
        finest = f"the smallest share that they can tell is {_least(num_rows):g}" if num_rows else "there are none"
        raise DataError(
            f"alpha={alpha:g} needs at least {needed:,} calibration rows, got {num_rows:,}.",
            f"give rows that the model was not fitted to, or a larger alpha: {finest}",
        )


def _least(num_rows: int) -> float:
    """The smallest share that so many rows can tell, with two digits, rounded up."""
    exact = 1 / (num_rows + 1)
    unit = 10.0 ** (math.floor(math.log10(exact)) - 1)
    return float(f"{math.ceil(exact / unit * (1 - _ROUNDING)) * unit:.2g}")


def false_discoveries(p_values: Scores, share: float) -> np.ndarray:
    r"""Which rows to flag so that at most this share of the flagged is false in the mean, by Benjamini and Hochberg.

    With $p_{(k)}$ the $k$-th smallest of $m$ p-values, the rows of the smallest $k^*$ are flagged, where $k^*$ is the
    greatest $k$ with $p_{(k)} \le k q / m$. Conformal p-values of one calibration set depend on each other, and in the
    way (positive regression dependence) under which this holds.

    Args:
        p_values: `(rows,)`.
        share: $q$, between 0 and 1.

    Returns:
        `(rows,)`, truth values.

    Raises:
        DataError: If a p-value is not between 0 and 1.
        UsageError: If `share` is not.

    Example:
        >>> false_discoveries([0.01, 0.5, 0.02, 0.9], 0.1).tolist()
        [True, False, True, False]

    Reference:
        Benjamini & Hochberg (1995), Controlling the false discovery rate. Bates, Candès, Lei, Romano & Sesia (2023),
        Testing for outliers with conformal p-values, theorem 2.
    """
    if not 0 < share < 1:
        raise UsageError(f"share must lie between 0 and 1, got {share}.", "0.1: one in ten flagged rows may be false")
    values = _scores("false_discoveries", "p_values", p_values, empty=True)
    if len(values) and not (values.min() >= 0 and values.max() <= 1):
        raise DataError("false_discoveries: a p-value is not between 0 and 1", "`conformal_p_values` makes them")
    ordered = np.sort(values)
    limits = share * np.arange(1, len(values) + 1) / max(len(values), 1)
    passing = np.flatnonzero(ordered <= limits * (1 + _ROUNDING))
    return values <= ordered[passing[-1]] if len(passing) else np.zeros(len(values), bool)


def _scores(name: str, label: str, given: Scores, *, empty: bool = False) -> np.ndarray:
    """One score for each row, float64."""
    scores = np.asarray(given, np.float64)
    if scores.ndim != 1 or (len(scores) == 0 and not empty) or np.isnan(scores).any():
        raise DataError(f"{name}: `{label}` must be scores `(rows,)` without NaN, of one row or more", "check the rows")
    return scores
