"""Image flows at a budget of two cores: bits per dimension, round trip, reload, and a grid of samples.

Run `python -m benchmarks.images.budget [digits mnist] [glow realnvp-image ...] [--minutes 5]`; MNIST needs
`PUSHFORWARD_DATA`. Digits are scikit-learn's 1,797 images of 8 x 8 pixels and 17 grey levels, of which 1,437 train,
180 choose and 180 test, drawn at random with a fixed seed; of MNIST the last 1,000 images of the training set choose.
A model gets as many images as fit into the minutes, by the time of its first steps, in as few epochs as they take: a
rest that is no whole epoch is a part of the images left out of each. Figures are upper bounds in bits per dimension,
averaged over 16 draws of noise, 4 for MNIST. There samples at temperature 0.7 are shown to a network that was trained
to tell digits apart: its largest probability, in the mean, beside that of test images. `--seed` draws other weights and
batches, `--set` gives other options.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

import pushforward as pf
from benchmarks.data import folder
from benchmarks.harness.arguments import chosen
from benchmarks.harness.records import ROOT, Record, append
from pushforward._params import count_parameters
from pushforward.cli.frame._options import Setting

SETS = {"digits": 17, "mnist": 256}
"""Grey levels of each set."""
MODELS: dict[str, dict[str, dict[str, Any]]] = {
    "digits": {
        "glow": {"num_levels": 2, "num_steps": 8, "width": 64, "equalize": True},
        "realnvp-image": {"num_levels": 1, "width": 32, "depth": 2, "equalize": True},
        "nsf-image": {"num_levels": 2, "num_steps": 4, "width": 32, "depth": 2, "equalize": True},
        "nice-image": {"width": 256, "depth": 3, "equalize": True},
        "flowpp": {
            "num_checkers": 2, "num_channels": 2, "num_coarse": 0, "num_noise": 2,
            "num_components": 4, "width": 32, "depth": 1, "num_heads": 2, "equalize": True,
        },
        "tarflow-image": {"patch": 2, "num_layers": 4, "width": 64, "depth": 2, "num_heads": 2, "equalize": True},
    },
    "mnist": {
        "glow": {"num_levels": 2, "num_steps": 8, "width": 64, "equalize": True},
        "realnvp-image": {"num_levels": 2, "width": 32, "depth": 2, "equalize": True},
        "nsf-image": {"num_levels": 2, "num_steps": 4, "width": 32, "depth": 2, "equalize": True},
        "flowpp": {
            "num_checkers": 2, "num_channels": 2, "num_coarse": 2, "num_noise": 2,
            "num_components": 4, "width": 32, "depth": 1, "num_heads": 1, "equalize": True,
        },
        "tarflow-image": {"patch": 4, "num_layers": 4, "width": 64, "depth": 2, "num_heads": 4, "equalize": True},
    },
}  # fmt: skip
DRAWS = {"digits": 16, "mnist": 4}
TRAINING: dict[str, Any] = {"batch_size": 64, "learning_rate": 2e-3, "ema": 0.99, "progress": False}
BATCH_SIZE = {"digits": {"flowpp": 32}, "mnist": {"flowpp": 32, "glow": 16, "nsf-image": 16}}
"""Of models of which more steps are worth more than larger ones."""
MOST_EPOCHS = 200
PROBE = 20
"""Steps of the epochs that are timed to find out how many fit into the minutes."""


def load(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Train, validation and test images `(n, height, width, 1)`, whole grey values."""
    if name == "digits":
        from sklearn.datasets import load_digits

        pixels = np.asarray(load_digits(return_X_y=True)[0], np.float32)
        images = np.random.default_rng(0).permutation(pixels.reshape(-1, 8, 8, 1))
        train, valid, test = np.split(images, [1437, 1617])
        return train, valid, test
    stored = np.load(folder() / "mnist" / "mnist.npz")
    train, test = (stored[part][..., None].astype(np.float32) for part in ("x_train", "x_test"))
    return train[:-1000], train[-1000:], test


def budget(flow: Any, train: np.ndarray, training: dict[str, Any], seconds: float) -> tuple[np.ndarray, int]:
    """The images and epochs that fit into the time, by the quicker of two short epochs, behind one that compiles."""
    few = train[: PROBE * training["batch_size"]]
    short = pf.fit(flow, few, validation=few[:64], key=jax.random.key(0), max_epochs=3, patience=None, **training)
    per_image = min(epoch.seconds for epoch in short.history) / len(few)
    fitting = max(int(seconds / per_image), len(few))
    epochs = -(-fitting // len(train))
    return train[: fitting // epochs], min(MOST_EPOCHS, epochs)


def record(
    name: str,
    model: str,
    minutes: float,
    seed: int,
    batch_size: int | None = None,
    others: Sequence[tuple[str, Any]] = (),
) -> tuple[dict[str, Any], pf.distributions.AbstractDistribution]:
    """What is measured of one model on one set, and the trained flow."""
    train, valid, test = load(name)
    key, options = jax.random.key(seed), MODELS[name][model] | dict(others)
    flow = pf.flows.RECIPES[model].build(train.shape[1:], grey_levels=SETS[name], key=key, **options)
    training = TRAINING | {"batch_size": batch_size or BATCH_SIZE[name].get(model, TRAINING["batch_size"])}
    train, epochs = budget(flow, train, training, 60 * minutes)
    start = time.perf_counter()
    result = pf.fit(flow, train, validation=valid, key=key, max_epochs=epochs, patience=20, **training)
    seconds = time.perf_counter() - start
    flow = result.flow
    bits = pf.objectives.average_bits_per_dim(flow, test, draws=DRAWS[name], key=key)
    return {
        "set": name,
        "model": model,
        "options": options,
        "parameters": count_parameters(flow),
        "images": len(train),
        "epochs": len(result.history),
        "minutes": minutes,
        "batch_size": training["batch_size"],
        "seed": seed,
        "steps": len(result.history) * -(-len(train) // training["batch_size"]),
        "seconds": round(seconds, 1),
        "bits_per_dim": round(bits.mean, 4),
        "standard_error": round(bits.error, 4),
        "round_trip": round_trip(flow, test[:64], key),
        "reload_bit_equal": reloads(flow, test[:64], key),
        **(confidence(flow, key) if name == "mnist" else {}),
    }, flow


def confidence(flow: Any, key: jax.Array) -> dict[str, float]:
    """How sure a small network is of what digit a sample is, and of what a test image is."""
    from sklearn.neural_network import MLPClassifier

    stored = np.load(folder() / "mnist" / "mnist.npz")
    net = MLPClassifier(128, alpha=1e-3, early_stopping=True, random_state=0)
    net.fit(stored["x_train"].reshape(-1, 784)[:20_000] / 255.0, stored["y_train"][:20_000])
    drawn = np.asarray(flow.sample(key, 500, temperature=0.7)).reshape(-1, 784)
    sure = [net.predict_proba(x / 255.0).max(1).mean() for x in (drawn, stored["x_test"].reshape(-1, 784)[:2_000])]
    return {"confidence_of_samples": round(float(sure[0]), 4), "confidence_of_test": round(float(sure[1]), 4)}


def round_trip(flow: Any, x: np.ndarray, key: jax.Array) -> float:
    """Mean absolute error in grey levels, in float32, from noisy images to the base and back."""
    noisy = jax.numpy.moveaxis(x + jax.random.uniform(key, x.shape), 0, -1)
    parts = flow.bijection.bijections  # the flow of real numbers, and what makes them whole
    smooth = pf.bijections.Chain([parts[0], parts[1].bijections[0]])
    z, _ = jax.jit(lambda f, y: f._inverse_many(y, None, None))(smooth, noisy)
    back, _ = jax.jit(lambda f, y: f._forward_many(y, None, None))(smooth, z)
    return float(abs(back - noisy).mean())


def reloads(flow: Any, x: np.ndarray, key: jax.Array) -> bool:
    """Whether a saved and loaded flow gives the same bits."""
    with tempfile.TemporaryDirectory() as place:
        pf.save(Path(place) / "flow.safetensors", flow)
        again = pf.load(Path(place) / "flow.safetensors")
    return np.array_equal(flow.log_prob(x, key=key), again.log_prob(x, key=key))


def picture(flow: Any, name: str, model: str, path: Path) -> None:
    """Test images beside samples at temperatures 0.7 and 1, 6 by 8 of each."""
    import matplotlib.pyplot as plt

    key = jax.random.key(1)
    shown = {"test images": load(name)[2][:48]}
    shown |= {f"{model}, temperature {t:g}": np.asarray(flow.sample(key, 48, temperature=t)) for t in (0.7, 1.0)}
    figure, axes = plt.subplots(1, 3, figsize=(9, 2.9))
    for axis, (title, images) in zip(axes, shown.items(), strict=True):
        cells = np.pad(images[..., 0], ((0, 0), (1, 1), (1, 1)), constant_values=0.15 * SETS[name])
        height, width = cells.shape[1:]
        grid = cells.reshape(6, 8, height, width).transpose(0, 2, 1, 3).reshape(6 * height, 8 * width)
        axis.imshow(grid, cmap="gray_r", vmin=0, vmax=SETS[name] - 1)
        axis.set_title(title, fontsize=9)
        axis.axis("off")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def measured(
    name: str, model: str, minutes: float, seed: int, batch_size: int | None, others: Sequence[tuple[str, Any]]
) -> Record:
    """The record of one model on one set, and with seed 0 and its own options its picture."""
    facts, flow = record(name, model, minutes, seed, batch_size, others)
    if seed == 0 and not others:
        picture(flow, name, model, ROOT / "docs" / "figures" / f"{name}-{model}.png")
    return facts


def option(text: str) -> tuple[str, Any]:
    """An option of a flow, as the shell reads it."""
    return Setting().convert(text, None, None)


def main() -> None:
    """Run the sets and models that the command line names, store what was measured, and draw samples."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="sets and models; by default all models on the digits")
    parser.add_argument("--minutes", type=float, default=1.0, help="of training, for each (default: 1)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch-size", type=int, help="images of a step (default: the model's own)")
    parser.add_argument("--set", action="append", default=[], type=option, metavar="NAME=VALUE", help="of the models")
    given = parser.parse_args()
    sets, models = chosen(parser, given.names, SETS, MODELS["digits"])
    sets = sets if set(sets) & set(given.names) else ["digits"]
    pairs = [(name, model) for name in sets for model in models if model in MODELS[name]]
    training = given.minutes, given.seed, given.batch_size, given.set
    append("images", (measured(*pair, *training) for pair in pairs))


if __name__ == "__main__":
    main()
