"""`pushforward interpolate` and `pushforward attributes`: walks between images, and along an attribute."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pushforward import plots
from pushforward._errors import UsageError
from pushforward.data import Images
from pushforward.modalities._talk import Talk, plural
from pushforward.modalities.image._model import ImageModel
from pushforward.modalities.image._read import brought_to

SHOWN = 4
"""Images that are moved where none is named."""


def interpolate(model: ImageModel, pictures: Sequence[str], target: Path, given: Mapping[str, Any], talk: Talk) -> None:
    """A row between two pictures, a sheet between four."""
    if len(pictures) not in (2, 4):
        raise UsageError(f"needs two pictures, or four, got {len(pictures)}.", "give A.png B.png behind the model")
    if model.labels_ and given["label"] is None:
        raise UsageError(
            "the model is conditional on a label.", f"give --label, one of {', '.join(model.labels_[:20])}"
        )
    ends = _read_all(model, pictures)
    labels = None if given["label"] is None else [given["label"]] * len(pictures)
    if len(pictures) == 2:
        rows = [model.interpolate(ends, given["steps"], path=given["path"], y=labels)]
    else:
        rows = list(model.interpolate_four(ends, *given["grid"], y=labels))
    sheet = plots.tiled(np.concatenate(rows), len(rows), len(rows[0]), levels=model.levels_)
    plots.save_images(sheet, target)
    talk.say(f"wrote {plural(len(rows) * len(rows[0]), 'image')} to {target}")


def attributes(model: ImageModel, source: str, target: Path, given: Mapping[str, Any], seed: int, talk: Talk) -> None:
    """Rows of images with less and more of an attribute."""
    images = brought_to(model, source, skip_bad=given["skip_bad"])
    if images.labels is None:
        raise UsageError(f"{source} has no labels.", "put the images that have the attribute into a subfolder")
    if given["label"] not in images.label_names:
        raise UsageError(f"no image has the label {given['label']!r}.", f"one of {', '.join(images.label_names[:20])}")
    has = images.labels == images.label_names.index(given["label"])
    direction = model.attribute(images, has)
    moved = _read_all(model, (given["picture"],)) if given["picture"] else _some_without(images, has, seed)
    amounts = np.linspace(-given["amount"], given["amount"], given["steps"])
    labels = None if moved.labels is None else [moved.label_names[place] for place in moved.labels]
    if model.labels_ and labels is None:
        raise UsageError("the model is conditional on a label, and the picture has none.", "leave --picture out")
    rows = []
    for place, z in enumerate(model.encode(moved, labels)):
        label = None if labels is None or not model.labels_ else labels[place]
        rows.append(model.decode(z + amounts[:, None] * direction, label))
    titles = [f"{amount:+.2g}" for amount in amounts]
    plots.save(plots.image_rows(rows, levels=model.levels_, titles=titles), target)
    talk.say(f"wrote {plural(len(rows), 'row')} along {given['label']!r} to {target}")


def _some_without(images: Images, has: np.ndarray, seed: int) -> Images:
    without = np.flatnonzero(~has)
    return images.take(np.random.default_rng(seed).permutation(without)[:SHOWN])


def _read_all(model: ImageModel, pictures: Sequence[str]) -> Images:
    each = [brought_to(model, picture) for picture in pictures]
    return replace(each[0], values=np.concatenate([images.values for images in each]), names=())
