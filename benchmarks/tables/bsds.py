r"""BSDS300: 8 x 8 grey patches without their mean, 63 columns; MAF and both NSFs beside the published figures.

Run `python -m benchmarks.tables.bsds`; needs `PUSHFORWARD_DATA`. It takes a subset of the patches, narrow networks and
few epochs. The whole set, on an accelerator, with the networks of the papers:

    python -m benchmarks.tables.bsds --rows 1000000 --test-rows 250000 --width 512 --layers 10 --epochs 60 \
        --batch-size 512
"""

import argparse
import time

import jax
import numpy as np

import pushforward as pf
from benchmarks.data import folder
from benchmarks.harness.records import append

PUBLISHED = {"gaussian": 96.67, "maf": 155.69, "nsf": 157.54, "nsf-ar": 157.31}
"""Test nats, higher is better: Papamakarios et al. (2017), MAF with five layers; Durkan et al. (2019)."""

LAYERS = {"maf": 5, "nsf": 10, "nsf-ar": 5}


def patches(part: str, rows: int, seed: int) -> np.ndarray:
    """Random patches of the photos, as in Zoran & Weiss (2011), `(rows, 63)`."""
    file, rng = np.load(folder() / "bsds300" / "bsds300_gray_diff.npz"), np.random.default_rng(seed)
    photos = file[f"d_{part}"].copy()
    photos[:, :, 0] = np.cumsum(photos[:, :, 0], axis=1, dtype=np.uint8)
    photos = np.cumsum(photos, axis=2, dtype=np.uint8)
    image = rng.integers(len(photos), size=rows)
    top, left = (rng.integers(size - 7, size=rows) for size in photos.shape[1:])
    windows = np.lib.stride_tricks.sliding_window_view(photos, (8, 8), axis=(1, 2))[image, top, left]
    portrait = file[f"portrait_{part}"][image]
    windows = np.where(portrait[:, None, None], np.swapaxes(windows, 1, 2), windows).reshape(rows, 64)
    grey = (windows + rng.random(windows.shape)) / 256
    return (grey - grey.mean(1, keepdims=True))[:, :63].astype(np.float32)


def run(model: str, given: argparse.Namespace) -> dict:
    """Fit and score one flow, in nats of the patches as they are."""
    train, valid = patches("train", given.rows, 0), patches("train", max(given.rows // 20, 1000), 1)
    test = patches("test", given.test_rows, 2)
    centre, spread = train.mean(0), train.std(0)
    start, key = time.perf_counter(), jax.random.key(0)
    options = {} if model == "gaussian" else {"width": given.width, "num_layers": given.layers or LAYERS[model]}
    result = pf.fit(
        pf.flows.RECIPES[model].build(63, key=key, **options),
        (train - centre) / spread,
        validation=(valid - centre) / spread,
        learning_rate=given.learning_rate,
        batch_size=given.batch_size,
        max_epochs=given.epochs,
        progress=False,
        key=key,
    )
    scores = np.asarray(result.flow.log_prob((test - centre) / spread), float) - np.log(spread).sum()
    return {
        "model": model,
        "rows": given.rows,
        "test_rows": given.test_rows,
        "test_log_density": round(float(scores.mean()), 2),
        "two_standard_errors": round(2 * float(scores.std()) / len(scores) ** 0.5, 2),
        "published": PUBLISHED[model],
        **options,
        "epochs": len(result.history),
        "seconds": round(time.perf_counter() - start, 1),
    }


def main() -> None:
    """Measure what the command line names, and store it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=list(PUBLISHED))
    parser.add_argument("--rows", type=int, default=40_000)
    parser.add_argument("--test-rows", type=int, default=20_000)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument(
        "--layers", type=int, help="by default 5 of MAF, 10 of NSF (coupling), 5 of NSF (autoregressive)"
    )
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--batch-size", type=int, default=256)
    given = parser.parse_args()
    append("bsds", (run(model, given) for model in given.models))


if __name__ == "__main__":
    main()
