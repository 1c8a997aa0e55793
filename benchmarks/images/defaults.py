"""Digits by default: every image flow fitted as `pushforward fit sklearn:digits --flow NAME` does, with nothing set.

Run `python -m benchmarks.images.defaults [digits mnist] [glow nsf-image ...]`; MNIST needs `PUSHFORWARD_DATA`. Bits are
upper bounds on test images, of digits 180 and averaged over 16 draws of noise, of MNIST 10,000 and over 4; seconds are
those of the whole fit, with compiling.
"""

import argparse
import time

import jax
import numpy as np

import pushforward as pf
from benchmarks.harness.arguments import chosen
from benchmarks.harness.records import Record, append
from benchmarks.images.budget import DRAWS, SETS, load
from pushforward.data import Images
from pushforward.flows import RECIPES

NAMES = [name for name, recipe in RECIPES.items() if recipe.events == "image"]


def measured(data: str, name: str) -> Record:
    """The record of one flow."""
    train, valid, test = load(data)
    images = Images(np.concatenate([train, valid]).astype(np.uint8), SETS[data])
    start = time.perf_counter()
    model = pf.ImageDensity(name, random_state=0).fit(images)
    seconds = time.perf_counter() - start
    bits = pf.objectives.average_bits_per_dim(model.flow_, test, draws=DRAWS[data], key=jax.random.key(0))
    return {
        "figure": f"{data} by default",
        "model": name,
        "options": model._fitted.settings["options"],
        "batch_size": model._fitted.settings["batch_size"],
        "epochs": len(model.result_.history),
        "seconds": round(seconds, 1),
        "bits_per_dim": round(bits.mean, 4),
        "standard_error": round(bits.error, 4),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    given = parser.parse_args().names
    sets, names = chosen(parser, given, SETS, NAMES)
    sets = sets if set(sets) & set(given) else ["digits"]
    append("images", (measured(data, name) for data in sets for name in names))
