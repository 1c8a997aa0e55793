"""Digits by default: every image flow fitted as `pushforward fit sklearn:digits --flow NAME` does, with nothing set.

Run `python -m benchmarks.images.defaults [glow nsf-image ...]`. Bits are upper bounds on 180 test images, averaged over
16 draws of noise; seconds are those of the whole fit, with compiling.
"""

import argparse
import time

import jax
import numpy as np

import pushforward as pf
from benchmarks.harness.records import Record, append
from benchmarks.images.budget import load
from pushforward.data import Images
from pushforward.flows import RECIPES

NAMES = [name for name, recipe in RECIPES.items() if recipe.events == "image"]


def measured(name: str) -> Record:
    """The record of one flow."""
    train, valid, test = load("digits")
    images = Images(np.concatenate([train, valid]).astype(np.uint8), 17)
    start = time.perf_counter()
    model = pf.ImageDensity(name, random_state=0).fit(images)
    seconds = time.perf_counter() - start
    bits = pf.objectives.average_bits_per_dim(model.flow_, test, draws=16, key=jax.random.key(0))
    return {
        "figure": "digits by default",
        "model": name,
        "options": model._fitted.settings["options"],
        "epochs": len(model.result_.history),
        "seconds": round(seconds, 1),
        "bits_per_dim": round(bits.mean, 4),
        "standard_error": round(bits.error, 4),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    append("images", map(measured, parser.parse_args().names or NAMES))
