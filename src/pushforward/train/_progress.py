"""Progress on stderr: a bar on a terminal, a line now and then elsewhere."""

import dataclasses
import datetime
import math
import sys
import time
from typing import Protocol

from pushforward.train._result import Epoch

LONG = 1e6  # nats from which on a loss is written with an exponent
LINE_SECONDS = 2.0  # between two lines where there is no terminal


@dataclasses.dataclass(frozen=True)
class Report:
    """What is shown.

    Attributes:
        steps: Steps since the start of the fit.
        steps_per_epoch: Steps in an epoch.
        max_epochs: Epochs at most.
        history: Finished epochs.
        train: Mean training loss of the present epoch so far, or None.
        rows_per_second: Speed of the latest steps; 0 before it is known.
    """

    steps: int
    steps_per_epoch: int
    max_epochs: int
    history: list[Epoch]
    train: float | None
    rows_per_second: float

    def text(self) -> str:
        """The figures on one line."""
        last = self.history[-1] if self.history else None
        train = self.train if self.train is not None else (last.train if last else None)
        validation = last.validation if last else None
        parts = [f"{len(self.history)}/{self.max_epochs} epochs"]
        parts += [f"train {_nats(train)}"] if train is not None and not math.isnan(train) else []
        parts += [f"validation {_nats(validation)}"] if validation is not None else []
        parts += [f"{self.rows_per_second:,.0f} rows/s"] if self.rows_per_second else []
        left = self.seconds_left()
        parts += [f"at most {datetime.timedelta(seconds=math.ceil(left))} left"] if left else []
        return "  ".join(parts)

    def seconds_left(self) -> float | None:
        """Time for the steps that are left if all epochs are needed, at the speed of the last epoch; None at first."""
        if len(self.history) < 2:  # the first epoch compiles
            return None
        return self.history[-1].seconds / self.steps_per_epoch * (self.max_epochs * self.steps_per_epoch - self.steps)


def _nats(loss: float) -> str:
    return f"{loss:.4f}" if abs(loss) < LONG else f"{loss:.4g}"


class Progress(Protocol):
    """Something that shows reports."""

    def update(self, report: Report) -> None:
        """Show the figures."""
        ...

    def say(self, message: str) -> None:
        """Show a sentence that stays."""
        ...

    def close(self) -> None:
        """Leave the terminal as it should be; may be called twice."""
        ...


class Silent:
    """Shows nothing."""

    def update(self, report: Report) -> None:
        pass

    def say(self, message: str) -> None:
        pass

    def close(self) -> None:
        pass


class Lines:
    """A line at the end of an epoch, at most one every two seconds, and one at the end."""

    def __init__(self) -> None:
        self._shown = 0.0
        self._epochs = 0
        self._waiting: Report | None = None

    def update(self, report: Report) -> None:
        if len(report.history) == self._epochs:
            return
        self._epochs = len(report.history)
        self._waiting = report
        if time.monotonic() - self._shown >= LINE_SECONDS:
            self._flush()

    def say(self, message: str) -> None:
        sys.stderr.write(f"{message}\n")

    def close(self) -> None:
        self._flush()

    def _flush(self) -> None:
        if self._waiting is not None:
            sys.stderr.write(f"{self._waiting.text()}\n")
        self._shown = time.monotonic()
        self._waiting = None


class Bar:
    """A bar with the figures beside it."""

    def __init__(self) -> None:
        # Rich is slow to import and not needed without a bar.
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as RichProgress

        self._bar = RichProgress(
            BarColumn(bar_width=24), TextColumn("{task.description}"), console=Console(stderr=True)
        )
        self._task = self._bar.add_task("compiling", total=None)
        self._bar.start()

    def update(self, report: Report) -> None:
        total = report.max_epochs * report.steps_per_epoch
        self._bar.update(self._task, description=report.text(), completed=report.steps, total=total)

    def say(self, message: str) -> None:
        self._bar.console.print(message, markup=False, highlight=False)

    def close(self) -> None:
        self._bar.stop()


def progress_on(shown: bool) -> Progress:
    """The right kind for where stderr goes."""
    if not shown:
        return Silent()
    return Bar() if sys.stderr.isatty() else Lines()
