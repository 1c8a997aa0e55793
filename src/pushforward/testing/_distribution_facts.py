"""A distribution with what the laws need to know of it, and the draws that several of them look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np

from pushforward.distributions import AbstractDistribution
from pushforward.testing._density_grid import Grid, on_grid
from pushforward.testing._law import listed
from pushforward.testing._parts import cast, perturb

DRAWS = 10_000
EVENTS = 5


@dataclass(frozen=True)
class LawSubject:
    """A distribution and the options of `check_distribution`."""

    given: AbstractDistribution
    bounds: Sequence[tuple[float, float]] | None = None
    values: np.ndarray | None = None
    far: bool = True
    noise: float = 0.2
    tolerance: float = 0.0
    seed: int = 7

    @cached_property
    def distribution(self) -> AbstractDistribution:
        """In float32, moved away from where it starts."""
        single = cast(self.given, "float32")
        return perturb(single, self.noise) if self.noise else single

    @property
    def size(self) -> int:
        """How many numbers an event has."""
        return int(np.prod(self.given.event_shape))

    @property
    def continuous(self) -> bool:
        """Whether it is a density."""
        return self.values is None

    @property
    def key(self) -> jax.Array:
        """The same for every law; draws do not depend on the order of laws."""
        return jax.random.key(self.seed)

    @cached_property
    def condition(self) -> np.ndarray | None:
        """One condition."""
        return None if self.conditions is None else self.conditions[0]

    @cached_property
    def conditions(self) -> np.ndarray | None:
        """`(EVENTS, *cond_shape)`."""
        shape = self.given.cond_shape
        return None if shape is None else np.random.default_rng(8).standard_normal((EVENTS, *shape)).astype(np.float32)

    @cached_property
    def draws(self) -> np.ndarray:
        """`(DRAWS, *event_shape)` given the one condition."""
        return np.asarray(self.distribution.sample(self.key, DRAWS, self.condition))

    @property
    def flat_draws(self) -> np.ndarray:
        """`(DRAWS, size)` in float64."""
        return self.draws.reshape(DRAWS, -1).astype(np.float64)

    @cached_property
    def grid(self) -> Grid:
        """The density of one or two coordinates given the one condition."""
        return on_grid(self.distribution, self.condition, self.flat_draws, self.bounds)

    @cached_property
    def events(self) -> np.ndarray:
        """`(EVENTS, *event_shape)`: one draw for each condition."""
        draw = () if self.conditions is not None else EVENTS
        return np.asarray(self.distribution.sample(self.key, draw, self.conditions))

    def where(self, event: int) -> str:
        """One of `events` in words."""
        given = "" if self.conditions is None else f", condition = {listed(self.conditions[event])}"
        return f"x = {listed(self.events[event])}{given}"

    def log_prob(self, x: np.ndarray, condition: np.ndarray | None) -> np.ndarray:
        """In float64's format."""
        return np.asarray(self.distribution.log_prob(jnp.asarray(x, "float32"), condition), np.float64)
