"""How odd rows are by several numbers that a model says of each: the density of its states."""

from typing import Any

import numpy as np
from jaxtyping import ArrayLike

from pushforward._errors import DataError

LEAST_REFERENCE = 20
"""Ordinary rows that the density of so few numbers is made from, at least."""


def density_of_states(states: ArrayLike | Any, reference: ArrayLike | Any) -> np.ndarray:
    r"""$-\frac12 (s - \mu)^\top \Sigma^{-1} (s - \mu)$ of the numbers $s$ that a model says of a row, `(rows,)`.

    A likelihood is one number of many: a row may be as likely as others and come to it another way, by a noise that is
    too near 0 and a log-det that is too small, or by pixels that any compressor makes short. What is usual among these
    numbers together is learned from ordinary rows, as one Gaussian. So rows that are too likely are odd as well.

    Args:
        states: Numbers of the rows in question, `(rows, numbers)`, such as terms of the log-density.
        reference: Those of ordinary rows that the model has not learned from, at least 20 and more than 2 a number.

    Raises:
        DataError: If a number is not finite, or there are too few ordinary rows.

    Note:
        The paper fits kernels to each number, or a support vector machine to all; one Gaussian needs fewer rows.

    Reference:
        Morningstar et al. (2021), Density of states estimation for out-of-distribution detection, section 3.
    """
    given, known = (_table(name, each) for name, each in (("states", states), ("reference", reference)))
    needed = max(LEAST_REFERENCE, 2 * known.shape[1] + 1)
    if given.shape[1] != known.shape[1] or len(known) < needed:
        raise DataError(
            f"density_of_states: needs {needed} ordinary rows of {given.shape[1]} numbers, got {known.shape}.",
            "give more rows that the model was not fitted to, and the same numbers of both",
        )
    centre, scale = known.mean(axis=0), known.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    values, vectors = np.linalg.eigh(np.cov((known - centre).T / scale[:, None]).reshape(2 * (known.shape[1],)))
    # A number that is the sum of others has no deviation of its own, and what rounding leaves of it says nothing.
    kept = values > ROUNDING * values.max(initial=0.0)
    z = ((given - centre) / scale) @ vectors[:, kept] / np.sqrt(values[kept])
    return -0.5 * np.sum(z**2, axis=1)


ROUNDING = 1e-9
"""Of the largest variance, what is taken for none."""


def _table(name: str, given: Any) -> np.ndarray:
    table = np.asarray(given, np.float64)
    if table.ndim != 2 or not np.isfinite(table).all():
        raise DataError(f"density_of_states: `{name}` must be finite, `(rows, numbers)`", "leave impossible rows out")
    return table
