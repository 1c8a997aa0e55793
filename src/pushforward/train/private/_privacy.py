"""What a private fit promises, and the noise that it takes."""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

from pushforward._errors import DataError, PushforwardError, UsageError

ACCOUNTANT = "privacy loss distributions, dp-accounting"
ROUNDED = 1e-3
"""In nats: up to multiples of this privacy losses are rounded."""
PRECISE = 2e-3
"""Of noise multipliers, relative."""
ORDERS = (*range(2, 64), 128, 256, 512)
"""Of Renyi's divergences: for whole ones sums are finite, others may not converge."""
MOST_NOISE = 1e6


@dataclasses.dataclass(frozen=True, kw_only=True)
class Privacy:
    r"""$(\epsilon, \delta)$-differential privacy of single rows, for `pushforward.fit(..., privacy=)`.

    Whatever is seen of the fitted flow is at most $e^\epsilon$ times as likely with a row as without it, but for a
    probability $\delta$. In every step each row takes part with the same probability, its gradient is shortened to
    `clip_norm`, and Gaussian noise of `clip_norm` times a multiplier is added to the sum.

    Args:
        epsilon: $\epsilon$ in nats, positive and finite; 1 is strict, 10 is loose.
        delta: $\delta$, between 0 and 1, and far below one over the number of rows.
        clip_norm: Longest gradient of a row, over all parameters.

    Raises:
        UsageError: If a number is out of its range.

    Example:
        >>> pf.train.Privacy(epsilon=3.0, delta=1e-5).clip_norm
        1.0

    Reference:
        Abadi, Chu, Goodfellow, McMahan, Mironov, Talwar & Zhang (2016), Deep learning with differential privacy.
    """

    epsilon: float | int
    delta: float | int = 1e-5
    clip_norm: float | int = 1.0

    def __post_init__(self) -> None:
        if not _is_number(self.epsilon) or not 0 < self.epsilon < math.inf:
            raise UsageError(
                f"epsilon must be positive and finite, got {self.epsilon}.",
                "3 is usual; without a promise leave `epsilon` (`--epsilon`) out",
            )
        if not _is_number(self.delta) or not 0 < self.delta < 1:
            raise UsageError(
                f"delta must lie between 0 and 1, got {self.delta}.", "1e-5, or far below one over the number of rows"
            )
        if not _is_number(self.clip_norm) or not 0 < self.clip_norm < math.inf:
            raise UsageError(f"clip_norm must be positive and finite, got {self.clip_norm}.", "1 is usual")

    def spent(self, rate: float, steps: int) -> "Spent":
        """The least noise that keeps the promise, and what it costs.

        Args:
            rate: Probability of a row to take part in a step.
            steps: How many there are.

        Raises:
            DataError: If no noise is enough.
            PushforwardError: If `dp-accounting` is not installed.
        """
        noise = noise_multiplier(float(self.epsilon), float(self.delta), rate, steps)
        promised = float(self.epsilon), float(self.delta), float(self.clip_norm)
        return Spent(*promised, noise, rate, steps, epsilon_of(noise, float(self.delta), rate, steps))


@dataclasses.dataclass(frozen=True)
class Spent:
    """What a private fit has cost; plain data.

    Attributes:
        epsilon: What was promised.
        delta: The same.
        clip_norm: Longest gradient of a row.
        noise_multiplier: Standard deviation of the noise on the sum of gradients, in `clip_norm`.
        sampling_rate: Probability of a row to take part in a step.
        steps: How many there were.
        spent: Epsilon of all steps by the accountant; at most what was promised.
        accountant: How it was found.
        neighbours: Between which tables the promise holds.
    """

    epsilon: float
    delta: float
    clip_norm: float
    noise_multiplier: float
    sampling_rate: float
    steps: int
    spent: float
    accountant: str = ACCOUNTANT
    neighbours: str = "one row more or less"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return dataclasses.asdict(self)

    @property
    def sentence(self) -> str:
        """In words."""
        return (
            f"epsilon {self.spent:.3g} at delta {self.delta:g} for {self.neighbours}: {self.steps:,} steps, each with "
            f"{100 * self.sampling_rate:.3g} % of the rows, gradients up to {self.clip_norm:g} and noise of "
            f"{self.noise_multiplier:.3g} times that"
        )


@functools.lru_cache(maxsize=64)
def epsilon_of(noise: float, delta: float, rate: float, steps: int) -> float:
    r"""$\epsilon$ at $\delta$ of so many steps of the Gaussian mechanism on rows that take part at random.

    From above, by losses rounded up to multiples of `ROUNDED`.
    """
    accounting, pld, _ = _accounting()
    accountant = pld.PLDAccountant(accounting.NeighboringRelation.ADD_OR_REMOVE_ONE, ROUNDED)
    return float(accountant.compose(_event(accounting, noise, rate, steps)).get_epsilon(delta))


@functools.lru_cache(maxsize=64)
def noise_multiplier(epsilon: float, delta: float, rate: float, steps: int) -> float:
    """The least multiplier that stays within epsilon, to a part in `1 / PRECISE`.

    Raises:
        DataError: If none does.
    """
    # Renyi's divergences bound epsilon from above in no time, also where noise is small and losses are large.
    high = 1.0
    while _bound(high, delta, rate, steps) > epsilon:
        high *= 2.0
        if high > MOST_NOISE:
            raise DataError(
                f"no noise keeps epsilon={epsilon:g} at delta={delta:g} for {steps:,} steps.",
                "take fewer epochs, or a larger epsilon or delta",
            )
    high = _least(lambda noise: _bound(noise, delta, rate, steps) <= epsilon, high)
    return _least(lambda noise: epsilon_of(noise, delta, rate, steps) <= epsilon, high)


def _least(enough: Callable[[float], bool], high: float) -> float:
    """The least number that is enough, to a part in `1 / PRECISE`, where `high` is."""
    low = 0.8 * high
    while enough(low):
        low, high = 0.8 * low, low
    while high - low > PRECISE * high:
        middle = 0.5 * (low + high)
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _bound(noise: float, delta: float, rate: float, steps: int) -> float:
    accounting, _, rdp = _accounting()
    accountant = rdp.RdpAccountant(ORDERS, accounting.NeighboringRelation.ADD_OR_REMOVE_ONE)
    return float(accountant.compose(_event(accounting, noise, rate, steps)).get_epsilon(delta))


def _event(accounting: Any, noise: float, rate: float, steps: int) -> Any:
    one = accounting.PoissonSampledDpEvent(rate, accounting.GaussianDpEvent(noise))
    return accounting.SelfComposedDpEvent(one, steps)


def _accounting() -> tuple[Any, Any, Any]:
    try:
        import dp_accounting
        from dp_accounting import pld, rdp
    except ImportError:
        raise PushforwardError(
            "private fits need dp-accounting, which is not installed.", "`pip install dp-accounting`"
        ) from None
    return dp_accounting, pld, rdp


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
