"""Training."""

from pushforward._params import partition, trainable
from pushforward.train._callbacks import Callback, EpochInfo
from pushforward.train._fit import fit
from pushforward.train._result import Epoch, FitResult

__all__ = ["Callback", "Epoch", "EpochInfo", "FitResult", "fit", "partition", "trainable"]
