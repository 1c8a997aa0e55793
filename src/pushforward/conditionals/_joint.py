"""A joint density as its conditionals need it: draws, log-densities, and what each coordinate is."""

import dataclasses
import math
from typing import Literal, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from pushforward._errors import DataError
from pushforward._sizes import power_of_two
from pushforward.distributions import AbstractDistribution
from pushforward.supports import Categories, Circle, Integers, Interval, PartOf, Sphere, Support
from pushforward.supports._events import spread

LEAST_ROWS, MOST_ROWS = 256, 4096
"""Events that are scored at once: powers of two between these, so that few sizes are compiled."""
MOST_CODES = 10_000
"""Whole numbers of one coordinate that are moved among as codes."""
HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)


class Axis(NamedTuple):
    """What one coordinate is.

    Attributes:
        kind: A number between two limits, an angle from `low` once around to `high`, or a code from `low` to `high`.
        low: Least value; -inf where there is no limit.
        high: Largest value; inf where there is no limit.
    """

    kind: Literal["number", "angle", "code"] = "number"
    low: float = -math.inf
    high: float = math.inf

    @property
    def size(self) -> int:
        """How many codes there are."""
        return int(self.high - self.low) + 1


@dataclasses.dataclass(frozen=True)
class Joint:
    """A flow over vectors, taken apart into coordinates.

    Attributes:
        flow: Without a condition.
        axes: Of its coordinates.
        atoms: Pairs of coordinates, a number and the code that says at which atom it is, 0 for none. The density takes
            no notice of a number at an atom; here it is a Gaussian one then, so that all draws have one dimension.
    """

    flow: AbstractDistribution
    axes: tuple[Axis, ...]
    atoms: tuple[tuple[int, int], ...] = ()

    @property
    def dim(self) -> int:
        return len(self.axes)

    def log_prob(self, x: np.ndarray) -> np.ndarray:
        """Log-densities in nats, `(n, dim) -> (n,)` float64; -inf where the flow gives NaN."""
        out, x = np.empty(len(x)), np.asarray(x, np.float64)
        free = np.zeros(len(x))
        if self.atoms:
            x = x.copy()
        for number, code in self.atoms:
            at_atom = x[:, code] > 0
            free[at_atom] -= 0.5 * x[at_atom, number] ** 2 + HALF_LOG_2PI
            x[at_atom, number] = 0.0
        for start in range(0, len(x), MOST_ROWS):
            rows = x[start : start + MOST_ROWS]
            size = max(power_of_two(len(rows)), LEAST_ROWS)
            padded = np.concatenate([rows, np.repeat(rows[:1], size - len(rows), axis=0)])
            found = self.flow.log_prob(padded.astype(jnp.result_type(float)))
            out[start : start + len(rows)] = np.asarray(found, np.float64)[: len(rows)]
        return np.where(np.isnan(out), -np.inf, out + free)

    def sample(self, key: PRNGKeyArray, n: int, random: np.random.Generator) -> np.ndarray:
        """Draws, `(n, dim)` float64."""
        x = np.array(self.flow.sample(key, n), np.float64)
        for number, code in self.atoms:
            at_atom = x[:, code] > 0
            x[at_atom, number] = random.standard_normal(int(at_atom.sum()))
        return x


def joint_of(flow: AbstractDistribution, name: str) -> Joint:
    """The coordinates of a flow from its support.

    Raises:
        ValueError: If the flow is conditional, or its events are no vectors.
        DataError: If its density is not exact, or a coordinate has no end of whole numbers or is no number by itself.
    """
    if flow.cond_shape is not None:
        raise ValueError(f"{name}: the flow is conditional on shape {flow.cond_shape}; give one that is not.")
    if len(flow.event_shape) != 1:
        raise ValueError(f"{name}: events must be vectors, got shape {flow.event_shape}.")
    if isinstance(flow.support, Sphere):
        raise DataError(
            f"{name}: points of a sphere have a density on it, and none of single coordinates.",
            "draw from the flow, and keep the draws that fit",
        )
    if not flow.exact:
        raise DataError(
            f"{name}: needs exact log-densities, and those of this flow are estimates or a bound.",
            "fit one of a kind that is exact, such as 'nsf' or 'maf'",
        )
    axes = [_axis(support, name) for support in spread(flow.support, flow.event_shape).flat]
    return Joint(flow, tuple(axes))


def _axis(support: Support, name: str) -> Axis:
    support = support.support if isinstance(support, PartOf) else support
    if isinstance(support, Interval):
        return Axis("number", support.low, support.high)
    if isinstance(support, Circle):
        return Axis("angle", support.low, support.high)
    if isinstance(support, Categories):
        return Axis("code", 0.0, support.count - 1.0)
    if isinstance(support, Integers) and support.low is not None and support.high is not None:
        axis = Axis("code", float(support.low), float(support.high))
        if axis.size <= MOST_CODES:
            return axis
    raise DataError(
        f"{name}: a coordinate is neither a number, an angle nor one of a few whole numbers: {support}.",
        "draw from the flow, and keep the draws that fit",
    )
