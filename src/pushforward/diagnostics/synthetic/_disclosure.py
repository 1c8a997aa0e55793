"""Does a synthetic table tell a secret of a person of whom the rest is known?"""

from typing import Any, NamedTuple

import numpy as np

from pushforward._errors import DataError
from pushforward.diagnostics.synthetic._estimate import Estimate, share
from pushforward.diagnostics.synthetic._near import MOST_NEIGHBOURS, nearest
from pushforward.diagnostics.synthetic._rows import Coded, coded

TOLERANCE = 0.05
"""A guess of a number is right within this share of the range that holds nine in ten rows."""
MOST_ROWS = 1_000
"""People who are attacked, of each table, at most."""


class Disclosure(NamedTuple):
    """How often an attacker guesses a secret.

    Attributes:
        train: Of people whose rows the model was fitted to: share of right guesses.
        held_out: Of others: what the synthetic table tells of everyone, because it is true in general.
        risk: By which share of what is left to guess the first is better; 0 is none.
    """

    train: Estimate
    held_out: Estimate
    risk: Estimate


def attribute_disclosure(
    train: Any, held_out: Any, synthetic: Any, secret: str, *, tolerance: float = TOLERANCE, seed: int = 0
) -> Disclosure:
    r"""How much better the secret of a training row is guessed than that of others, from all of its other columns.

    The guess is the cell of the nearest synthetic row. With shares of right guesses $a$ on training rows and $b$ on
    held-out rows, the risk is $(a - b)/(1 - b)$. A high $b$ is no disclosure: what is true of everyone is also guessed
    of people whose rows nobody had.

    Args:
        train: The rows that the model was fitted to.
        held_out: Rows of the same source that it has not seen.
        synthetic: Rows of the model.
        secret: The column to guess.
        tolerance: For a column of numbers, as a share of the range that holds nine in ten training rows.
        seed: Of the rows that are attacked where there are many.

    Raises:
        DataError: If the columns differ, there is no such column or no other, or a table has fewer than ten rows.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> train, held_out = rng.normal(size=(500, 3)), rng.normal(size=(500, 3))
        >>> attribute_disclosure(train, held_out, train, "x0").risk.value
        1.0

    Reference:
        Giomi, Boenisch, Wehmeyer & Tasnádi (2023), A unified framework for quantifying privacy risk in synthetic data,
        section 4.4 and eq. 6.
    """
    known, others, drawn = coded("attribute_disclosure", train=train, held_out=held_out, synthetic=synthetic)
    if len(known.names) < 2:
        raise DataError("attribute_disclosure: there is one column alone.", "give at least two")
    place = known.place("attribute_disclosure", secret)
    rng = np.random.default_rng(seed)
    within = 0.0
    if not known.sizes[place]:
        within = tolerance * float(np.ptp(np.quantile(known.values[:, place], [0.05, 0.95])))
    among = drawn.some(MOST_NEIGHBOURS, rng)
    shares = [share(_hits(known, rows.some(MOST_ROWS, rng), among, place, within)) for rows in (known, others)]
    (a, of_a), (b, of_b) = shares
    left = max(1 - b, 1 / len(others))
    n, m = min(len(known), MOST_ROWS), min(len(others), MOST_ROWS)
    # Where no guess is right of few rows, their own share knows of no error: so also that of equal shares.
    together = (n * a + m * b) / (n + m)
    if_equal = np.sqrt(together * (1 - together) * (1 / n + 1 / m)) / left
    error = max(np.hypot(of_a, of_b * max(1 - a, 1 / len(known)) / left) / left, if_equal)
    return Disclosure(shares[0], shares[1], Estimate((a - b) / left, float(error)))


def _hits(known: Coded, people: Coded, drawn: Coded, place: int, within: float) -> np.ndarray:
    _, row = nearest(known.without(place), drawn.without(place), people.without(place))
    apart = np.abs(drawn.values[row, place] - people.values[:, place])
    return (apart <= within).astype(float)
