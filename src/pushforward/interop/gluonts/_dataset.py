"""Entries of a GluonTS dataset as series on one grid."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from pushforward._errors import DataError
from pushforward.data.moments._moment import SECOND, Moment
from pushforward.data.series._grid import grid_of
from pushforward.data.series._series import Item, SeriesData

Entry = Mapping[str, Any]

KNOWN = "feat_dynamic_real"
"""Of an entry, numbers that are known of each step, those of the future too: `(features, steps)`."""
LEAST = 3
"""Times that tell a step."""


def read_dataset(dataset: Iterable[Entry]) -> SeriesData:
    """Series of a GluonTS dataset, which `FlowForecaster.fit` takes.

    Of an entry are read its `target`, `(steps,)` or `(series, steps)` with NaN where a value is missing, its `start`, a
    pandas period, its `item_id`, and its `feat_dynamic_real`, `(features, steps)`. Other features are left aside.

    Args:
        dataset: Entries of one frequency, such as a `ListDataset` or a `PandasDataset`.

    Raises:
        DataError: If there is no entry, or one is not like the first, or has no start with a frequency.

    Example:
        >>> import pandas as pd
        >>> entry = {"start": pd.Period("2024-01-01", "D"), "target": np.arange(9.0), "item_id": "north"}
        >>> read_dataset([entry]).told()
        '1 items of 1 series, 9 steps of a day each'
    """
    entries = list(dataset)
    if not entries:
        raise DataError("dataset: there is no entry.", "give at least one series")
    items = tuple(item_of(entry, place) for place, entry in enumerate(entries))
    _refuse_different(entries, items)
    pieces = [item.times for item in items if len(item) > 1]
    if not pieces or max(map(len, pieces)) < LEAST:
        raise DataError(f"dataset: {max(map(len, items))} steps are too few to tell a step.", "give longer targets")
    moment = Moment("datetime", form="%Y-%m-%dT%H:%M:%S", unit=SECOND, step=SECOND)
    series, known = (_names(word, items[0], field) for word, field in (("target", "values"), (KNOWN, "known")))
    return SeriesData(series, items, grid_of(pieces, dated=True), "time", moment, "item_id", known, "dataset")


def item_of(entry: Entry, place: int, *, ahead: int = 0) -> Item:
    """One entry with a row a step, and `ahead` rows behind them that have no values.

    Args:
        entry: Of the dataset.
        place: Its number in the dataset, its name where it has none.
        ahead: Steps of the future, of which the entry's features tell.

    Raises:
        DataError: If the entry has no start, or its features are of other steps.
    """
    name = str(entry.get("item_id", place))
    target = np.atleast_2d(np.asarray(entry["target"], np.float64)).T
    steps = len(target) + ahead
    known = np.zeros((steps, 0))
    if entry.get(KNOWN) is not None:
        known = np.atleast_2d(np.asarray(entry[KNOWN], np.float64)).T
        if len(known) < steps:
            raise DataError(
                f"dataset, {name}: {KNOWN} has {len(known)} steps, but {steps} are needed.",
                "give the features of every step of the target, and for a forecast those of the steps behind it too",
            )
    times = _times(entry, name, steps)
    values = np.concatenate([target, np.full((ahead, target.shape[1]), np.nan)])
    return Item(name, times, values, known[:steps], np.arange(1, steps + 1))


def _times(entry: Entry, name: str, steps: int) -> np.ndarray:
    """Seconds since 1970 at the beginning of each step."""
    import pandas as pd  # pyright: ignore[reportMissingImports]: GluonTS brings it

    start = entry.get("start")
    if not isinstance(start, pd.Period):
        raise DataError(
            f"dataset, {name}: `start` is {start!r}, not a pandas period with a frequency.",
            "make it by pd.Period('2024-01-01', 'D'), or let a GluonTS dataset make it by its `freq`",
        )
    times = pd.period_range(start, periods=steps).to_timestamp()
    return times.to_numpy().astype("datetime64[s]").astype(np.float64)


def _refuse_different(entries: list[Entry], items: tuple[Item, ...]) -> None:
    first = items[0]
    for entry, item in zip(entries, items, strict=True):
        for what, field in (("series", "values"), (KNOWN, "known")):
            own, wanted = (getattr(each, field).shape[1] for each in (item, first))
            if own != wanted:
                raise DataError(
                    f"dataset, {item.name}: {own} {what}, but {first.name} has {wanted}.", "give entries that are alike"
                )
        own, wanted = entry["start"].freqstr, entries[0]["start"].freqstr
        if own != wanted:
            raise DataError(
                f"dataset, {item.name}: steps of {own}, but those of {first.name} are of {wanted}.",
                "give entries of one frequency",
            )


def _names(word: str, item: Item, field: str) -> tuple[str, ...]:
    count = getattr(item, field).shape[1]
    return (word,) if count == 1 else tuple(f"{word}_{i}" for i in range(count))
