"""Bayes' rule over the classes that a model is conditional on, and how good its probabilities are."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from pushforward._errors import DataError, did_you_mean

BINS = 10
"""Of the calibration error, with as many rows in each."""


class Posterior(NamedTuple):
    """What is known of events once they are seen.

    Attributes:
        log_proba: Of each class, `(rows, classes)`.
        log_prob: Log-density of each event, whatever its class, `(rows,)`.
    """

    log_proba: np.ndarray
    log_prob: np.ndarray


def posterior(log_given: np.ndarray, log_prior: np.ndarray) -> Posterior:
    r"""$\log p(c \mid x)$ and $\log p(x)$ from $\log p(x \mid c)$, `(rows, classes)`, and $\log \pi_c$.

    Where no class can have an event, it is the prior.
    """
    joint = log_given + log_prior
    total = np.logaddexp.reduce(joint, axis=1)
    with np.errstate(invalid="ignore"):
        return Posterior(np.where(np.isfinite(total)[:, None], joint - total[:, None], log_prior), total)


class ClassReport(NamedTuple):
    """How good probabilities of classes are.

    Attributes:
        accuracy: Share of the rows whose likeliest class is the right one.
        log_loss: Mean of minus the log-probability of the right class, in nats.
        calibration_error: Mean distance of the probability of the likeliest class from how often it is right, over ten
            bins of as many rows each.
    """

    accuracy: float
    log_loss: float
    calibration_error: float


def judged(log_proba: np.ndarray, codes: np.ndarray) -> ClassReport:
    """The report of log-probabilities `(rows, classes)` beside the right classes `(rows,)`.

    Reference:
        Naeini, Cooper & Hauskrecht (2015), Obtaining well calibrated probabilities using Bayesian binning; Nixon et al.
        (2019), Measuring calibration in deep learning, section 3, for bins of equal size.
    """
    right = np.argmax(log_proba, axis=1) == codes
    sure = np.exp(np.max(log_proba, axis=1))
    bins = np.array_split(np.argsort(sure, kind="stable"), min(BINS, len(codes)))
    gaps = [len(rows) * abs(float(sure[rows].mean()) - float(right[rows].mean())) for rows in bins]
    loss = -float(np.mean(log_proba[np.arange(len(codes)), codes]))
    return ClassReport(float(right.mean()), loss, sum(gaps) / len(codes))


def log_prior_of(class_prior: Any, shares: np.ndarray) -> np.ndarray:
    """Log-probabilities of classes.

    Args:
        class_prior: Probabilities in the order of the classes; `"uniform"`; or None for the shares.
        shares: Of the classes among rows with a label, `(classes,)`, of any sum.

    Raises:
        DataError: If they are no probabilities, or a class has no share.
    """
    if not (shares > 0).all():
        raise DataError("a class has no row of positive weight.", "give its rows a weight, or leave them out")
    if isinstance(class_prior, str) and class_prior == "uniform":
        shares = np.ones(len(shares))
    elif class_prior is not None:
        try:
            given = np.asarray(class_prior, np.float64)
        except (TypeError, ValueError):
            given = np.zeros(0)
        if given.shape != shares.shape or not (given > 0).all() or not np.isclose(given.sum(), 1.0):
            raise DataError(
                f"class_prior must be {len(shares)} positive numbers that sum to 1, got {class_prior!r}.",
                "in the order of the sorted classes; or 'uniform', or None for their shares",
            )
        shares = given
    return np.log(shares / shares.sum())


def prior_of_names(given: Mapping[str, Any], classes: Sequence[Any], shares: Sequence[float]) -> np.ndarray:
    """Log-probabilities of classes from the shell: those given by name, of any sum; else the shares, if known.

    Raises:
        DataError: If a class is not known, or one has no number.
    """
    if not given:
        return log_prior_of(None, np.asarray(shares if len(shares) == len(classes) else np.ones(len(classes))))
    names = [str(one) for one in classes]
    for name in given:
        if name not in names:
            raise DataError(f"--prior: {name!r} is not a class.", did_you_mean(name, names))
    if missing := [name for name in names if name not in given]:
        raise DataError(f"--prior: no number for {', '.join(missing[:5])}.", "give one for each class")
    return log_prior_of(None, np.array([float(given[name]) for name in names]))


def stored_classes(fitted: Mapping[str, Any]) -> tuple[list[Any], np.ndarray]:
    """The classes and their log-probabilities, of what the file of a classifier of rows holds by number."""
    order = [str(place) for place in range(len(fitted["classes"]))]
    return [fitted["classes"][place] for place in order], np.array([fitted["log_prior"][place] for place in order])


CLASS, LOG_PROB = "class", "log_prob"
"""Columns that `classify` writes, besides the probability of each class."""


def names_of_classes(classes: Sequence[Any]) -> tuple[str, ...]:
    """The columns that are written: the likeliest class, the probability of each, the log-density."""
    return (CLASS, *(f"p_{name}" for name in classes), LOG_PROB)


def report_of(log_proba: np.ndarray, right: Sequence[Any], classes: Sequence[Any]) -> str:
    """How good probabilities are where the right class is known: a sentence."""
    codes = {str(name): place for place, name in enumerate(classes)}
    known = np.array([str(name) in codes for name in right], bool)
    others = f"; {int((~known).sum())} are of other classes" if not known.all() else ""
    if not known.any():
        return "no row is of a class that the model knows"
    found = judged(log_proba[known], np.array([codes[str(name)] for name in np.asarray(right)[known]]))
    return (
        f"of {int(known.sum()):,} whose class is known, {100 * found.accuracy:.1f} % are right; log loss "
        f"{found.log_loss:.3f} nats, calibration error {found.calibration_error:.3f}{others}"
    )
