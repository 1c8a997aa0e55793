"""Training on images in a file beside training on the same images in memory: images a second, and memory.

Run `python -m benchmarks.speed.streaming [--gigabytes=1]`: an array of random bytes, images of 32 x 32 x 3 in a
temporary file, an affine flow (the least work for each image) and a small Glow. Memory is what the process holds by
itself at its peak (`RssAnon` of Linux), without pages of the file that the system may take back.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np

import pushforward as pf
from benchmarks.harness.records import Record, append

SHAPE = (32, 32, 3)
FLOWS: dict[str, Any] = {
    "affine": lambda key: pf.distributions.Transformed(
        pf.distributions.Normal.standard(SHAPE), pf.bijections.Affine(np.full(SHAPE, 128.0), 70.0)
    ),
    "glow": lambda key: pf.flows.glow(SHAPE, num_levels=2, num_steps=2, width=16, key=key),
}
STEPS = {"affine": 1, "glow": 40}
"""One in how many images is used: an epoch of all would take minutes."""


def written(path: Path, gigabytes: float) -> int:
    """How many random images were written to a file."""
    count = int(gigabytes * 2**30) // int(np.prod(SHAPE))
    rng = np.random.default_rng(0)
    images = np.lib.format.open_memmap(path, "w+", np.uint8, (count, *SHAPE))
    for start in range(0, count, 4096):
        images[start : start + 4096] = rng.integers(0, 256, images[start : start + 4096].shape, np.uint8)
    return count


def anonymous() -> float:
    """Megabytes that the process holds itself."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("RssAnon")).split()[1]) / 1024


def measured(path: str, name: str, way: str) -> Record:
    """Images a second in the second epoch, and the most memory beside that of a fit to a few images."""
    images = np.load(path, mmap_mode="r")
    images = images[: len(images) // STEPS[name]]
    flow = FLOWS[name](jax.random.key(0))
    options = {"batch_size": 256, "validation": None, "progress": False, "key": jax.random.key(1)}
    pf.fit(flow, np.array(images[:2048]), max_epochs=1, **options)
    peak, done = [anonymous()], threading.Event()
    start = peak[0]

    def watch() -> None:
        while not done.wait(0.01):
            peak[0] = max(peak[0], anonymous())

    watcher = threading.Thread(target=watch)
    watcher.start()
    result = pf.fit(flow, images if way == "streamed" else np.array(images), max_epochs=3, **options)
    done.set()
    watcher.join()
    seconds = min(epoch.seconds for epoch in result.history[1:])
    return {
        "flow": name,
        "way": way,
        "megabytes": round(images.nbytes / 2**20),
        "images_per_second": round(len(images) / seconds),
        "peak_megabytes": round(peak[0] - start),
        "loss": result.history[-1].train,
    }


def main() -> None:
    """One process for each flow and way, each in turn."""
    told = [word.partition("=")[2] for word in sys.argv[1:] if word.startswith("--gigabytes=")]
    if "--one" in sys.argv:
        append("streaming", [measured(*sys.argv[sys.argv.index("--one") + 1 :])])
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.npy"
        start = time.perf_counter()
        count = written(path, float(told[0]) if told else 1.0)
        print(f"wrote {count} images in {time.perf_counter() - start:.0f} s")
        for name in FLOWS:
            for way in ("in memory", "streamed"):
                command = [sys.executable, "-m", "benchmarks.speed.streaming", "--one", str(path), name, way]
                subprocess.run(command, check=True, env=os.environ)


if __name__ == "__main__":
    main()
