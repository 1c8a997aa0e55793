"""Every recipe on six densities in the plane whose entropy is known: test nats and seconds of training.

All recipes get the same rows, the same number of steps, and what they say of their own training (`Recipe.training`):
learning rate and running mean. One whose steps are quick gets more of them (`EPOCHS_OF`), one whose steps are slow as
many as fit into `SECONDS`, and the table says how many. Training ends after that number of steps, not before, and the
best epoch by held-out rows is kept. Seconds are those of training alone: each recipe is compiled on a first fit of two
epochs that is not counted.
"""

import base64
import contextlib
import time
import zlib
from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.harness.records import Journal, Record
from pushforward import FlowDensity
from pushforward.data import TOYS, entropy
from pushforward.flows import RECIPES

DENSITIES = ("rings", "checkerboard", "eight_gaussians", "moons", "spirals", "pinwheel")
TRAIN_ROWS, TEST_ROWS = 50_000, 20_000
BATCH = 256
EPOCHS = 12
"""Of 175 steps of 256 rows: a tenth of the rows is held out."""

EPOCHS_OF = {"flow-matching": 36}
SECONDS = 12.0
"""Of training in a cell, at most, unless a single epoch takes longer."""

NAMES = tuple(name for name, recipe in RECIPES.items() if recipe.events == "line" and name != "made-bernoulli")
PICTURED = ("nsf", "naf", "residual", "flow-matching", "gaussianization", "planar")
"""In the picture, below the densities themselves."""

PIXELS = 120
NEARER = {"pinwheel": ((-4.2, 4.2), (-4.2, 4.2))}
"""Windows of the picture that are smaller than the density's box."""

SETTINGS = {
    "epochs": EPOCHS,
    "epochs_of": EPOCHS_OF,
    "seconds": SECONDS,
    "rows": TRAIN_ROWS,
    "test_rows": TEST_ROWS,
    "batch_size": BATCH,
}


def run(names: Sequence[str], densities: Sequence[str], journal: Journal, say: Callable[[str], None]) -> None:
    """Fit what the journal does not hold yet; one record for each recipe and density."""
    done = {(r["recipe"], r["density"]) for r in journal.records if r["kind"] == "cell" and r["error"] is None}
    for name in names:
        todo = [density for density in densities if (name, density) not in done]
        compiling, epochs = _compiled(name) if todo else (0.0, 0)
        for density in todo:
            record = {"kind": "cell", "recipe": name, "density": density, "compiling_s": compiling}
            journal.write(record | _tried(name, density, epochs))
            say(_sentence(journal.records[-1]))


def _fitted(name: str, rows: np.ndarray, epochs: int) -> FlowDensity:
    never = epochs + 1
    return FlowDensity(name, batch_size=BATCH, max_epochs=epochs, patience=never, random_state=0).fit(rows)


def _compiled(name: str) -> tuple[float, int]:
    """Seconds until two epochs are trained and the test rows are scored, and how many epochs a cell can have."""
    start, epochs = time.perf_counter(), EPOCHS_OF.get(name, EPOCHS)
    rows = TOYS["moons"].sample(TRAIN_ROWS, seed=2)
    with contextlib.suppress(Exception):  # what is wrong is told by the cells
        estimator = _fitted(name, rows, 2)
        estimator.score(rows[:TEST_ROWS])
        epochs = max(1, min(epochs, int(SECONDS / estimator.history_[-1].seconds)))
    return time.perf_counter() - start, epochs


def _tried(name: str, density: str, epochs: int) -> Record:
    """What a fit gave; an error is a result too, and the other cells go on."""
    toy = TOYS[density]
    try:
        estimator = _fitted(name, toy.sample(TRAIN_ROWS, seed=0), epochs)
        nats = -estimator.score(toy.sample(TEST_ROWS, seed=1))
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    result = estimator.result_
    record = {
        "error": None,
        "nats": float(nats),
        "entropy": entropy(density),
        "seconds": result.seconds,
        "steps": len(result.history) * round(0.9 * TRAIN_ROWS / BATCH),
        "best_epoch": result.best_epoch,
        "events": list(result.events),
    }
    return record | ({"picture": packed(_picture(estimator, density))} if name in PICTURED else {})


def _sentence(record: Record) -> str:
    where = f"{record['recipe']} on {record['density']}"
    if record["error"] is not None:
        return f"{where}: {record['error']}"
    gap = record["nats"] - record["entropy"]
    return f"{where}: {record['nats']:.3f} nats, {gap:+.3f} from the entropy, {record['seconds']:.1f} s"


def window(density: str) -> tuple[tuple[float, float], ...]:
    """What the picture shows: least and greatest value of both columns."""
    return NEARER.get(density, TOYS[density].box)


def grid(density: str) -> np.ndarray:
    """Middles of the picture's pixels, `(PIXELS * PIXELS, 2)`, the first row at the bottom."""
    axes = [low + (high - low) * (np.arange(PIXELS) + 0.5) / PIXELS for low, high in window(density)]
    return np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)


def shades(log_density: np.ndarray, brightest: float) -> np.ndarray:
    """Densities as whole numbers to 255, by their square roots: faint bridges are seen beside narrow ridges."""
    share = np.exp(np.minimum(np.asarray(log_density, float) - brightest, 0.0))
    return np.nan_to_num(255 * np.sqrt(share)).astype(np.uint8).reshape(PIXELS, PIXELS)


def brightest(density: str) -> float:
    """The largest log-density on the grid."""
    return float(TOYS[density].log_density(grid(density)).max())


def _picture(estimator: FlowDensity, density: str) -> np.ndarray:
    return shades(estimator.score_samples(grid(density)), brightest(density))


def packed(picture: np.ndarray) -> str:
    """As text, for a line of JSON."""
    return base64.b85encode(zlib.compress(picture.tobytes(), 9)).decode()


def unpacked(text: str) -> np.ndarray:
    """What was packed."""
    return np.frombuffer(zlib.decompress(base64.b85decode(text)), np.uint8).reshape(PIXELS, PIXELS)
