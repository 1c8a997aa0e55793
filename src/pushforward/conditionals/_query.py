"""What is asked of a joint flow, how it is solved, and whether the answer is to be trusted."""

import dataclasses
import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from pushforward.conditionals._anneal import Found, anneal
from pushforward.conditionals._joint import Joint
from pushforward.conditionals._space import Space
from pushforward.conditionals._start import THOROUGH, Effort, starting_clusters

K_LIMIT = 0.7
"""Of Pareto's k of the weights (Vehtari et al. 2024, section 3.2.4)."""
R_LIMIT = 1.1
"""Of R-hat of the islands."""
LEAST_SHARE = 0.02
"""Of effective draws in a step."""


class Estimate(NamedTuple):
    """What was found, and its standard error, 0 where it is exact."""

    value: np.ndarray
    error: np.ndarray


@dataclasses.dataclass(frozen=True)
class Query:
    """Rows that fix the same coordinates.

    Attributes:
        fixed: Places, ascending.
        values: `(rows, fixed)`.
        limits: By place, between which limits a free number lies, two arrays `(rows,)`.
        allowed: By place, which codes are allowed, `(axis size,)`.
    """

    fixed: tuple[int, ...]
    values: np.ndarray
    limits: Mapping[int, tuple[np.ndarray, np.ndarray]] = dataclasses.field(default_factory=dict)
    allowed: Mapping[int, np.ndarray] = dataclasses.field(default_factory=dict)

    @property
    def is_plain(self) -> bool:
        """Whether nothing but values is given."""
        return not self.limits and not self.allowed

    def taken(self, rows: np.ndarray | slice) -> "Query":
        """Some of its rows."""
        limits = {place: (low[rows], high[rows]) for place, (low, high) in self.limits.items()}
        return Query(self.fixed, self.values[rows], limits, self.allowed)

    def space(self, joint: Joint) -> Space:
        """What is left free."""
        free = [i for i in range(joint.dim) if i not in self.fixed]
        numbers = tuple(i for i in free if joint.axes[i].kind != "code")
        codes = tuple(i for i in free if joint.axes[i].kind == "code")
        rows = len(self.values)
        low, high = np.empty((rows, len(numbers))), np.empty((rows, len(numbers)))
        for column, place in enumerate(numbers):
            axis = joint.axes[place]
            ends = (-np.inf, np.inf) if axis.kind == "angle" else (axis.low, axis.high)
            least, most = self.limits.get(place, ends)
            low[:, column], high[:, column] = np.maximum(least, ends[0]), np.minimum(most, ends[1])
        allowed = tuple(self.allowed.get(i, np.ones(joint.axes[i].size, bool)) for i in codes)
        return Space(joint, self.fixed, self.values, numbers, low, high, codes, allowed, np.zeros(low.shape))


def solve(
    joint: Joint,
    query: Query,
    pool: np.ndarray,
    each: int,
    random: np.random.Generator,
    effort: Effort = THOROUGH,
) -> Found:
    """Draws of what a query leaves free, and the density of what it fixes, for each of its rows."""
    space, clusters = starting_clusters(query.space(joint), pool, random, effort)
    return anneal(space, clusters, each, random, effort)


def doubts(found: Found) -> list[str | None]:
    """Why each row is not to be trusted, or None."""
    return [_doubt(*row) for row in zip(found.effective, found.pareto_k, found.r_hat, found.log_z_error, strict=True)]


def _doubt(effective: float, pareto_k: float, agreement: float, error: float) -> str | None:
    if not effective >= LEAST_SHARE:
        return f"{100 * effective:.1f} % of the draws are effective, fewer than {100 * LEAST_SHARE:.0f} %"
    if not pareto_k < K_LIMIT:
        return f"Pareto k of the weights is {pareto_k:.2f}, above {K_LIMIT}"
    if not agreement < R_LIMIT:
        return f"R-hat is {agreement:.2f}, above {R_LIMIT}: groups of draws do not agree"
    return None if math.isfinite(error) else "nothing is known of the error"


def quantiles_of(draws: np.ndarray, levels: np.ndarray) -> Estimate:
    """Quantiles of draws `(n, columns)`, `(levels, columns)`; the error is half the distance of the neighbours.

    Raises:
        ValueError: If a level is not between 0 and 1.
    """
    if not ((levels > 0) & (levels < 1)).all():
        raise ValueError(f"quantiles: levels must lie between 0 and 1, got {levels.tolist()}.")
    step = np.sqrt(levels * (1.0 - levels) / len(draws))
    found = np.quantile(draws, np.concatenate([levels, levels - step, levels + step]).clip(0.0, 1.0), axis=0)
    value, low, high = np.split(found, 3)
    return Estimate(value, 0.5 * (high - low))
