"""One file per library: the same architecture behind the same five functions."""

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from benchmarks.cases import Case

LEARNING_RATE = 1e-3

LIBRARIES: dict[str, tuple[str, ...]] = {
    "pushforward": ("pushforward", "jax", "jaxlib", "equinox", "optax"),
    "zuko": ("zuko", "torch"),
    "normflows": ("normflows", "torch"),
    "nflows": ("nflows", "torch"),
    "flowjax": ("flowjax", "jax", "jaxlib", "equinox", "optax"),
}
"""Each library, and the packages whose versions a result names."""


class Model(Protocol):
    """A flow that is ready to be timed; every method returns after the device has finished."""

    def parameters(self) -> int:
        """Number of trained numbers."""
        ...

    def put(self, x: np.ndarray) -> Any:
        """Move rows to the device, in the model's dtype."""
        ...

    def set_batches(self, x: np.ndarray, batch: int) -> None:
        """The rows to train on, cut into batches of `batch` and kept on the device."""
        ...

    def train(self, steps: int) -> float:
        """Take `steps` Adam steps, one batch after another; the last loss in nats."""
        ...

    def fit(
        self,
        x: np.ndarray,
        held_out: np.ndarray,
        *,
        batch: int,
        max_epochs: int,
        after_epoch: Callable[[float], bool],
    ) -> None:
        """Train on the rows of `x`; after each epoch the held-out nats go to `after_epoch`, which may return True."""
        ...

    def density(self, x: Any) -> Any:
        """Log-density of every row, in nats."""
        ...

    def sample(self, n: int) -> Any:
        """`n` rows."""
        ...


def load(library: str) -> ModuleType:
    """Import an adapter, and with it the library."""
    return importlib.import_module(f"benchmarks.adapters.{library}" if library in LIBRARIES else library)


def packages(library: str) -> tuple[str, ...]:
    """The packages whose versions a result names."""
    return LIBRARIES.get(library, ())


def build(library: str, case: Case, *, seed: int, device: str) -> Model:
    """The case's flow in one library.

    Args:
        library: A key of `LIBRARIES`, or the dotted name of a module with a function `build(case, *, seed, device)`.
        case: The architecture.
        seed: Seed of the initial weights.
        device: "cpu" or "gpu".
    """
    return load(library).build(case, seed=seed, device=device)
