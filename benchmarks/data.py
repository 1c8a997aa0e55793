"""Rows to train and score on: made up for timing, real for time to a target."""

import os
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]


def made_up(dim: int, rows: int, *, seed: int) -> np.ndarray:
    """Correlated, skewed rows with mean 0 and variance 1 in every column, nearly all inside (-5, 5)."""
    rng = np.random.default_rng(seed)
    mixing = np.eye(dim) + rng.normal(size=(dim, dim)) / np.sqrt(dim)
    x = rng.normal(size=(rows, dim)) @ mixing
    x = x + 0.5 * np.sin(2.0 * x) + 0.2 * np.roll(x, 1, axis=1) ** 2
    return standardised(x)


def standardised(x: np.ndarray, like: np.ndarray | None = None) -> np.ndarray:
    """Columns with the mean and variance of `like` (`x` itself by default) taken out, float32."""
    like = x if like is None else like
    return ((x - like.mean(0)) / like.std(0)).astype(np.float32)


def folder() -> Path:
    """The folder of real data sets, named by `PUSHFORWARD_DATA`."""
    return Path(os.environ.get("PUSHFORWARD_DATA", ROOT.parent / "shared" / "data"))


def power() -> np.ndarray:
    """POWER's first rows, prepared as in the MAF paper: six columns, with noise of a reading's width."""
    x = np.load(folder() / "power_prefix" / "power_first40k.npz")["x"].astype(float)
    active, voltage, meters, minute = x[:, 0], x[:, 2], x[:, 4:7], x[:, 7]
    rng = np.random.RandomState(42)
    voltage = voltage + 0.01 * rng.rand(len(x))
    active = active + 0.001 * rng.rand(len(x))
    meters = meters + rng.rand(len(x), 3)
    return np.column_stack([active, voltage, meters, minute + rng.rand(len(x))])


def miniboone() -> np.ndarray:
    """The first rows of MINIBOONE."""
    return np.load(folder() / "miniboone_prefix" / "miniboone_first1523.npz")["x"]


def magic() -> np.ndarray:
    """The inliers of magic.gamma, with noise that separates equal readings."""
    file = np.load(folder() / "adbench" / "22_magic.gamma.npz")
    x = file["X"][file["y"] == 0].astype(float)
    return x + 1e-3 * x.std(0) * np.random.default_rng(0).normal(size=x.shape)


TABLES = {"power": power, "miniboone": miniboone, "magic": magic}


def split(name: str, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Nine tenths to train on and one tenth held out, standardised by the first."""
    x = TABLES[name]()
    x = x[np.random.default_rng(seed).permutation(len(x))]
    held_out = len(x) // 10
    train = x[held_out:]
    return standardised(train), standardised(x[:held_out], like=train)
