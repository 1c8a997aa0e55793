"""Forecasts of series."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self, no_type_check

import numpy as np

from pushforward._errors import DataError
from pushforward.data import as_table
from pushforward.data.series._read import series_of
from pushforward.data.series._series import SeriesData
from pushforward.distributions import SeriesFlow
from pushforward.estimators._base import FlowEstimator
from pushforward.modalities._learn import key_from
from pushforward.modalities.series._forecast import paths_of
from pushforward.modalities.series._settings import SeriesSettings


@no_type_check
@dataclass(repr=False, eq=False)
class FlowForecaster(FlowEstimator, SeriesSettings):
    """The joint law of the next steps of several series, given their past, by a conditioned normalizing flow.

    `predict` gives the median of each series at each step, `predict_quantiles` its quantiles, `sample_paths` draws of
    the whole future, in which series and steps depend on each other as the model has learned.

    The settings are those of `FlowDensity`, and how many steps are forecast (`horizon`), how many before them are read
    (`context`, by default as many) and whether the calendar of the times is seen (`calendar`).

    Example:
        >>> rng = np.random.default_rng(0)
        >>> y = np.cumsum(rng.normal(size=(200, 2)), axis=0)
        >>> forecaster = pf.estimators.FlowForecaster(horizon=3, max_epochs=1, random_state=0).fit(y)
        >>> forecaster.predict(y).shape, forecaster.sample_paths(y, 10).shape
        ((3, 2), (10, 3, 2))
    """

    _modality: ClassVar[str] = "series"

    def fit(self, y: Any, *, time: str | None = None) -> Self:
        """Learn from series.

        Args:
            y: An array `(steps, series)` or `(steps,)`, NaN where a value is missing, or a frame or a
                `pushforward.data.Table`, a row a time, with complete rows.
            time: In a frame the column of times; without it the rows are numbered.

        Raises:
            ValueError: If the series, the flow or a setting cannot be used.
        """
        self._learn(_series(y, time, None))
        return self

    def predict(self, y: Any, n_paths: int = 200) -> np.ndarray:
        """The median of what follows `y`, `(horizon, series)`.

        Args:
            y: The past, as for `fit`; more of it than the context is not read.
            n_paths: Futures that are drawn, the same ones every time.
        """
        return self.predict_quantiles(y, 0.5, n_paths)

    def predict_quantiles(self, y: Any, q: Any = (0.1, 0.5, 0.9), n_paths: int = 200) -> np.ndarray:
        """Quantiles of what follows `y`, `(levels, horizon, series)`, or `(horizon, series)` for one level.

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
        return np.quantile(self.sample_paths(y, n_paths, 0), levels, axis=0)

    def sample_paths(
        self, y: Any, n_paths: int = 100, random_state: Any = None, temperature: float | None = None
    ) -> np.ndarray:
        """Draws of what follows `y`, `(n_paths, horizon, series)`.

        Args:
            y: The past.
            n_paths: How many, at least 1.
            random_state: A seed, a `numpy.random.RandomState`, or None for NumPy's global one.
            temperature: Scale of the noise.
        """
        if n_paths < 1:
            raise DataError(f"sample_paths: `n_paths` must be at least 1, got {n_paths}.", "ask for more")
        model = self._fitted
        assert isinstance(model.flow, SeriesFlow)
        time = None if model.facts.time == ROW else model.facts.time
        data = _series(y, time, model.facts)
        return paths_of(model.flow, model.facts, data, n_paths, key_from(random_state), temperature)[0][0]


ROW = "row"
"""Name of the times of an array."""


def _series(y: Any, time: str | None, facts: Any) -> SeriesData:
    """Series of an array or a frame; those that a model knows."""
    names: Sequence[str] | None = None if facts is None else facts.names
    grid = None if facts is None else facts.grid
    if time is not None:
        return series_of(as_table(y), time=time, series=names, grid=grid)
    from pushforward.data import Table

    if hasattr(y, "names") or hasattr(y, "__arrow_c_stream__") or hasattr(y, "columns"):
        table = as_table(y)
        columns, values = table.names, table.values
    else:
        values = np.asarray(y, np.float64)
        values = values[:, None] if values.ndim == 1 else values
        if values.ndim != 2 or not values.size:
            raise DataError(f"y: must have shape (steps, series), got {values.shape}.", "give a row for each step")
        columns = tuple(names or (f"x{i}" for i in range(values.shape[1])))
    if names is not None and len(columns) != len(names):
        raise DataError(f"y: {len(columns)} series, but the model knows {len(names)}.", f"give {', '.join(names)}")
    rows = np.arange(len(values), dtype=np.float64)
    table = Table((ROW, *columns), np.column_stack([rows, values]))
    return series_of(table, time=ROW, series=names, grid=grid, label="y")
