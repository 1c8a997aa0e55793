"""Can it be found out whether a person's row was among those of training?"""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import ArrayLike

from pushforward._errors import DataError
from pushforward.diagnostics.synthetic._estimate import Estimate, area_under_roc
from pushforward.diagnostics.synthetic._near import MOST_NEIGHBOURS, MOST_ROWS, distances, error_beyond, share_beyond
from pushforward.diagnostics.synthetic._rows import LEAST_ROWS, coded

ALARMS = 0.01
"""The share of other people's rows that an attacker who wants to be sure takes for members."""


class Membership(NamedTuple):
    """How well an attacker tells rows of training from rows that were held out.

    Attributes:
        area: Under the ROC curve: how often a training row scores above a held-out one; 0.5 is guessing.
        caught: Share of training rows that score above all but `alarms` of the held-out ones; guessing has `alarms`.
        alarms: That share of held-out rows.
    """

    area: Estimate
    caught: Estimate
    alarms: float


def membership_inference(train_scores: ArrayLike, held_out_scores: ArrayLike, *, alarms: float = ALARMS) -> Membership:
    """Whether training rows have higher scores, such as exact log-densities, than rows that were held out.

    A flow gives each row its exact log-density, so the likelihood attack needs no shadow model: it is what an
    attacker who has the *model* can do. Who has the synthetic rows alone knows less; see `membership_by_distance`.

    Args:
        train_scores: `(n,)`, of rows that the model was fitted to; nats, or a difference of nats to another model.
        held_out_scores: `(m,)`, of rows of the same source that it has not seen.
        alarms: From 0 to 1.

    Raises:
        DataError: If there are fewer than ten of either, or one is NaN.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> found = membership_inference(rng.normal(size=2000), rng.normal(size=2000))
        >>> abs(found.area.value - 0.5) < 3 * found.area.error
        True

    Reference:
        Yeom, Giacomelli, Fredrikson & Jha (2018), Privacy risk in machine learning. van Breugel et al. (2023),
        Membership inference attacks against synthetic data through overfitting detection. Carlini et al. (2022),
        Membership inference attacks from first principles, for `caught`.
    """
    train, others = (np.asarray(scores, np.float64).ravel() for scores in (train_scores, held_out_scores))
    for name, scores in (("train_scores", train), ("held_out_scores", others)):
        if len(scores) < LEAST_ROWS or np.isnan(scores).any():
            raise DataError(
                f"membership_inference: `{name}` has {len(scores)} numbers, or NaN.",
                f"give at least {LEAST_ROWS} scores, all of them numbers",
            )
    value = share_beyond(-others, -train, alarms)
    error = error_beyond(value, len(train), len(others), alarms)
    return Membership(area_under_roc(train, others), Estimate(value, error), alarms)


def membership_by_distance(
    train: Any, held_out: Any, synthetic: Any, *, alarms: float = ALARMS, seed: int = 0
) -> Membership:
    """The same by the distance to the nearest synthetic row: what an attacker can do who has the table alone.

    Args:
        train: The rows that the model was fitted to.
        held_out: Rows of the same source that it has not seen.
        synthetic: Rows of the model.
        alarms: As in `membership_inference`.
        seed: Of the rows that are looked at where there are many.

    Raises:
        DataError: If the columns differ, or a table has fewer than ten rows.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> train, held_out = rng.normal(size=(200, 3)), rng.normal(size=(200, 3))
        >>> membership_by_distance(train, held_out, train).area.value
        1.0

    Reference:
        Chen, Yu, Zhang & Fritz (2020), GAN-Leaks: a taxonomy of membership inference attacks.
    """
    known, others, drawn = coded("membership_by_distance", train=train, held_out=held_out, synthetic=synthetic)
    rng = np.random.default_rng(seed)
    among = drawn.some(MOST_NEIGHBOURS, rng)
    scores = [-distances(known, among, rows.some(MOST_ROWS, rng)) for rows in (known, others)]
    return membership_inference(*scores, alarms=alarms)
