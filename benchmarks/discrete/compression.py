"""Discrete flows: digits and images in bytes beside PNG, zlib, lzma and zstd, binary columns, dependent categories.

Run `python -m benchmarks.discrete.compression [digits images binary gaussians]`; `images` and `binary` need
`PUSHFORWARD_DATA`. Images are coded in one piece, as a user would code a set; PNG once as a file for each and once as
one tall picture. zstd is left out where the package `zstandard` is not installed.
"""

import importlib.util
import io as streams
import lzma
import sys
import time
import zlib
from collections.abc import Iterator

import jax
import numpy as np
import optax
from PIL import Image
from scipy.stats import norm
from sklearn.datasets import load_digits

import pushforward as pf
from benchmarks.discrete.binary import load
from benchmarks.harness.records import append
from benchmarks.images.budget import load as load_images
from pushforward import flows, io
from pushforward._params import count_parameters
from pushforward.train import EpochInfo

KEY = jax.random.key(0)
Record = dict[str, float | int | str | bool]

DIGITS = {
    "independent, 5 logistics each": (5, None),
    "idf, couplings, 5 logistics each": (5, {"num_layers": 2, "width": 128, "depth": 1}),
    "idf, autoregressive, 5 logistics each": (5, {"num_layers": 1, "width": 256, "depth": 1, "autoregressive": True}),
    "idf, halves predicted, 5 logistics each": (5, {"num_layers": 1, "width": 128, "depth": 1, "num_splits": 3}),
    "independent, 1 logistic each": (1, None),
    "idf, autoregressive, 1 logistic each": (1, {"num_layers": 1, "width": 256, "depth": 1, "autoregressive": True}),
}
CATEGORIES, RADIUS, SPREAD = 91, 30.0, 3.0
"""Eight Gaussians on a circle around the middle of a square of 91 x 91 cells, as in Tran et al. (2019), section 5.1."""


def digits() -> Iterator[Record]:
    """The 8 x 8 digits of scikit-learn, 0 to 16, as 64 whole numbers: 1,297 to train, 140 to stop, 360 to test."""
    x = np.random.default_rng(0).permutation(load_digits().data).astype(np.uint8)
    train, valid, test = np.split(x, [1297, 1437])
    for name in DIGITS:
        yield _digits_by(name, train, valid, test)


def _digits_by(name: str, train: np.ndarray, valid: np.ndarray, test: np.ndarray) -> Record:
    start = time.perf_counter()
    count, options = DIGITS[name]
    flow = pf.distributions.DiscretizedLogistic.spread((64,), count)
    if options is not None:
        flow = flows.idf(64, num_components=count, **options, key=KEY)
    fitted = pf.fit(
        flow,
        train,
        validation=valid,
        optimizer=_decaying(3e-3, 1.0),
        batch_size=64,
        max_epochs=600,
        patience=40,
        progress=False,
        key=KEY,
    ).flow
    seconds = round(time.perf_counter() - start, 1)
    return {"set": "digits", "flow": name, **_coded(fitted, test), "seconds": seconds}


def _coded(flow: pf.distributions.AbstractDistribution, test: np.ndarray) -> Record:
    """Bits by the model and in its code, whether they come back, and bits by compressors that see the same bytes."""
    cells, raw = test.size, test.tobytes()
    bits = -np.asarray(flow.log_prob(test), np.float64).sum() / np.log(2)
    start = time.perf_counter()
    packed = io.compress(flow, test)
    middle = time.perf_counter()
    lossless = bool(np.array_equal(io.decompress(flow, packed), test))
    facts: Record = {
        "model_bits_per_dim": round(bits / cells, 4),
        "nats_per_row": round(bits * np.log(2) / len(test), 3),
        "coded_bits_per_dim": round(8 * len(packed) / cells, 4),
        "coded_over_model": round(8 * len(packed) / bits, 4),
        "lossless": lossless,
        "encode_seconds": round(middle - start, 1),
        "decode_seconds": round(time.perf_counter() - middle, 1),
        "zlib_bits_per_dim": round(8 * len(zlib.compress(raw, 9)) / cells, 4),
        "lzma_bits_per_dim": round(8 * len(lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME)) / cells, 4),
    }
    if importlib.util.find_spec("zstandard") is not None:
        zstandard = importlib.import_module("zstandard")
        facts["zstd_bits_per_dim"] = round(8 * len(zstandard.ZstdCompressor(level=22).compress(raw)) / cells, 4)
    return facts


IMAGES = {
    "digits": {"num_levels": 2, "num_steps": 4, "width": 32, "depth": 2},
    "mnist": {"num_levels": 2, "num_steps": 4, "width": 32, "depth": 2},
}
MOST_SECONDS = {"digits": 240, "mnist": 480}
"""Training ends with the epoch in which the clock passes this."""
CODED = 2_000
"""Test images that are coded at most."""


def images() -> Iterator[Record]:
    """Images as they are, grey values of 4 or 8 bits: the three parts are those of `benchmarks.images.budget`."""
    for name, options in IMAGES.items():
        train, valid, test = load_images(name)
        levels = 17 if name == "digits" else 256
        flow = flows.idf_image(train.shape[1:], grey_levels=levels, **options, key=KEY)
        start = time.perf_counter()

        def stop(info: EpochInfo, start: float = start, most: float = MOST_SECONDS[name]) -> bool:
            return time.perf_counter() - start > most

        settings = {"batch_size": 64, "max_epochs": 200, "patience": 30, "ema": 0.99, "callbacks": (stop,)}
        result = pf.fit(
            flow, train, validation=valid, optimizer=_decaying(1e-3, 0.1), **settings, progress=False, key=KEY
        )
        seconds = round(time.perf_counter() - start, 1)
        rows = test[:CODED].astype(np.uint8)
        yield {
            "set": f"{name} images",
            "flow": "idf-image",
            "parameters": count_parameters(result.flow),
            "epochs": len(result.history),
            "seconds": seconds,
            "images": len(rows),
            **_coded(result.flow, rows),
            "png_each_bits_per_dim": round(8 * sum(map(_png, rows)) / rows.size, 4),
            "png_sheet_bits_per_dim": round(8 * _png(np.concatenate(rows)) / rows.size, 4),
        }


def _png(image: np.ndarray) -> int:
    """Bytes of a picture `(height, width, 1)`, optimised."""
    target = streams.BytesIO()
    Image.fromarray(image[..., 0]).save(target, "PNG", optimize=True)
    return len(target.getvalue())


def _decaying(rate: float, decay: float) -> optax.GradientTransformation:
    """Adam with a decay of the networks' weights alone: the base's parameters are not small at their best."""

    def of_nets(tree):
        return jax.tree_util.tree_map_with_path(lambda path, _: any("net" in str(part) for part in path), tree)

    return optax.adamw(rate, weight_decay=decay, mask=of_nets)


def binary() -> Iterator[Record]:
    """Binary columns by modulo flows, for which `benchmarks.discrete.binary` has the figures of a Bernoulli MADE."""
    for name in ("dna", "mushrooms"):
        for num_layers in (0, 1, 4):
            yield _binary_by(name, num_layers)


def _binary_by(name: str, num_layers: int) -> Record:
    rows, start = load(name), time.perf_counter()
    flow = flows.modulo(rows["train"].shape[1], num_layers=max(num_layers, 1), width=256, depth=1, key=KEY)
    if num_layers == 0:
        flow = pf.distributions.Transformed(flow.base, flow.bijection.bijections[-1])
    settings = {"batch_size": 100, "max_epochs": 600, "patience": 50, "progress": False}
    optimizer = _decaying(3e-3, 0.1)
    fitted = pf.fit(flow, rows["train"], validation=rows["valid"], optimizer=optimizer, **settings, key=KEY).flow
    test = -np.asarray(fitted.log_prob(rows["test"]))
    return {
        "set": name,
        "flow": f"modulo, {num_layers} layers" if num_layers else "independent",
        "test_nats": round(float(test.mean()), 2),
        "two_standard_errors": round(2 * float(test.std()) / len(test) ** 0.5, 2),
        "seconds": round(time.perf_counter() - start, 1),
    }


def gaussians() -> Iterator[Record]:
    """Eight Gaussians in 91 x 91 cells: nats beside the entropy, and beside the best independent columns."""
    mass = _eight_gaussians()
    entropy = -np.sum(mass * np.log(np.maximum(mass, 1e-300)))
    independent = -sum(np.sum(m * np.log(m)) for m in (mass.sum(axis=0), mass.sum(axis=1)))
    drawn = np.random.default_rng(0).choice(mass.size, 65_000, p=mass.ravel())
    train, valid, test = np.split(np.stack(np.unravel_index(drawn, mass.shape), axis=-1), [50_000, 55_000])
    kinds = {"modulo, 1 layer": {"num_layers": 1}, "modulo, 3 layers with factors": {"num_layers": 3, "scaled": True}}
    for label, options in kinds.items():
        start = time.perf_counter()
        flow = flows.modulo(2, num_categories=CATEGORIES, width=64, depth=1, **options, key=KEY)
        settings = {"learning_rate": 1e-2, "batch_size": 500, "max_epochs": 25, "patience": 15, "progress": False}
        fitted = pf.fit(flow, train, validation=valid, **settings, key=KEY).flow
        yield {
            "set": "eight gaussians",
            "flow": label,
            "test_nats": round(-float(np.mean(fitted.log_prob(test))), 3),
            "entropy": round(float(entropy), 3),
            "independent_nats": round(float(independent), 3),
            "seconds": round(time.perf_counter() - start, 1),
        }


def _eight_gaussians() -> np.ndarray:
    edges, middle = np.arange(CATEGORIES + 1) - 0.5, (CATEGORIES - 1) / 2
    angles = 2 * np.pi * np.arange(8) / 8
    cells = [
        np.diff(norm.cdf((edges[:, None] - middle - RADIUS * side(angles)) / SPREAD), axis=0)
        for side in (np.cos, np.sin)
    ]
    mass = np.einsum("xm,ym->xy", *cells)
    return mass / mass.sum()


def main() -> None:
    """Run what the command line names, and store what was measured."""
    runs = {"digits": digits, "images": images, "binary": binary, "gaussians": gaussians}
    append("compression", (record for name in sys.argv[1:] or runs for record in runs[name]()))


if __name__ == "__main__":
    main()
