"""Variational autoencoders with flows, at one budget: bounds of static MNIST, Omniglot, silhouettes, Frey faces.

Run `python -m benchmarks.images.vaes [mnist omniglot silhouettes freyfaces] [--epochs N] [--ema DECAY] [--decay W]
[--warm-up SHARE] [--only NAME,...]`; needs `PUSHFORWARD_DATA`, and adds a record for each model to results/vaes.jsonl.
All models of a set have the same encoder and decoder but for the convolutional one, and the same budget and seed; what
is compared is paired, image by image. Sets are the published splits, but for Omniglot, which is the small background
set, split at random. Beside seconds, which depend on what else the machine does, a record has those of all cores
together.
"""

import argparse
import math
import time
from collections.abc import Iterator
from typing import NamedTuple

import jax
import numpy as np

import pushforward as pf
from benchmarks.data import folder
from benchmarks.harness.records import append

MODELS = {
    "diagonal": {},
    "planar": {"posterior": "planar"},
    "IAF": {"posterior": "iaf"},
    "Sylvester": {"posterior": "sylvester"},
    "NSF posterior": {"posterior": "nsf-ar", "posterior_layers": 2},
    "NSF prior": {"prior": "nsf"},
    "VampPrior": {"prior": "vamp", "num_components": 200},
    "IAF and NSF prior": {"posterior": "iaf", "prior": "nsf"},
    "IAF and MAF prior": {"posterior": "iaf", "prior": "maf"},
    "Sylvester and NSF prior": {"posterior": "sylvester", "prior": "nsf"},
    "convolutional": {"net": "convolutional", "channels": 16, "depth": 1},
}
EPOCHS = {"mnist": 40, "omniglot": 300, "silhouettes": 300, "freyfaces": 600}
DRAWS, IMPORTANCE, SUBSET = 8, 500, 1000
LATENT = 40


class Budget(NamedTuple):
    """What all models of a run have.

    Attributes:
        epochs: Passes.
        ema: Decay of a running mean of the parameters, or None.
        decay: Of weights.
        warm_up: Share of the steps over which the divergence gains its weight.
    """

    epochs: int
    ema: float | None
    decay: float
    warm_up: float


class Split(NamedTuple):
    """Images `(count, height, width, 1)` of whole grey values."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def mnist() -> Split:
    """Larochelle's fixed binarisation."""
    file = np.load(folder() / "mnist_binarized" / "mnist_binarized.npz")
    return Split(*(_unpacked(file[name], 28) for name in ("train", "valid", "test")))


def silhouettes() -> Split:
    """Caltech-101."""
    file = np.load(folder() / "silhouettes" / "silhouettes.npz")
    names = [next(n for n in file.files if n.startswith("x_") and part in n) for part in ("train", "val", "test")]
    return Split(*(_unpacked(file[name], 28) for name in names))


def omniglot() -> Split:
    """The small background set; ink where the grey value is at least half."""
    x = (np.load(folder() / "omniglot" / "omniglot_small.npz")["x28"] >= 128).astype(np.uint8).reshape(-1, 28, 28, 1)
    x = x[np.random.default_rng(0).permutation(len(x))]
    return Split(x[:3500], x[3500:3900], x[3900:])


def freyfaces() -> Split:
    """The published sizes, in an order drawn by seed 0."""
    file = np.load(folder() / "freyfaces" / "freyfaces.npz")
    x = file[file.files[0]].reshape(-1, 28, 20, 1)
    x = x[np.random.default_rng(0).permutation(len(x))]
    return Split(x[:1565], x[1565:1765], x[1765:])


SETS = {"mnist": mnist, "omniglot": omniglot, "silhouettes": silhouettes, "freyfaces": freyfaces}


def _unpacked(rows: np.ndarray, side: int) -> np.ndarray:
    return np.unpackbits(rows, axis=1)[:, : side * side].reshape(-1, side, side, 1)


def records(name: str, budget: Budget, only: list[str]) -> Iterator[dict]:
    """One for each model, with what it gains on the diagonal posterior, image by image."""
    split, plain = SETS[name](), None
    grey = name == "freyfaces"
    for model, options in MODELS.items():
        if only and model not in only:
            continue
        start, start_cores = time.perf_counter(), time.process_time()
        flow = _fitted(split, options, grey, budget)
        seconds, cores = time.perf_counter() - start, time.process_time() - start_cores
        test = split.test.astype(np.float32)
        bounds = np.mean(
            [np.asarray(flow.log_prob(test, key=jax.random.key(i)), np.float64) for i in range(DRAWS)], axis=0
        )
        scale = 1.0 / (test[0].size * math.log(2)) if grey else 1.0
        plain = bounds if model == "diagonal" else plain
        gain = None if plain is None else scale * (bounds - plain)
        found = pf.diagnostics.estimate_log_prob(flow, test[:: max(len(test) // SUBSET, 1)], k=IMPORTANCE, key=0)
        yield {
            "figure": "evidence",
            "data": name,
            "model": model,
            **budget._asdict(),
            "unit": "bits per dimension" if grey else "nats",
            "negative_elbo": round(-scale * float(bounds.mean()), 3 if grey else 2),
            "negative_iwae_500": round(-scale * float(found.log_prob.mean()), 3 if grey else 2),
            "gain_on_diagonal": None if gain is None else round(float(gain.mean()), 3 if grey else 2),
            "gain_error": None if gain is None else round(float(gain.std(ddof=1) / math.sqrt(len(gain))), 3),
            "seconds": round(seconds),
            "core_seconds": round(cores),
        }


def _fitted(split: Split, options: dict, grey: bool, budget: Budget) -> pf.distributions.AbstractDistribution:
    given = options | {"grey_levels": 256 if grey else 2}
    flow = pf.flows.vae_image(split.train.shape[1:], latent=LATENT, **given, key=jax.random.key(0))
    return pf.fit(
        flow,
        split.train,
        objective=pf.objectives.ELBO(warm_up=budget.warm_up),
        validation=split.validation,
        batch_size=100,
        max_epochs=budget.epochs,
        learning_rate=3e-3,
        weight_decay=budget.decay,
        patience=None,
        ema=budget.ema,
        key=jax.random.key(1),
        progress=False,
    ).flow


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=[], choices=[*SETS, []])
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--ema", type=float)
    parser.add_argument("--decay", type=float, default=0.0)
    parser.add_argument("--warm-up", type=float, default=0.1)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    for name in given.sets or list(SETS):
        budget = Budget(given.epochs or EPOCHS[name], given.ema, given.decay, given.warm_up)
        append("vaes", records(name, budget, [n for n in given.only.split(",") if n]))


if __name__ == "__main__":
    main()
