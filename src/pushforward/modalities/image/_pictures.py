"""Pictures of a model of images."""

from typing import Any

import numpy as np

from pushforward import plots
from pushforward._errors import UsageError
from pushforward.modalities._told import Look
from pushforward.modalities.image._model import ImageModel
from pushforward.modalities.image._read import brought_to
from pushforward.modalities.image._walks import nearest

TEMPERATURES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
ACROSS, DOWN = 8, 6


def picture(model: ImageModel, source: str | None, what: str, look: Look, seed: int) -> Any:
    """A figure of a model of images."""
    if what == "loss":
        return plots.loss_curve(model.model.result, **look._asdict())
    whole = look.whole("images", "leave them out, or give a --title")
    if what == "layers":
        way = model.layers(DOWN, ACROSS, seed, y=_labels(model, DOWN))
        return plots.image_rows(list(way.images), levels=model.levels_, titles=way.titles, **whole)
    rows, labels = _rows(model, source, what, seed)
    return plots.image_rows(rows, levels=model.levels_, labels=labels, **whole)


Rows = tuple[list[np.ndarray], list[str]]
"""Images row by row, and what each row is called."""


def _rows(model: ImageModel, source: str | None, what: str, seed: int) -> Rows:
    if what == "samples":
        return np.array_split(_draw(model, 8 * ACROSS, seed), 8), []
    if what == "temperatures":
        rows = [_draw(model, ACROSS, seed, temperature) for temperature in TEMPERATURES]
        return rows, [f"T = {temperature}" for temperature in TEMPERATURES]
    if source is None:
        raise UsageError(f"--what {what} needs images.", "give a folder or an array behind the model")
    return {"reconstructions": _reconstructions, "nearest": _nearest}[what](model, brought_to(model, source), seed)


def _draw(model: ImageModel, count: int, seed: int, temperature: float | None = None) -> np.ndarray:
    return model.sample(count, seed, temperature, _labels(model, count))


def _labels(model: ImageModel, count: int) -> list[str] | None:
    return [model.labels_[i % len(model.labels_)] for i in range(count)] if model.labels_ else None


def _reconstructions(model: ImageModel, images: Any, seed: int) -> Rows:
    chosen = images.take(np.random.default_rng(seed).permutation(len(images))[:ACROSS])
    labels = None if chosen.labels is None or not model.labels_ else [chosen.label_names[i] for i in chosen.labels]
    z = model.encode(chosen, labels)
    noise = model.decode(np.where(_later_half(z), 0.0, z), labels)
    return [chosen.values, model.decode(z, labels), noise], ["image", "decoded", "half of\nthe latent"]


def _later_half(z: np.ndarray) -> np.ndarray:
    return np.broadcast_to(np.arange(z.shape[1]) >= z.shape[1] // 2, z.shape)


def _nearest(model: ImageModel, images: Any, seed: int) -> Rows:
    draws = _draw(model, ACROSS, seed)
    return [draws, images.values[nearest(draws, images.values)]], ["sample", "nearest\nimage"]
