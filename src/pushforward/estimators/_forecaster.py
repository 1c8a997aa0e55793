"""Forecasts of series."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, ClassVar, NamedTuple, Self, no_type_check

import numpy as np

from pushforward._errors import DataError
from pushforward.data import Table
from pushforward.data._missing import refuse_infinite
from pushforward.data.series._read import rows_in_memory, series_of
from pushforward.data.series._series import Clock, SeriesData
from pushforward.distributions import SeriesFlow
from pushforward.estimators._base import FlowEstimator
from pushforward.modalities._draws import num_draws
from pushforward.modalities._learn import key_from
from pushforward.modalities.series._forecast import paths_of
from pushforward.modalities.series._score import scores_of
from pushforward.modalities.series._settings import SeriesSettings


@no_type_check
@dataclass(repr=False, eq=False)
class FlowForecaster(FlowEstimator, SeriesSettings):
    """The joint law of the next steps of several series, given their past, by a conditioned normalizing flow.

    `predict` gives the median of each series at each step, `predict_quantiles` its quantiles, `sample_paths` draws of
    the whole future, in which series and steps depend on each other as the model has learned; `score_samples` says how
    likely each step was.

    The settings are those of `FlowDensity`, and how many steps are forecast (`horizon`), how many before them are read
    (`context`, by default seven seasons, or as many as are forecast), whether the calendar of the times is seen
    (`calendar`), and whether steps that are not there are put in as missing (`fill_gaps`), in place of an error.

    NaN is a missing value. Series of whole numbers get noise put around them inside of the flow, so that log-densities
    are bounds of log-probabilities, and samples are whole numbers again.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> y = np.cumsum(rng.normal(size=(200, 2)), axis=0)
        >>> forecaster = pf.estimators.FlowForecaster(horizon=3, max_epochs=1, random_state=0).fit(y)
        >>> forecaster.predict(y).shape, forecaster.sample_paths(y, 10).shape
        ((3, 2), (10, 3, 2))
    """

    _: KW_ONLY
    fill_gaps: bool = False

    _modality: ClassVar[str] = "series"

    def fit(self, y: Any, *, time: str | None = None, item: str | None = None, known: Sequence[str] = ()) -> Self:
        """Learn from series.

        Args:
            y: An array `(steps, series)` or `(steps,)`, NaN where a value is missing, or a frame or a
                `pushforward.data.Table`, a row a time.
            time: In a frame the column of times; without it the rows are numbered.
            item: In a frame the column that says which item, such as a store, a row is of, where there are several
                rows for a time.
            known: In a frame the columns that are known ahead, such as holidays. For a forecast, rows behind the last
                value hold them, with NaN for the series.

        Raises:
            ValueError: If the series, the flow or a setting cannot be used.
        """
        known = (known,) if isinstance(known, str) else tuple(known)
        self._learn(_series(y, _Columns(time, item, known, None, None), fill_gaps=self.fill_gaps))
        return self

    def predict(self, y: Any, n_paths: int = 200) -> np.ndarray:
        """The median of what follows `y`, `(horizon, series)`; of items `(items, horizon, series)`.

        Args:
            y: The past, with the columns of `fit`; more of it than the context is not read.
            n_paths: Futures that are drawn, the same ones every time.
        """
        return self.predict_quantiles(y, 0.5, n_paths)

    def predict_quantiles(self, y: Any, q: Any = (0.1, 0.5, 0.9), n_paths: int = 200) -> np.ndarray:
        """Quantiles of what follows `y`, `(levels, horizon, series)`, or `(horizon, series)` for one level.

        They are interpolated between the paths, where GluonTS takes the nearest one. Of items there is an axis in
        front of the steps.

        Args:
            y: The past.
            q: Levels in (0, 1).
            n_paths: Futures that are drawn, the same ones every time.

        Raises:
            DataError: If a level is not in (0, 1).
        """
        levels = np.asarray(q, np.float64)
        if not np.all((levels > 0) & (levels < 1)):
            raise DataError(f"predict_quantiles: levels must be between 0 and 1, got {q}.", "0.5 is the median")
        return np.quantile(self.sample_paths(y, n_paths, 0), levels, axis=-3)

    def sample_paths(
        self, y: Any, n_paths: int = 100, random_state: Any = None, temperature: float | None = None
    ) -> np.ndarray:
        """Draws of what follows `y`, `(n_paths, horizon, series)`.

        Of items `(items, n_paths, horizon, series)`, in the order in which they come in `y`.

        Args:
            y: The past.
            n_paths: How many, at least 1.
            random_state: A seed, a `numpy.random.RandomState`, or None for NumPy's global one.
            temperature: Scale of the noise, above 0; None or 1 for the model itself.
        """
        n_paths = num_draws(n_paths, temperature, "n_paths")
        data, model = self._series(y), self._fitted
        paths = paths_of(self._flow, model.facts, data, n_paths, key_from(random_state), temperature)[0]
        return paths if model.facts.item else paths[0]

    def score_samples(self, y: Any) -> np.ndarray:
        """The log-density of each step given those before it, `(steps,)`; of items one behind the other.

        NaN for the first steps, before which there is nothing, and where a value is missing. Of whole numbers it is a
        bound of the log-probability, in the mean over the noise that is put around them, which is the same every time.

        Args:
            y: Series with the columns of `fit`.
        """
        return np.concatenate(scores_of(self._flow, self._fitted.facts, self._series(y)))

    def score(self, y: Any) -> float:
        """The mean of `score_samples`, nats a step."""
        return float(np.nanmean(self.score_samples(y)))

    @property
    def _flow(self) -> SeriesFlow:
        flow = self._fitted.flow
        assert isinstance(flow, SeriesFlow)
        return flow

    def _series(self, y: Any) -> SeriesData:
        """Series as the model knows them."""
        facts = self._fitted.facts
        time = None if facts.time == ROW else facts.time
        columns = _Columns(time, facts.item or None, facts.known, facts.names, facts.clock)
        return _series(y, columns, fill_gaps=self.fill_gaps)


ROW = "row"
"""Name of the times of an array."""


class _Columns(NamedTuple):
    """Which columns are what; the series and what the times are where a model knows them."""

    time: str | None
    item: str | None
    known: tuple[str, ...]
    series: Sequence[str] | None
    clock: Clock | None


def _series(y: Any, columns: _Columns, *, fill_gaps: bool) -> SeriesData:
    """Series of an array or a frame."""
    if isinstance(y, SeriesData):
        return y
    table = _table(y, columns)
    time = columns.time
    if time is None and columns.clock is not None and ROW in table.names:
        time = ROW  # the name of the user's own column
    if time is None:
        table, time = _numbered(table, columns.item), ROW
    return series_of(
        table,
        time=time,
        item=columns.item,
        series=columns.series,
        known=columns.known,
        fill_gaps=fill_gaps,
        clock=columns.clock,
        label="y",
    )


def _table(y: Any, columns: _Columns) -> Table:
    found = rows_in_memory(y, text=() if columns.item is None else (columns.item,))
    if found is not None:
        return found
    given = {"time": columns.time, "item": columns.item, "known": columns.known or None}
    named = [f"`{name}`" for name, value in given.items() if value is not None]
    if named:
        raise DataError(f"y: an array has no columns for {' and '.join(named)}.", "give a frame")
    values = np.asarray(y, np.float64)
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim != 2 or not values.size:
        raise DataError(f"y: must have shape (steps, series), got {values.shape}.", "give a row for each step")
    names = columns.series or tuple(f"x{i}" for i in range(values.shape[1]))
    if len(names) != values.shape[1]:
        raise DataError(f"y: {values.shape[1]} series, but the model knows {len(names)}.", f"give {', '.join(names)}")
    refuse_infinite("y", names, values)
    return Table(tuple(names), values)


def _numbered(table: Table, item: str | None) -> Table:
    """The table with the number of each row, or of each row of its item, as its time."""
    rows = np.arange(table.num_rows, dtype=np.float64)
    if item is not None and item in table.names:
        cells = table.column(item)
        for code in np.unique(cells):
            own = cells == code
            rows[own] = np.arange(own.sum())
    values = np.column_stack([rows, table.values])
    return replace(table, names=(ROW, *table.names), values=values, kinds=("int", *table.kinds))
