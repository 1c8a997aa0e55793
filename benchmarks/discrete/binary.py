"""Bernoulli MADE on binary data: test nats of one order and of the average over several (MADE paper, table 3).

Run `python -m benchmarks.discrete.binary [dna mushrooms nips]`; needs `PUSHFORWARD_DATA`.
"""

import sys
import time

import jax
import numpy as np
import optax

import pushforward as pf
from benchmarks.data import folder
from benchmarks.harness.records import append

PAPER = {"dna": (83.63, 79.66), "mushrooms": (9.68, 9.69), "nips": (280.25, 277.28)}
"""One order, and several with mask sampling: figures recalled from the paper."""

SETTINGS = {
    "dna": {"width": 500, "learning_rate": 3e-4, "weight_decay": 0.3},
    "mushrooms": {"width": 500, "learning_rate": 1e-3, "weight_decay": 0.01},
    "nips": {"width": 500, "learning_rate": 3e-4, "weight_decay": 1.0},
}
SEVERAL_ORDERS = {"dna": {"learning_rate": 1e-3}}
"""What differs when the orders are resampled."""
ORDERS = 16


def load(name: str) -> dict[str, np.ndarray]:
    """The literature's split, `(rows, n_vars)` of 0 and 1."""
    packed = np.load(folder() / "debd" / f"{name}.npz")
    columns = int(packed["n_vars"])
    return {
        part: np.unpackbits(packed[part], axis=1)[:, :columns].astype(np.float32) for part in ("train", "valid", "test")
    }


def run(name: str, num_orders: int) -> dict[str, float | int | str]:
    """Fit and score one set; the figures in nats per row."""
    rows, start = load(name), time.perf_counter()
    settings = SETTINGS[name] | (SEVERAL_ORDERS.get(name, {}) if num_orders > 1 else {})
    key = jax.random.key(0)
    flow = pf.flows.made_bernoulli(rows["train"].shape[1], num_orders=num_orders, width=settings["width"], key=key)
    optimizer = optax.adamw(settings["learning_rate"], weight_decay=settings["weight_decay"])
    result = pf.fit(
        flow,
        rows["train"],
        validation=rows["valid"],
        optimizer=optimizer,
        batch_size=100,
        max_epochs=4000,
        patience=200,
        progress=False,
        key=key,
    )
    test = -np.asarray(result.flow.log_prob(rows["test"]))
    return {
        "set": name,
        "num_orders": num_orders,
        "test_nats": round(float(test.mean()), 2),
        "two_standard_errors": round(2 * float(test.std()) / len(test) ** 0.5, 2),
        "paper_nats": PAPER[name][num_orders > 1],
        "epochs": len(result.history),
        "seconds": round(time.perf_counter() - start, 1),
    }


def main() -> None:
    """Run the sets that the command line names, and store what was measured."""
    append("binary", (run(name, orders) for name in sys.argv[1:] or PAPER for orders in (1, ORDERS)))


if __name__ == "__main__":
    main()
