"""Labels of classes, where some may be missing."""

import warnings
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.multiclass import check_classification_targets

from pushforward._errors import DataError, did_you_mean

NO_LABEL = -1
"""Stands for no label, as in scikit-learn."""

WAYS = ("latent", "conditional")
"""What depends on the class: the noise of one flow for all, or the whole flow."""


class Labels(NamedTuple):
    """The classes of a fit.

    Attributes:
        classes: `(classes,)`, in order.
        codes: Number of the class of each row or image, `(count,)`; -1 without a label.
    """

    classes: np.ndarray
    codes: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """Which have a label, `(count,)`."""
        return self.codes != NO_LABEL


def labels_in(y: np.ndarray, estimator: str, event: str) -> Labels:
    """The classes of `y`, `(count,)`, and their numbers.

    Args:
        y: Labels; -1, in text too, stands for none where there are two others or more.
        estimator: Its name, for messages.
        event: "row" or "image".

    Raises:
        DataError: If there are fewer than two classes, or the labels are dates or of several types.
        ValueError: If `y` holds no classes but numbers with a fraction.
    """
    y = _whole(y)
    known = ~without_label(y)
    _check_kind(y[known])
    if known.any():
        check_classification_targets(y[known])
    if len(np.unique(y[known])) == 1 and not known.all():
        warnings.warn(
            f"y holds {NO_LABEL} and {y[known][0]} alone: {NO_LABEL} is taken for a class. Beside two others it "
            "stands for no label.",
            stacklevel=3,
        )
        known = np.ones(len(y), bool)
    classes, found = np.unique(y[known], return_inverse=True)
    if len(classes) < 2:
        why = f"all {event}s with a label are of one class, {classes[0]}" if len(classes) else f"no {event} has a label"
        raise DataError(
            f"y: {why}, and {estimator} needs at least 2 classes.",
            f"give labels of two classes or more; {NO_LABEL} stands for no label",
        )
    for name in classes[np.bincount(found) == 1]:
        warnings.warn(f"class {name} has one {event}: its density is a guess. Give more.", stacklevel=3)
    codes = np.full(len(y), NO_LABEL)
    codes[known] = found
    return Labels(classes, codes)


def _whole(y: np.ndarray) -> np.ndarray:
    """The labels, whole numbers that are kept as objects as numbers; a DataError where one is NaN or None."""
    empty = np.array([one is None or one != one for one in y], bool)
    if empty.any():
        raise DataError(
            f"y: {empty.sum():,} of {len(y):,} labels are {y[empty][0]}.", f"write {NO_LABEL} where there is no label"
        )
    whole = y.dtype == object and all(isinstance(one, int | np.integer) and not isinstance(one, bool) for one in y)
    return y.astype(np.int64) if whole else y


def _check_kind(y: np.ndarray) -> None:
    """A DataError for labels that a file would not give back, or that have no order: dates, or of several kinds."""
    if y.dtype.kind in "mM":
        raise DataError("y: the labels are dates or times.", "give them as text, such as `y.astype(str)`")
    kinds = {_kind(one) for one in y} if y.dtype == object else set()
    if len(kinds) > 1:
        raise DataError(f"y: the labels are of several types: {', '.join(sorted(kinds))}.", "give all of them as text")


def _kind(label: Any) -> str:
    """What sorts with its like."""
    kinds = {str: "text", bool | np.bool_: "truth values", int | float | np.number: "numbers"}
    return next((name for kind, name in kinds.items() if isinstance(label, kind)), type(label).__name__)


def without_label(y: np.ndarray) -> np.ndarray:
    """Which labels are -1, as a number or in text, `(count,)`."""
    if np.issubdtype(y.dtype, np.number):
        return y == NO_LABEL
    return np.array([one in (NO_LABEL, str(NO_LABEL)) for one in y], bool)


def check_all_known(y: np.ndarray, classes: np.ndarray, event: str) -> None:
    """A DataError where labels to compare with are missing; -1 may be a class."""
    if str(NO_LABEL) not in map(str, classes) and (missing := without_label(y).sum()):
        raise DataError(
            f"y: {missing:,} of {len(y):,} labels are {NO_LABEL}, which stands for none.",
            f"give {event}s whose class is known; `predict` is for the others",
        )


def check_way(classes: str) -> None:
    """A DataError where `classes` is no way of seeing the class."""
    if classes not in WAYS:
        raise DataError(f"classes={classes!r} is not known.", did_you_mean(str(classes), WAYS))
