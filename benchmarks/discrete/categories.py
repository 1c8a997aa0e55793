"""Hours of bike hire: codes of categories as categories, and the same codes as whole numbers, in test nats per row.

Both models are probabilities of the same rows of whole numbers, so their nats can be compared.
Run `python -m benchmarks.discrete.categories [splits]`; needs `PUSHFORWARD_DATA`.
"""

import sys
import time

import numpy as np

import pushforward as pf
from benchmarks.data import folder
from benchmarks.harness.records import append

CATEGORIES = {"season": 3, "hour": 6, "holiday": 7, "weekday": 8, "workingday": 9, "weather": 10}
"""Places of the columns in the file, which has them centred."""
NUMBERS = {"temperature": (11, 0.02), "humidity": (13, 0.01), "casual": (15, 1.0), "registered": (16, 1.0)}
"""Places, and the step between neighbouring values."""
OPTIONS = {"num_layers": 4, "width": 64, "num_bins": 8}
MOST_LEVELS = "integer(0,inf)"


def load() -> tuple[pf.data.Table, np.ndarray]:
    """The rows as whole numbers from 0 on, and for each split which rows are its test set, `(rows, 10)`."""
    stored = np.load(folder() / "uci_regression" / "bike.npz")
    x = stored["x"].astype(float)
    steps = {name: (place, 1.0) for name, place in CATEGORIES.items()} | NUMBERS
    columns = [np.round((x[:, place] - x[:, place].min()) / step) for place, step in steps.values()]
    table = pf.data.Table(tuple(steps), np.stack(columns, axis=1), ("int",) * len(steps))
    return table, np.unpackbits(stored["test_mask"], axis=0)[: len(x)].astype(bool)


def kinds(table: pf.data.Table, *, categorical: bool) -> dict[str, str]:
    """What each column is taken for."""
    last = {name: int(table.column(name).max()) for name in CATEGORIES}
    codes = {name: "categorical" if categorical else f"integer(0,{last[name]})" for name in CATEGORIES}
    return codes | dict.fromkeys(NUMBERS, MOST_LEVELS)


def run(split: int, *, categorical: bool) -> dict[str, float | int | bool]:
    """Fit on the rows of training, and score those of the test."""
    table, masks = load()
    test = masks[:, split]
    train, held_out = (pf.data.Table(table.names, table.values[rows], table.kinds) for rows in (~test, test))
    start = time.perf_counter()
    columns = kinds(table, categorical=categorical)
    density = pf.FlowDensity("nsf", options=OPTIONS, columns=columns, max_epochs=60, random_state=split).fit(train)
    seconds = time.perf_counter() - start
    scores = density.score_samples(held_out)
    return {
        "split": split,
        "categorical": categorical,
        "test_nats": round(-float(scores.mean()), 3),
        "two_standard_errors": round(2 * float(scores.std()) / len(scores) ** 0.5, 3),
        "rows": len(scores),
        "epochs": len(density.history_),
        "seconds": round(seconds, 1),
    }


def main() -> None:
    """Run the first splits, and store what was measured."""
    splits = range(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
    append("categories", (run(split, categorical=categorical) for split in splits for categorical in (False, True)))


if __name__ == "__main__":
    main()
