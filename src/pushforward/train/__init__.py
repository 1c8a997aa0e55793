"""Training."""

from pushforward._params import partition, trainable
from pushforward.train._callbacks import Callback, EpochInfo
from pushforward.train._fit import fit
from pushforward.train._result import Epoch, FitResult
from pushforward.train.private._privacy import Privacy, Spent

__all__ = [
    "Callback",
    "Epoch",
    "EpochInfo",
    "FitResult",
    "Privacy",
    "Spent",
    "fit",
    "partition",
    "trainable",
]
