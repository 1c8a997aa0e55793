"""What users give as images and labels, checked."""

from typing import Any

import numpy as np

from pushforward._errors import DataError
from pushforward.data import Images
from pushforward.modalities._labels import names_of


def as_images(x: Images | np.ndarray) -> Images:
    """An array of bytes as `Images` of 256 grey values.

    Raises:
        DataError: If it is not an array of images.
    """
    if isinstance(x, Images):
        return x
    values = np.asarray(x)
    values = values[..., None] if values.ndim == 3 else values
    if values.ndim != 4 or values.dtype != np.uint8 or not len(values):
        raise DataError(
            f"images: needs bytes of shape (count, height, width[, channels]), got {values.dtype} of {np.shape(x)}.",
            "read them with `pushforward.data.read_images`, or save 8 bits as `uint8`",
        )
    return Images(values)


def fewer(levels: int) -> str:
    bits = levels.bit_length() - 1
    if levels == 2**bits:
        return f"read them with `--bits {bits}` (in Python: `bits={bits}`)"
    return f"give `Images` whose values end at {levels - 1}, with `levels={levels}`"


def labels_of(images: Images, y: Any) -> np.ndarray:
    """The labels that are given, or those of the images; see `names_of`."""
    hint = "put the images of each of two or more labels in a subfolder, store `y` beside `x` in a .npz, or give `y`"
    return names_of(images, y, "images", "images", hint)
