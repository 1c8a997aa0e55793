"""What a model of series knows beside its flow."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from pushforward._errors import DataError, did_you_mean
from pushforward.data.moments._moment import Moment
from pushforward.data.series._grid import Grid
from pushforward.data.series._series import Clock, Item, SeriesData
from pushforward.distributions import SeriesFlow
from pushforward.modalities._told import Told

MOST_ITEMS = 50
"""Of more items, the flow is not told which one a window is of."""


@dataclass(frozen=True)
class SeriesFacts:
    """What is needed to use the flow of series.

    Attributes:
        names: Of the series.
        time: Name of the column of times.
        moment: Its type; None for plain numbers.
        grid: The step.
        item: Name of the column of items, or "".
        items: Those that the flow is told apart; none where there are many.
        known: Names of the covariates that are known ahead.
        middle: Their means.
        spread: Their spreads.
        calendar: Whether the flow is told the time of day, week and year.
        turns: How many of these, the shortest first: those that the history goes through twice; None for all, as in
            older files.
    """

    names: tuple[str, ...]
    time: str
    moment: Moment | None
    grid: Grid
    item: str
    items: tuple[str, ...]
    known: tuple[str, ...]
    middle: tuple[float, ...]
    spread: tuple[float, ...]
    calendar: bool
    turns: int | None = None

    @classmethod
    def of(cls, data: SeriesData, *, calendar: bool) -> Self:
        """The facts of what is fitted to."""
        cells = np.concatenate([item.known for item in data.items])
        spread = np.where(np.ptp(cells, axis=0) > 0, cells.std(axis=0), 1.0) if data.known else np.zeros(0)
        names = tuple(item.name for item in data.items)
        told = names if 1 < len(names) <= MOST_ITEMS else ()
        middle = tuple(cells.mean(axis=0).tolist())
        known = data.known, middle, tuple(spread.tolist())
        turns = data.grid.turns_within(max(float(item.times[-1] - item.times[0]) for item in data.items))
        return cls(
            data.names, data.time, data.moment, data.grid, data.item, told, *known, calendar=calendar, turns=turns
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        moment = None if self.moment is None else self.moment.to_json()
        return asdict(self) | {"moment": moment, "grid": self.grid.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The facts from plain data."""
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
        }
        moment = None if data["moment"] is None else Moment(**data["moment"])
        return cls(**(given | {"moment": moment, "grid": Grid(**data["grid"])}))

    @property
    def clock(self) -> Clock:
        """The step and the type of the times."""
        return Clock(self.grid, self.moment)

    def covariates(self, item: Item) -> np.ndarray:
        """What the flow is told of each step, `(steps, covariates)`.

        Raises:
            DataError: If the item was not seen in training.
        """
        parts = [(item.known - np.array(self.middle)) / np.array(self.spread)] if self.known else []
        parts += [self.grid.calendar(item.times, self.turns)] if self.calendar else []
        if self.items:
            if item.name not in self.items:
                raise DataError(
                    f"{self.item} {item.name!r} was not seen in training.",
                    f"{did_you_mean(item.name, self.items)}; or fit again with it",
                )
            parts.append(np.tile(np.array([name == item.name for name in self.items], float), (len(item), 1)))
        return np.concatenate([np.zeros((len(item), 0)), *parts], axis=1)

    @property
    def size(self) -> int:
        """How many covariates there are."""
        calendar = self.grid.calendar(np.zeros(1), self.turns).shape[1] if self.calendar else 0
        return len(self.known) + calendar + len(self.items)

    def told(self, flow: SeriesFlow) -> Told:
        """What `show` tells."""
        horizon, numbers = flow.horizon, dict(zip(self.names, flow.numbers, strict=False))
        whole = [name for name, word in numbers.items() if word != "real"]
        lines: list[tuple[str, object]] = [
            ("series", ", ".join(self.names[:20])),
            ("step", self.grid.name),
            ("horizon", f"{horizon} steps, after {flow.context} that are read"),
        ]
        lines += [("whole numbers", f"{', '.join(whole[:20])}; log-densities are bounds")] if whole else []
        lines += [("known ahead", ", ".join(self.known))] if self.known else []
        lines += [("items", ", ".join(self.items[:20]))] if self.items else []
        return Told({"series": self.to_json() | {"horizon": horizon, "numbers": numbers}}, lines)
