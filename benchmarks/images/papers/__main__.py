"""Train what a paper trains, and store steps per second, memory and bits per dimension of held-out images."""

import argparse
import math
import resource
import tomllib
from pathlib import Path
from typing import Any

import jax
import numpy as np

import pushforward as pf
from benchmarks.data import folder
from benchmarks.harness.records import Record, append, device_label
from benchmarks.images.papers import __doc__ as description
from pushforward._params import count_parameters

HERE = Path(__file__).parent
PAPERS = sorted(path.stem for path in HERE.glob("*.toml"))
HELD_OUT = 500
OPTIONS = ("memory", "precision")
"""Of recipes, which the command line may set: they change what a step costs, not what is learned."""


def images(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Images to train on and images that are held out, bytes `(n, 32, 32, 3)`."""
    every = np.load(folder() / "cifar10" / "cifar10_lossless_4000.npz")["x"]
    return every[: min(count, len(every) - HELD_OUT)], every[-HELD_OUT:]


def run(paper: str, given: argparse.Namespace) -> Record:
    """Train one of them for the epochs that are asked for."""
    config: dict[str, Any] = tomllib.loads((HERE / f"{paper}.toml").read_text())
    options = config.get("options", {}) | {name: value for name in OPTIONS if (value := getattr(given, name))}
    training = config["training"] | ({"batch_size": given.batch_size} if given.batch_size else {})
    train, held_out = images(given.images)
    held_out = held_out[: given.held_out]
    key = jax.random.key(0)
    flow = pf.flows.RECIPES[config["flow"]].build(train.shape[1:], **options, key=key)
    result = pf.fit(flow, train, validation=held_out, max_epochs=given.epochs, patience=None, key=key, **training)
    steps = math.ceil(len(train) / training["batch_size"])
    seconds = [epoch.seconds for epoch in result.history]
    return {
        "paper": paper,
        "device": device_label("cpu" if jax.default_backend() == "cpu" else "gpu"),
        "parameters": count_parameters(flow),
        "images": len(train),
        **{name: options.get(name) for name in OPTIONS},
        "batch_size": training["batch_size"],
        "steps": steps * len(result.history),
        "steps_per_second": round(steps / float(np.median(seconds[1:] or seconds)), 4),  # the first epoch compiles
        "peak_memory_mib": peak_memory(),
        "bits_per_dim": [
            round(float(pf.objectives.bits_per_dim(-loss, flow.event_shape)), 3)
            for loss in (result.start_loss, *(epoch.validation for epoch in result.history))
        ],
        "published_bits": config.get("published_bits"),
    }


def peak_memory() -> int:
    """In MiB: of the accelerator, or of this process where there is none."""
    found = jax.local_devices()[0].memory_stats()
    if found:
        return found["peak_bytes_in_use"] >> 20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def main() -> None:
    """Train what the command line names."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("papers", nargs="+", choices=PAPERS)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--images", type=int, default=3500, help="to train on (default: 3500, all)")
    parser.add_argument("--held-out", type=int, default=HELD_OUT, help="images (default: 500)")
    parser.add_argument("--batch-size", type=int, help="by default the paper's")
    parser.add_argument("--memory", help="store, recompute or invert")
    parser.add_argument("--precision", help="full or bfloat16")
    given = parser.parse_args()
    append("papers", (run(paper, given) for paper in given.papers))


if __name__ == "__main__":
    main()
