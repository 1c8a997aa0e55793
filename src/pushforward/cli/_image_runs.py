"""The work of `score`, `sample` and `plot` on models of images."""

from pathlib import Path
from typing import Any

import numpy as np

from pushforward import plots
from pushforward.cli._failures import WrongUsage
from pushforward.cli._image_input import brought_to, read_for
from pushforward.cli._talk import Talk, plural
from pushforward.data import Table, TableWriter
from pushforward.estimators import ImageDensity
from pushforward.estimators._walks import nearest

PICTURES = ("samples", "temperatures", "layers", "reconstructions", "nearest", "loss")
TEMPERATURES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
ACROSS, DOWN = 8, 6
ARRAYS = (".npy", ".npz")


def score(path: Path, source: str, target: str, *, given: dict[str, Any], talk: Talk) -> None:
    """One row for each image: its name, its bits per dimension, its log-probability in nats."""
    model = ImageDensity.load(path)
    images = read_for(model, source, **given)
    nats = model.score_samples(images, draws=4)
    bits = -nats / (np.prod(model.shape) * np.log(2.0))
    numbers = np.arange(len(images), dtype=float)
    table = Table(
        ("image", "bits_per_dim", "log_prob"),
        np.column_stack([numbers, bits, nats]),
        ("category", "float", "float"),
        categories={"image": images.names},
    )
    with TableWriter(target, table.names, table.kinds, table.categories) as writer:
        writer.write(table.values)
    where = "standard output" if target == "-" else target
    most = "" if model.flow_.exact else "at most "
    talk.say(f"wrote {plural(len(images), 'score')} to {where}; {most}{bits.mean():.4f} bits per dimension")


def sample(path: Path, count: int | None, target: str, *, given: dict[str, Any], seed: int, talk: Talk) -> None:
    """A sheet of samples, a folder of pictures, or an array."""
    model = ImageDensity.load(path)
    grid = given.get("grid")
    if target == "-":
        raise WrongUsage("images cannot go to standard output.", "give -o samples.png, -o samples.npy or -o folder/")
    rows, columns = grid or _sheet(count or 64)
    total = count or rows * columns
    if total > rows * columns:
        raise WrongUsage(f"{total} images do not fit into a sheet of {rows} x {columns}.", "leave -n or --grid out")
    how = {"guidance": given["guidance"], "denoised": given["denoise"]}
    draws = model.sample(total, seed, given["temperature"], given.get("label"), **how)
    if target.endswith(ARRAYS):
        np.save(target, draws) if target.endswith(".npy") else np.savez_compressed(target, x=draws)
    elif Path(target).suffix and not target.endswith("/"):
        plots.save_images(plots.tiled(draws, rows, columns, levels=model.levels_), target)
    else:
        for number, image in enumerate(draws):
            single = plots.tiled(image[None], 1, 1, levels=model.levels_)
            plots.save_images(single, Path(target) / f"{number:05}.png", scale=1)
    talk.say(f"wrote {plural(total, 'image')} to {target}")


def plot(path: Path, source: str | None, target: Path, what: str | None, *, seed: int, talk: Talk) -> None:
    """A picture of a model of images."""
    model = ImageDensity.load(path)
    what = what or "samples"
    if what not in PICTURES:
        raise WrongUsage(f"--what {what} is for tables, and this model is of images.", f"one of {', '.join(PICTURES)}")
    if what == "loss":
        figure = plots.loss_curve(model.result_)
    elif what == "samples":
        figure = _rows(model, np.array_split(_draw(model, 8 * ACROSS, seed), 8), [])
    elif what == "temperatures":
        rows = [_draw(model, ACROSS, seed, temperature) for temperature in TEMPERATURES]
        figure = _rows(model, rows, [f"T = {temperature}" for temperature in TEMPERATURES])
    elif what == "layers":
        way = model.layers(DOWN, ACROSS, seed, y=_labels(model, DOWN))
        figure = plots.image_rows(list(way.images), levels=model.levels_, titles=way.titles)
    else:
        if source is None:
            raise WrongUsage(f"--what {what} needs images.", "give a folder or an array behind the model")
        images = brought_to(model, source)
        figure = {"reconstructions": _reconstructions, "nearest": _nearest}[what](model, images, seed)
    plots.save(figure, target)
    talk.say(f"wrote {target}: {what}")


def _draw(model: ImageDensity, count: int, seed: int, temperature: float | None = None) -> np.ndarray:
    return model.sample(count, seed, temperature, _labels(model, count))


def _labels(model: ImageDensity, count: int) -> list[str] | None:
    return [model.labels_[i % len(model.labels_)] for i in range(count)] if model.labels_ else None


def _rows(model: ImageDensity, rows: list[np.ndarray], labels: list[str]) -> Any:
    return plots.image_rows(rows, levels=model.levels_, labels=labels)


def _reconstructions(model: ImageDensity, images: Any, seed: int) -> Any:
    chosen = images.take(np.random.default_rng(seed).permutation(len(images))[:ACROSS])
    labels = None if chosen.labels is None or not model.labels_ else [chosen.label_names[i] for i in chosen.labels]
    z = model.encode(chosen, labels)
    noise = model.decode(np.where(_later_half(z), 0.0, z), labels)
    return _rows(model, [chosen.values, model.decode(z, labels), noise], ["image", "decoded", "half of\nthe latent"])


def _later_half(z: np.ndarray) -> np.ndarray:
    return np.broadcast_to(np.arange(z.shape[1]) >= z.shape[1] // 2, z.shape)


def _nearest(model: ImageDensity, images: Any, seed: int) -> Any:
    draws = _draw(model, ACROSS, seed)
    return _rows(model, [draws, images.values[nearest(draws, images.values)]], ["sample", "nearest\nimage"])


def _sheet(count: int) -> tuple[int, int]:
    """Rows and columns of a sheet that is nearly square."""
    columns = int(np.ceil(np.sqrt(count)))
    return -(-count // columns), columns
