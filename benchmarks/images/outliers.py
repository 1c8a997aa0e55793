"""Do flows of images know what they do not know: trained on Fashion-MNIST, scored on MNIST.

Run `python -m benchmarks.images.outliers train [glow realnvp-image nsf-image background] [--minutes 10]`, which writes
flows to `--to` (by default `out_outliers`), then `... score [names]`, and `... picture [names]`, which draws them side
by side. Needs `PUSHFORWARD_DATA`.

Trained on are the first 55,000 images of Fashion-MNIST's training set, chosen by the next 256; the last 4,000 are
ordinary images that no fit has seen, half of which the scores may use, while the other half calibrates. Tested are the
first `--images` of the test sets of Fashion-MNIST and of MNIST. An area says how often a digit is found odder than a
piece of clothing. `background` is a Glow that learned images a tenth of whose pixels are drawn anew. Training ends when
the minutes are over, with compiling. Norms of gradients are of the first `--few` images alone.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.ndimage import gaussian_filter
from sklearn.metrics import roc_auc_score

import pushforward as pf
from benchmarks.data import folder
from benchmarks.harness.records import ROOT, append
from pushforward._params import count_parameters
from pushforward.diagnostics.oddity import (
    conformal_p_values,
    ensemble_spread,
    gradient_norm,
    likelihood_ratio,
    waic,
)
from pushforward.modalities.image.oddity._ordinary import SCORES, Ordinary, log_prob_of
from pushforward.modalities.image.oddity._states import LENGTH, states_of

SIZES: dict[str, dict[str, Any]] = {
    "glow": {"num_levels": 2, "num_steps": 4, "width": 48, "equalize": True},
    "realnvp-image": {"num_levels": 2, "width": 16, "depth": 1, "equalize": True},
    "nsf-image": {"num_levels": 2, "num_steps": 3, "width": 32, "depth": 1, "equalize": True},
}
"""Of flows that learn within minutes on a part of two cores."""
NAMES = tuple(SIZES)
TRAINED, CHOOSING = 55_000, 256
STEPS = 50
"""Between two looks at the clock."""
TRAINING: dict[str, Any] = {
    "batch_size": 64, "learning_rate": 1e-3, "schedule": "constant", "ema": 0.99, "steps_per_epoch": STEPS,
    "max_epochs": 1000, "patience": None, "progress": False,
}  # fmt: skip
REDRAWN = 0.1
"""Share of the pixels that are drawn anew for the background."""
ALPHA = 0.05


def load(name: str, part: str) -> np.ndarray:
    """Grey values `(count, 28, 28, 1)`."""
    return np.load(folder() / name / f"{name}.npz")[part][..., None]


def redrawn(images: np.ndarray) -> np.ndarray:
    """Images some of whose pixels are drawn anew, each grey value as likely as any other."""
    rng = np.random.default_rng(0)
    return np.where(rng.random(images.shape) < REDRAWN, rng.integers(0, 256, images.shape), images).astype(np.uint8)


def train(name: str, minutes: float, to: Path) -> Iterator[dict[str, Any]]:
    """A flow in as many minutes, and how it went."""
    recipe = "glow" if name == "background" else name
    images = load("fashion_mnist", "x_train")[: TRAINED + CHOOSING]
    images = redrawn(images) if name == "background" else images
    key = jax.random.key(0)
    flow = pf.flows.RECIPES[recipe].build(images.shape[1:], grey_levels=256, key=key, **SIZES[recipe])
    start = time.perf_counter()

    def over(info: Any) -> bool:
        spent = time.perf_counter() - start
        print(f"{name}: {info.epoch * STEPS} steps, {spent:.0f} s", flush=True)
        return spent > 60 * minutes

    learned = jnp.asarray(images[:TRAINED])

    def draw(key: jax.Array, count: int) -> jax.Array:
        return learned[jax.random.randint(key, (count,), 0, TRAINED)].astype(float)

    result = pf.fit(flow, draw, validation=images[TRAINED:].astype(np.float32), key=key, callbacks=(over,), **TRAINING)
    to.mkdir(parents=True, exist_ok=True)
    pf.save(to / f"{name}.safetensors", result.flow)
    yield {
        "figure": "training",
        "model": name,
        "options": SIZES[recipe],
        "parameters": count_parameters(flow),
        "steps": STEPS * len(result.history),
        "seconds": round(time.perf_counter() - start, 1),
    }


def sets(images: int) -> dict[str, np.ndarray]:
    """Ordinary images in two halves, and those to be told apart."""
    apart = load("fashion_mnist", "x_train")[-4000:]
    return {
        "train": load("fashion_mnist", "x_train")[:images],
        "reference": apart[::2],
        "calibration": apart[1::2],
        "fashion": load("fashion_mnist", "x_test")[:images],
        "mnist": load("mnist", "x_test")[:images],
    } | changed(load("fashion_mnist", "x_test")[images : images + images // 2])


def changed(images: np.ndarray) -> dict[str, np.ndarray]:
    """Clothing that is odd in other ways, and pictures of nothing."""
    rng = np.random.default_rng(0)
    some = {
        "upside down": images[:, ::-1],
        "turned": images.transpose(0, 2, 1, 3),
        "negative": 255 - images,
        "blurred": gaussian_filter(images.astype(float), (0, 1, 1, 0)),
        "grainy": np.clip(images + rng.normal(0, 8, images.shape), 0, 255),
        "pale": images / 2,
        "noise": rng.integers(0, 256, images.shape),
        "black": rng.integers(0, 2, images.shape),
    }
    return {which: np.ascontiguousarray(one).astype(np.uint8) for which, one in some.items()}


def states(name: str, images: int, to: Path) -> dict[str, np.ndarray]:
    """What a flow says of each image of each set, kept beside it."""
    file = to / f"{name}_{images}.npz"
    if not file.exists():
        flow = pf.load(to / f"{name}.safetensors")
        np.savez(file, **{which: states_of(flow, some) for which, some in sets(images).items()})
    return dict(np.load(file))


def area(scores: Callable[[str], np.ndarray], odd: str = "mnist") -> float:
    """How often a digit, or what else is odd, has a smaller score than a piece of clothing."""
    each = [scores("fashion"), scores(odd)]
    labels = np.repeat([0, 1], [len(one) for one in each])
    return round(float(roc_auc_score(labels, -np.concatenate(each))), 4)


def scored(name: str, images: int, few: int, to: Path) -> dict[str, Any]:
    """Areas of all scores that a flow, and those beside it, are enough for."""
    found = states(name, images, to)
    known = Ordinary.of(np.concatenate([found["reference"], found["calibration"]]), unseen=True)
    scores = {score: partial(lambda score, which: known.scores(score, found[which]), score) for score in SCORES}
    areas = {score: area(one) for score, one in scores.items()} | {
        "png alone": area(lambda which: found[which][:, LENGTH])
    }
    if (to / "background.safetensors").exists():
        other = states("background", images, to)
        areas["ratio"] = area(lambda which: likelihood_ratio(log_prob_of(found[which]), log_prob_of(other[which])))
    models = [one for one in NAMES if (to / f"{one}.safetensors").exists()]
    if len(models) > 1:
        each = {one: states(one, images, to) for one in models}
        together = {which: np.stack([log_prob_of(each[one][which]) for one in models]) for which in found}
        areas |= {
            "waic": area(lambda which: waic(together[which])),
            "spread": area(lambda w: ensemble_spread(together[w])),
        }
    others = [which for which in found if which not in ("train", "reference", "calibration", "fashion", "mnist")]
    if few:
        areas["gradient norm"] = gradients(pf.load(to / f"{name}.safetensors"), few)
    p_values = {
        score: conformal_p_values(known.calibration(score), known.scores(score, found["fashion"])) for score in SCORES
    }
    size = np.log(2.0) * 28 * 28
    return {
        "figure": "areas",
        "model": name,
        "images": len(found["mnist"]),
        "bits_per_dim": {which: round(float(-log_prob_of(one).mean() / size), 4) for which, one in found.items()},
        "area": areas,
        "of_others": {score: {odd: area(one, odd) for odd in others} for score, one in scores.items()},
        "few": few,
        "false_alarms": {score: round(float(np.mean(p <= ALPHA)), 4) for score, p in p_values.items()},
        "alpha": ALPHA,
    }


def gradients(flow: Any, few: int) -> float:
    """The area of `gradient_norm` on a few images."""
    some = {which: one.astype(np.float32) for which, one in sets(few).items()}
    return area(lambda which: gradient_norm(flow, some[which], some["reference"][:few]))


def picture(names: list[str], images: int, to: Path, path: Path) -> None:
    """Of each flow the log-density and the score of states of clothing and digits, in bits and in ranks."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.2 * len(names), 5.2), layout="compressed")
    axes = np.atleast_2d(figure.subplots(2, len(names), squeeze=False))
    for place, name in enumerate(names):
        found = states(name, images, to)
        known = Ordinary.of(np.concatenate([found["reference"], found["calibration"]]), unseen=True)
        for which, colour in (("fashion", "0.6"), ("mnist", "C1")):
            bits = -log_prob_of(found[which]) / (28 * 28 * np.log(2.0))
            far = np.sqrt(-2 * known.scores("states", found[which]))
            axes[0, place].hist(bits, np.linspace(0, 8, 60), color=colour, alpha=0.6, label=which, density=True)
            axes[1, place].hist(np.minimum(far, 30), np.linspace(0, 30, 60), color=colour, alpha=0.6, density=True)
        axes[0, place].set(title=name, xlabel="bits per dimension", yticks=[])
        axes[1, place].set(xlabel="deviations of the states", yticks=[])
    axes[0, 0].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=100)


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("train", "score", "picture"))
    parser.add_argument("names", nargs="*", default=list(NAMES))
    parser.add_argument("--minutes", type=float, default=10.0, help="of training, for each")
    parser.add_argument("--images", type=int, default=1000, help="of each test set")
    parser.add_argument("--few", type=int, default=100, help="for scores by gradients; 0 for none")
    parser.add_argument("--to", type=Path, default=Path("out_outliers"))
    args = parser.parse_args()
    if args.what == "picture":
        picture(args.names, args.images, args.to, ROOT / "docs" / "figures" / "outliers-fashion.png")
        return
    for name in args.names:
        if args.what == "train":
            append("image_outliers", train(name, args.minutes, args.to))
        else:
            append("image_outliers", [scored(name, args.images, args.few, args.to)])


if __name__ == "__main__":
    main()
