"""The host's record of a fit: what is fixed, and what changes from epoch to epoch."""

import dataclasses
import math
import time
from typing import Any

import equinox as eqx
from jaxtyping import PRNGKeyArray

from pushforward.distributions._base import AbstractDistribution
from pushforward.objectives import Batch
from pushforward.train._batches import Source
from pushforward.train._callbacks import Callback
from pushforward.train._devices import Devices, SpreadSource, settled
from pushforward.train._result import Epoch, FitResult
from pushforward.train._schedule import COOLING, WARM_UP
from pushforward.train._state import TrainState, copied, first_state
from pushforward.train._step import Knobs, Plan
from pushforward.train.reading._source import FileSource


@dataclasses.dataclass(frozen=True)
class Job:
    """What stays the same during a fit.

    Attributes:
        plan: What is compiled in.
        source: Where batches come from.
        monitor: Rows in blocks on which every epoch is measured.
        held_out: Whether they are held out; else they are some training rows, which only tell of a flow gone bad.
        key: The key of the fit.
        learning_rate: Before the schedule; 1 for an optimizer of the user's own.
        ema_decay: Share of the running mean that a step keeps.
        max_epochs: Epochs at most.
        patience: Epochs without a better monitor loss before training ends, or None.
        callbacks: Called after every epoch.
        event_size: Coordinates of an event.
    """

    plan: Plan
    source: Source
    monitor: Batch
    held_out: bool
    key: PRNGKeyArray
    learning_rate: float
    ema_decay: float
    max_epochs: int
    patience: int | None
    callbacks: tuple[Callback, ...]
    event_size: int

    @property
    def total_steps(self) -> int:
        """Steps in all epochs."""
        return self.max_epochs * self.source.steps_per_epoch

    @property
    def cool_steps(self) -> int:
        """Steps in which the learning rate falls to zero once patience has run out; 0 if the schedule does not."""
        if self.patience is None or self.plan.schedule != "cosine":
            return 0
        return math.ceil(COOLING * self.patience) * self.source.steps_per_epoch

    def knobs(self, ceiling: float, cool_from: float) -> Knobs:
        """The numbers for the compiled loop."""
        return Knobs(
            key=self.key,
            rate=self.learning_rate,
            warm_up=float(min(WARM_UP, self.source.steps_per_epoch)),
            total_steps=float(self.total_steps),
            ema_decay=self.ema_decay,
            ceiling=ceiling,
            cool_from=cool_from,
            cool_steps=float(max(self.cool_steps, 1)),
        )


@dataclasses.dataclass
class Run:
    """What a fit has reached; together with the data and settings it decides all that follows.

    Attributes:
        state: What the steps change.
        frozen: Buffers of the flow.
        best: Trained leaves of the best flow so far.
        best_loss: Its loss.
        best_epoch: Its epoch; 0 is the start.
        start_loss: Loss before training.
        stale: Epochs since the best one, without those that were taken back.
        setbacks: How often training went back since the best epoch.
        forgiven: Skipped steps of the present epoch that were the reason to go back.
        cool_from: Step at which patience ran out and the learning rate began to fall to zero; infinite before.
        seconds: Wall time of finished epochs.
        history: Finished epochs.
        events: What went wrong, in words.
        stopped: Why training ended, or None.
    """

    state: TrainState
    frozen: Any
    best: Any
    best_loss: float = float("inf")
    best_epoch: int = 0
    start_loss: float = float("inf")
    stale: int = 0
    setbacks: int = 0
    forgiven: int = 0
    cool_from: float = math.inf
    seconds: float = 0.0
    history: list[Epoch] = dataclasses.field(default_factory=list)
    events: list[str] = dataclasses.field(default_factory=list)
    stopped: str | None = None
    _lap_start: float = dataclasses.field(default_factory=time.perf_counter)

    def lap(self) -> float:
        """Seconds since the last call, or since the run was made; they are added to `seconds`."""
        now = time.perf_counter()
        lap, self._lap_start = now - self._lap_start, now
        self.seconds += lap
        return lap

    @property
    def candidate(self) -> Any:
        """The trained leaves that would be kept now: the running mean if there is one."""
        return self.state.params if self.state.ema is None else self.state.ema

    def current_flow(self) -> AbstractDistribution:
        """The flow as it is now."""
        return eqx.combine(copied(settled(self.candidate)), settled(self.frozen))

    def best_flow(self) -> AbstractDistribution:
        """The best flow so far."""
        return eqx.combine(settled(self.best), settled(self.frozen))

    def result(self) -> FitResult:
        """The report of a fit that ended."""
        return FitResult(
            flow=self.best_flow(),
            history=tuple(self.history),
            best_epoch=self.best_epoch,
            best_loss=self.best_loss,
            start_loss=self.start_loss,
            stopped_because=self.stopped or "",
            events=tuple(self.events),
            seconds=self.seconds,
        )


def restart_from_best(job: Job, run: Run, rate_scale: float) -> None:
    """Put the best parameters in place of the present ones, with a fresh optimizer."""
    fresh = first_state(
        run.best,
        rate_scale,
        int(run.state.step),
        optimizer=job.plan.optimizer,
        ema=job.plan.ema,
        metrics=tuple(run.state.sums.metrics),
    )
    run.state = fresh._replace(sums=run.state.sums)


def new_run(params: Any, frozen: Any, plan: Plan, metrics: tuple[str, ...]) -> Run:
    """A fit before its first step."""
    state = first_state(params, 1.0, 0, optimizer=plan.optimizer, ema=plan.ema, metrics=metrics)
    return Run(state=state, frozen=frozen, best=copied(params))


def on_devices(job: Job, devices: Devices) -> Job:
    """The same job with its data on all of these devices."""
    placed = devices.everywhere((job.monitor, job.key))
    given = job.source
    source = given.on(devices) if isinstance(given, FileSource) else SpreadSource(given, devices)
    return dataclasses.replace(job, source=source, monitor=placed[0], key=placed[1])


def run_on_devices(run: Run, devices: Devices) -> Run:
    """The same run with its arrays on all of these devices."""
    state, frozen, best = devices.place_state((run.state, run.frozen, run.best))
    return dataclasses.replace(run, state=state, frozen=frozen, best=best)
