"""Images in arrays: `.npy` and `.npz` files, and sets bundled with scikit-learn."""

from pathlib import Path
from typing import Any

import numpy as np

from pushforward._errors import DataError, did_you_mean
from pushforward.data._image_files import resized

GREY = np.array([0.299, 0.587, 0.114])
"""Shares of red, green and blue in a grey picture (ITU-R BT.601)."""


def open_image_array(file: Path, key: str | None, size: tuple[int, int] | None, mode: str | None) -> dict[str, Any]:
    """The fields of `Images` from a file of NumPy.

    Raises:
        DataError: If the file, or the array in it, cannot be used.
    """
    if not file.is_file():
        raise DataError(f"{file}: no such file.", "check the path")
    try:
        stored = np.load(file, mmap_mode="r" if file.suffix == ".npy" else None, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise DataError(f"{file.name}: cannot be read as a NumPy file ({error}).", "check that it is whole") from None
    if isinstance(stored, np.ndarray):
        return _fields(file.name, stored, None, size, mode)
    with stored:
        arrays = {name: stored[name] for name in stored.files}
    name = key or _only_images(file.name, arrays)
    if name not in arrays:
        raise DataError(f"{file.name}: there is no array {name!r}.", did_you_mean(name, arrays))
    labels = arrays.get(name.replace("x", "y", 1)) if name.startswith("x") else arrays.get("labels")
    return _fields(f"{file.name}:{name}", arrays[name], labels, size, mode)


def open_sklearn_images(source: str, size: tuple[int, int] | None, mode: str | None) -> dict[str, Any]:
    """The digits of scikit-learn, with values from 0 to 16.

    Raises:
        DataError: If another set is named.
    """
    if source != "sklearn:digits":
        raise DataError(f"{source}: no bundled set of images has this name.", "there is `sklearn:digits`")
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    fields = _fields(source, bunch.images.astype(np.uint8), bunch.target, size, mode)
    return fields | {"levels": 17}


def _only_images(label: str, arrays: dict[str, np.ndarray]) -> str:
    found = [name for name, array in arrays.items() if array.ndim in (3, 4) and array.dtype.kind in "uifb"]
    if len(found) != 1:
        some = f"the arrays {', '.join(found)} hold images" if found else "no array has three or four axes"
        hint = f"name one: `{label}:{found[0]}`" if found else "images are (count, height, width[, channels])"
        raise DataError(f"{label}: {some}.", hint)
    return found[0]


def _fields(
    label: str, array: np.ndarray, labels: np.ndarray | None, size: tuple[int, int] | None, mode: str | None
) -> dict[str, Any]:
    values = _with_channels(label, _bytes(label, array))
    if mode == "rgb" and values.shape[3] == 1:
        values = np.repeat(values, 3, axis=3)
    if mode == "grey" and values.shape[3] == 3:
        values = np.round(values @ GREY).astype(np.uint8)[..., None]
    if size is not None and values.shape[1:3] != size:
        values = np.stack([resized(np.asarray(image), size) for image in values])
    fields: dict[str, Any] = {"values": values, "names": tuple(str(number) for number in range(len(values)))}
    if array.dtype == bool:
        fields["levels"] = 2
    if labels is not None and labels.shape == (len(values), 1):
        labels = labels[:, 0]
    if labels is not None and labels.shape[:1] != (len(values),):
        raise DataError(
            f"{label}: {len(values)} images, but labels of shape {labels.shape}.", "save one label for each image"
        )
    if labels is not None and labels.ndim == 1:
        known, numbers = np.unique(labels, return_inverse=True)
        fields |= {"labels": numbers, "label_names": tuple(str(name) for name in known)}
    return fields


def _bytes(label: str, array: np.ndarray) -> np.ndarray:
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind not in "uib":
        raise DataError(
            f"{label}: the array holds {array.dtype}, but images are whole numbers from 0 to 255.",
            _as_bytes(array),
        )
    low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
    if low < 0 or high > 255:
        raise DataError(
            f"{label}: the values go from {low} to {high}, but 8 bits at most are read (0 to 255).",
            "save bytes; of 16 bits the upper 8 are `(x >> 8).astype(np.uint8)`",
        )
    return array.astype(np.uint8)


def _as_bytes(array: np.ndarray) -> str:
    """How numbers that are not whole become bytes."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        return "there are NaN or infinite values: leave out their images, then save bytes"
    if array.dtype.kind == "f" and array.size and 1 < array.max() <= 255 and array.min() >= 0:
        return "save bytes: `np.save(path, np.round(x).astype(np.uint8))`"
    return "save bytes: `np.save(path, np.round(255 * x).astype(np.uint8))` for values from 0 to 1"


def _with_channels(label: str, array: np.ndarray) -> np.ndarray:
    array = array[..., None] if array.ndim == 3 else array
    if array.ndim == 4 and not array.size:
        raise DataError(f"{label}: the array has shape {array.shape}, and holds no image.", "give one image or more")
    if array.ndim != 4 or array.shape[3] not in (1, 3) or not len(array):
        first = array.ndim == 4 and array.shape[1] in (1, 3)
        raise DataError(
            f"{label}: the array has shape {array.shape}, but images are (count, height, width) or "
            "(count, height, width, channels) with 1 or 3 channels.",
            "move the channels behind the width: `np.moveaxis(x, 1, -1)`"
            if first
            else "reshape it, and leave out an alpha channel: `x[..., :3]`",
        )
    return array
