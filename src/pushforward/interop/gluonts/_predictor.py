"""A fitted forecaster as GluonTS has its predictors, and one to be fitted as it has its estimators."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import jax
import numpy as np

from pushforward._errors import DataError
from pushforward.distributions import SeriesFlow
from pushforward.interop.gluonts._dataset import Entry, item_of, read_dataset
from pushforward.modalities._learn import key_from
from pushforward.modalities.series._forecast import paths_from

TOGETHER = 32
"""Entries whose paths are drawn at once."""


class GluonPredictor:
    """What a fitted `FlowForecaster` says, as GluonTS has its predictors: a `SampleForecast` for each entry.

    It goes where GluonTS wants a predictor, such as `make_evaluation_predictions`.

    Args:
        forecaster: A fitted `FlowForecaster`. Its series are those of the target, its covariates the
            `feat_dynamic_real`.
        random_state: Of the paths: the same ones for the same seed.

    Raises:
        DataError: If the forecaster is not fitted.
    """

    lead_time = 0

    def __init__(self, forecaster: Any, *, random_state: int = 0):
        model = getattr(forecaster, "model_", None)
        if model is None or not isinstance(model.flow, SeriesFlow):
            raise DataError("GluonPredictor: the forecaster is not fitted.", "fit it, or use `GluonEstimator`")
        self.forecaster, self.random_state = forecaster, random_state

    @property
    def prediction_length(self) -> int:
        """Steps of a forecast."""
        return self.forecaster.model_.flow.horizon

    def predict(self, dataset: Iterable[Entry], num_samples: int = 100) -> Iterator[Any]:
        """A forecast behind each entry's target.

        Samples are `(num_samples, steps)`, of several series `(num_samples, steps, series)`. GluonTS's `quantile` of
        them is an order statistic, the nearest path; `FlowForecaster.predict_quantiles` interpolates.

        Args:
            dataset: Entries as those that the forecaster was fitted to, `feat_dynamic_real` longer by the forecast.
            num_samples: Paths of each.

        Raises:
            ImportError: If GluonTS is not installed.
            DataError: If an entry is not like those of the fit.
        """
        forecast = _sample_forecast()
        entries, key = iter(dataset), key_from(self.random_state)
        model, number = self.forecaster.model_, 0
        while some := list(itertools.islice(entries, TOGETHER)):
            items = [item_of(entry, number + i, ahead=self.prediction_length) for i, entry in enumerate(some)]
            self._check(items)
            starts = [(i, len(item) - self.prediction_length) for i, item in enumerate(items)]
            paths = paths_from(model.flow, model.facts, items, starts, num_samples, jax.random.fold_in(key, number))
            for entry, drawn in zip(some, paths, strict=True):
                drawn = drawn[..., 0] if np.ndim(entry["target"]) == 1 else drawn
                start = entry["start"] + np.shape(entry["target"])[-1]
                yield forecast(samples=drawn, start_date=start, item_id=entry.get("item_id"))
            number += len(some)

    def _check(self, items: list[Any]) -> None:
        facts = self.forecaster.model_.facts
        for item in items:
            counts = {"series": (item.values, facts.names), "feat_dynamic_real": (item.known, facts.known)}
            for what, (cells, names) in counts.items():
                if cells.shape[1] != len(names):
                    raise DataError(
                        f"dataset, {item.name}: {cells.shape[1]} {what}, but the model knows {len(names)}.",
                        "give entries as those that it was fitted to",
                    )
            if not np.allclose(np.diff(facts.grid.places(item.times)), 1.0):
                raise DataError(
                    f"dataset, {item.name}: its steps are not those of the model, a {facts.grid.name} each.",
                    "give entries of the frequency that it was fitted to",
                )


class GluonEstimator:
    """A `FlowForecaster` as GluonTS has its estimators: `train` gives a predictor.

    Args:
        forecaster: With its settings, such as `FlowForecaster(horizon=24)`.

    Example:
        >>> import pandas as pd
        >>> dataset = [{"start": pd.Period("2024-01-01", "D"), "target": np.sin(np.arange(60.0)), "item_id": "a"}]
        >>> small = {"width": 8, "encoder_width": 8, "num_layers": 1}
        >>> forecaster = pf.FlowForecaster(horizon=3, options=small, max_epochs=1, random_state=0)
        >>> GluonEstimator(forecaster).train(dataset).prediction_length
        3
    """

    def __init__(self, forecaster: Any):
        self.forecaster = forecaster

    @property
    def prediction_length(self) -> int:
        """Steps of a forecast."""
        return self.forecaster.horizon

    def train(self, training_data: Iterable[Entry]) -> GluonPredictor:
        """Fit the forecaster to a dataset; see `read_dataset`."""
        return GluonPredictor(self.forecaster.fit(read_dataset(training_data)))


def _sample_forecast() -> Any:
    try:
        from gluonts.model.forecast import SampleForecast  # pyright: ignore[reportMissingImports]: an extra
    except ImportError as error:
        raise ImportError(
            "forecasts of GluonTS need GluonTS, which is not installed. "
            "Install the extra `gluonts`, or `pip install gluonts`."
        ) from error
    return SampleForecast
