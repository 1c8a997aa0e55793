"""Looking on while a flow is trained."""

import dataclasses
from collections.abc import Callable

from pushforward.distributions._base import AbstractDistribution
from pushforward.train._result import Epoch


@dataclasses.dataclass(frozen=True)
class EpochInfo:
    """What a callback is told at the end of an epoch.

    Attributes:
        epoch: Number of the epoch that ended, from 1.
        history: All epochs so far.
        best_epoch: The best epoch so far; 0 is the flow before training.
        current_flow: Call it for the flow as it is now (its running mean with `ema`).
        best_flow: Call it for the best flow so far.
    """

    epoch: int
    history: tuple[Epoch, ...]
    best_epoch: int
    current_flow: Callable[[], AbstractDistribution]
    best_flow: Callable[[], AbstractDistribution]


Callback = Callable[[EpochInfo], bool | None]
"""Called at the end of every epoch; True ends the training."""
