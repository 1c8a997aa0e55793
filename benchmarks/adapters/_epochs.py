"""Training by epochs for libraries whose own loop cannot be watched or that have none."""

from collections.abc import Callable

import numpy as np

from benchmarks.adapters import Model


def fit_by_epochs(
    model: Model,
    x: np.ndarray,
    held_out: np.ndarray,
    *,
    batch: int,
    max_epochs: int,
    after_epoch: Callable[[float], bool],
) -> None:
    """Rows in a new order every epoch; after each, the held-out nats go to `after_epoch` until it returns True."""
    rng = np.random.default_rng(0)
    rows = model.put(held_out)
    for _ in range(max_epochs):
        model.set_batches(x[rng.permutation(len(x))], batch)
        model.train(len(x) // batch)
        if after_epoch(-float(np.mean(np.asarray(model.density(rows))))):
            return
