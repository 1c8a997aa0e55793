"""Series of GluonTS: its datasets as what a `FlowForecaster` learns from, and forecasts as it has them.

Reading a dataset needs no GluonTS, only pandas, of whose periods its entries are made; `GluonPredictor.predict` needs
it for its `SampleForecast`.
"""

from pushforward.interop.gluonts._dataset import read_dataset
from pushforward.interop.gluonts._predictor import GluonEstimator, GluonPredictor

__all__ = ["GluonEstimator", "GluonPredictor", "read_dataset"]
