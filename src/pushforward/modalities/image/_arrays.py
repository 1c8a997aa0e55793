"""What users give as images and labels, checked."""

from typing import Any

import numpy as np

from pushforward._errors import DataError, did_you_mean
from pushforward.data import Images


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
    if y is not None:
        labels = np.asarray(y)
    elif images.labels is not None:
        labels = np.asarray(images.label_names)[images.labels]
    else:
        raise DataError(
            "images: a conditional model needs labels.",
            "put the images of each of two or more labels in a subfolder, store `y` beside `x` in a .npz, or give `y`",
        )
    if labels.shape != (len(images),):
        raise DataError(f"images: {len(images)} images, but labels of shape {labels.shape}.", "give one for each image")
    return labels


def one_hot(labels: Any, known: tuple[str, ...]) -> np.ndarray:
    """Labels as zeros and ones, `(count,) -> (count, len(known))`.

    Raises:
        DataError: If a label is not known.
    """
    names = [str(label) for label in labels]
    for name in dict.fromkeys(names):
        if name not in known:
            raise DataError(f"images: the model knows no label {name!r}.", did_you_mean(name, known))
    return np.eye(len(known), dtype=np.float32)[np.array([known.index(name) for name in names])]
