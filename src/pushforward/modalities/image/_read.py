"""Images that are read for a fit, and for a model."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from pushforward.data import Images, read_images
from pushforward.modalities._talk import Talk, plural
from pushforward.modalities.image._arrays import labels_of
from pushforward.modalities.image._model import ImageModel
from pushforward.modalities.image._prepare import Labelled


def read_to_fit(source: str, given: Mapping[str, Any], talk: Talk) -> Labelled:
    """Images with their labels, if those are to be learned; files that are no pictures are told.

    Raises:
        DataError: If they cannot be read.
    """
    reading = {name: given[name] for name in ("resize", "mode", "bits", "skip_bad")}
    images = read_images(source, **reading)
    if images.skipped:
        talk.warn(f"{plural(len(images.skipped), 'file')} left out that are no pictures, such as {images.skipped[0]}")
    return Labelled(images, labels_of(images, None) if given["labels"] else None)


def read_for(
    model: ImageModel, source: str, *, resize: Any = None, mode: str | None = None, skip_bad: bool = False
) -> Images:
    """Images in the levels of a model, and turned to grey or to colour as its images are.

    Raises:
        DataError: If they cannot be read.
    """
    images = read_images(source, resize=resize, mode=mode or {1: "grey", 3: "rgb"}[model.shape[2]], skip_bad=skip_bad)
    bits = model.levels_.bit_length() - 1
    return images.with_bits(bits) if images.levels > model.levels_ == 2**bits else images


def brought_to(model: ImageModel, source: str, *, skip_bad: bool = False) -> Images:
    """Images brought to the size and the levels of a model, whatever theirs are."""
    images = read_for(model, source, resize=model.shape[:2], skip_bad=skip_bad)
    if images.levels == model.levels_:
        return images
    scaled = np.round(images.values * ((model.levels_ - 1) / (images.levels - 1))).astype(np.uint8)
    return replace(images, values=scaled, levels=model.levels_)
