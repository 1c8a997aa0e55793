"""Five families on three tables: test nats, seconds of training and sampling, and the error of a round trip.

Run `python -m benchmarks.tables.families [pendigits thyroid magic] [--models maf nsf naf ffjord residual]`; needs
`PUSHFORWARD_DATA`. Inliers only, 80 % of the rows to train, 10 % to choose, 10 % to test. Columns are standardised and
get normal noise of 0.05, because readings repeat (the ends of pendigits' boxes, thyroid's steps) and their density is
infinite. Recipes are the defaults, epochs are those of `EPOCHS`.
"""

import argparse
import time

import jax
import numpy as np

import pushforward as pf
from benchmarks.data import folder, standardised
from benchmarks.harness.records import append

SETS = {"pendigits": "28_pendigits", "thyroid": "38_thyroid", "magic": "22_magic.gamma"}
EPOCHS = {"maf": 60, "nsf": 40, "naf": 30, "ffjord": 50, "residual": 20}
"""At most: what fits a few minutes on two cores; the last two would gain from more."""

NOISE, DRAWS = 0.05, 2000


def load(name: str) -> list[np.ndarray]:
    """Train, validation and test rows, standardised by the first."""
    rng, file = np.random.default_rng(0), np.load(folder() / "adbench" / f"{SETS[name]}.npz")
    rows = rng.permutation(file["X"][file["y"] == 0].astype(float))
    rows = rows + NOISE * rows.std(0) * rng.normal(size=rows.shape)
    train, valid, test = np.split(rows, [int(0.8 * len(rows)), int(0.9 * len(rows))])
    return [standardised(part, like=train) for part in (train, valid, test)]


def run(name: str, model: str) -> dict:
    """Fit and measure one flow."""
    train, valid, test = load(name)
    recipe, key = pf.flows.RECIPES[model], jax.random.key(0)
    start = time.perf_counter()
    result = pf.fit(
        recipe.build(train.shape[1], key=key),
        train,
        validation=valid,
        learning_rate=recipe.training.learning_rate,
        ema=recipe.training.ema,
        max_epochs=EPOCHS[model],
        progress=False,
        key=key,
    )
    trained = time.perf_counter()
    scores = np.asarray(result.flow.log_prob(test), float)
    jax.block_until_ready(result.flow.sample(key, DRAWS))
    again = time.perf_counter()
    jax.block_until_ready(result.flow.sample(jax.random.fold_in(key, 1), DRAWS))
    sampled = time.perf_counter()
    return {
        "set": name,
        "rows": len(train),
        "dim": train.shape[1],
        "model": model,
        "test_nats": round(-scores.mean(), 3),
        "median_nats": round(-float(np.median(scores)), 3),
        "two_standard_errors": round(2 * scores.std() / len(scores) ** 0.5, 3),
        "epochs": len(result.history),
        "most_epochs": EPOCHS[model],
        "train_seconds": round(trained - start, 1),
        "sample_seconds": round(sampled - again, 3),
        "round_trip": float(f"{round_trip(result.flow, test):.1e}"),
    }


def round_trip(flow: pf.distributions.Transformed, rows: np.ndarray) -> float:
    """The largest error of a coordinate after going to the base and back, float32."""
    back = jax.jit(
        lambda flow, x: flow.bijection._forward_many(flow.bijection._inverse_many(x, None, None)[0], None, None)
    )
    return float(np.abs(np.asarray(back(flow, rows.T)[0]) - rows.T).max())


def main() -> None:
    """Measure what the command line names, and store it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", help=", ".join(SETS))
    parser.add_argument("--models", nargs="+", default=list(EPOCHS))
    given = parser.parse_args()
    append("tables", (run(name, model) for model in given.models for name in given.sets or SETS))


if __name__ == "__main__":
    main()
