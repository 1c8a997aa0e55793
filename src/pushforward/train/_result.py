"""What a fit reports."""

import dataclasses
from typing import Any

from pushforward.distributions._base import AbstractDistribution
from pushforward.train.private._privacy import Spent


@dataclasses.dataclass(frozen=True)
class Epoch:
    """One epoch of training.

    Attributes:
        number: 1 for the first.
        train: Mean training loss over the epoch's steps while the parameters were changing (nats for `nll`);
            NaN if no step was taken.
        validation: Loss on the held-out rows at the end of the epoch, or None without any.
        learning_rate: Learning rate of the last step; for an optimizer of your own, the factor of its updates.
        seconds: Wall time of the epoch.
        skipped: Steps that were not taken because the loss or a gradient was not finite.
        metrics: Means of the objective's metrics over the epoch's steps.
    """

    number: int
    train: float
    validation: float | None
    learning_rate: float
    seconds: float
    skipped: int = 0
    metrics: dict[str, float] = dataclasses.field(default_factory=dict)


CALLBACK = "a callback said stop"
"""Why training ended, where a callback ended it."""


@dataclasses.dataclass(frozen=True)
class FitResult:
    """A fitted flow and how it got there.

    Attributes:
        flow: The fitted flow: the best on the held-out rows, or the last one if none were held out.
        history: One entry for each epoch.
        best_epoch: The epoch whose parameters `flow` has; 0 is the flow before training.
        best_loss: Loss of `flow` on the held-out rows; without any, on at most 512 of the training rows.
        start_loss: The same loss before training.
        stopped_because: Why training ended, in words.
        events: What went wrong and what was done about it, in order.
        seconds: Wall time of training, compilation included, over all resumed runs; 0 of a private fit.
        spent: What a private fit has cost; None of any other.
    """

    flow: AbstractDistribution
    history: tuple[Epoch, ...]
    best_epoch: int
    best_loss: float
    start_loss: float
    stopped_because: str
    events: tuple[str, ...]
    seconds: float
    spent: Spent | None = None

    @property
    def skipped_steps(self) -> int:
        """Steps that were not taken because the loss or a gradient was not finite."""
        return sum(epoch.skipped for epoch in self.history)

    def summary(self) -> dict[str, Any]:
        """Plain data for a file's metadata or JSON; figures that are not finite become None."""
        fields = ("best_epoch", "best_loss", "start_loss", "stopped_because", "seconds", "skipped_steps")
        return {
            **{name: _plain(getattr(self, name)) for name in fields},
            "events": list(self.events),
            "history": [{k: _plain(v) for k, v in dataclasses.asdict(epoch).items()} for epoch in self.history],
        }

    def __str__(self) -> str:
        if self.spent is not None:
            return f"{len(self.history)} epochs; stopped: {self.stopped_because}\nprivate: {self.spent.sentence}"
        lines = [
            f"{len(self.history)} epochs in {self.seconds:.1f} s; stopped: {self.stopped_because}",
            f"loss {self.start_loss:.4f} -> {self.best_loss:.4f} (flow of epoch {self.best_epoch})"
            if self.best_epoch
            else f"loss {self.start_loss:.4f}: no epoch was better than the flow before training",
        ]
        return "\n".join(lines + [f"note: {event}" for event in self.events])


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value
