"""Slant as a direction in the latent space of MNIST: a row of digits moved along it, by the project's own commands.

Run `python -m benchmarks.images.attributes [--epochs 8]`; needs `PUSHFORWARD_DATA`. The slant of a digit is the shear
that its second moments show. `pushforward fit` learns 20,000 digits, with no labels; `pushforward attributes` is given
the fifth of them that leans furthest to the right and the fifth that leans furthest to the left.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.data import folder
from benchmarks.harness.records import ROOT

COUNT, SHARE = 20_000, 5
PICTURE = ROOT / "docs" / "figures" / "mnist-slant.png"
MODEL = "--flow glow --set num_levels=2 --set num_steps=8 --set width=64 --set alpha=0.05"
TRAINING = "--batch-size 64 --learning-rate 0.002"
AMOUNT = "0.6"
"""Of the direction: digits fall apart where they are moved further than a short training knows them."""


def slants(images: np.ndarray) -> np.ndarray:
    """How many pixels a stroke moves to the right for each pixel upwards, `(rows, height, width) -> (rows,)`."""
    mass = images / images.sum(axis=(1, 2), keepdims=True)
    down, right = np.arange(images.shape[1])[:, None], np.arange(images.shape[2])
    down = down - np.sum(mass * down, axis=(1, 2), keepdims=True)
    right = right - np.sum(mass * right, axis=(1, 2), keepdims=True)
    return -np.sum(mass * down * right, axis=(1, 2)) / np.sum(mass * down**2, axis=(1, 2))


def write(images: Path, leaning: Path) -> None:
    """The digits to learn, and those that lean, as `x` with the labels `y`."""
    x = np.load(folder() / "mnist" / "mnist.npz")["x_train"][:COUNT]
    np.savez(images, x=x)
    order = np.argsort(slants(x.astype(float)))
    left, right = order[: COUNT // SHARE], order[-COUNT // SHARE :]
    labels = np.repeat(["left", "right"], COUNT // SHARE)
    shuffled = np.random.default_rng(0).permutation(len(labels))
    np.savez(leaning, x=x[np.concatenate([left, right])][shuffled], y=labels[shuffled])


def main() -> None:
    """Fit, and draw the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", default="8", help="of training (default: 8)")
    epochs = parser.parse_args().epochs
    command = [sys.executable, "-m", "pushforward.cli"]
    with tempfile.TemporaryDirectory() as place:
        images, leaning, model = (Path(place) / name for name in ("x.npz", "leaning.npz", "digits.safetensors"))
        write(images, leaning)
        training = [*MODEL.split(), *TRAINING.split(), "--max-epochs", epochs]
        subprocess.run([*command, "fit", f"{images}:x", "-o", str(model), *training], check=True)
        chosen = ["--label", "right", "--amount", AMOUNT]
        subprocess.run([*command, "attributes", str(model), f"{leaning}:x", *chosen, "-o", str(PICTURE)], check=True)


if __name__ == "__main__":
    main()
