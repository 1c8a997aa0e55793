"""Clips of sound in a `.npz` file."""

from pathlib import Path
from typing import Any

import numpy as np

from pushforward._errors import DataError


def open_sound_array(path: Path, rate: int | None, bits: int | None) -> dict[str, Any]:
    """What `Clips` is made of.

    Raises:
        DataError: If there is no `audio`, its numbers are no sound, or nothing says its rate.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files if name in ("audio", "length", "rate", "label", "y")}
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: cannot be read ({error}).", "write it with `numpy.savez`") from None
    if "audio" not in arrays:
        raise DataError(
            f"{path}: holds no array `audio`.", "store the samples as `audio`, and a `length` for each clip"
        )
    own = int(arrays["rate"]) if "rate" in arrays else None
    if own is None and rate is None:
        raise DataError(f"{path}: nothing says how many samples a second there are.", "say so: `--rate 22050`")
    if own is not None and rate is not None and own != rate:
        raise DataError(
            f"{path}: has {own:,} samples a second, {rate:,} are wanted; arrays are not resampled.",
            "leave `--rate` out, or give the files themselves",
        )
    depth = bits or (8 if arrays["audio"].dtype == np.int8 else 16)
    waves = _cut(_whole(arrays["audio"], depth, path), arrays.get("length"), path)
    labels = arrays.get("label", arrays.get("y"))
    found: dict[str, Any] = {"waves": waves, "rate": own or rate, "bits": depth}
    found["names"] = tuple(str(number) for number in range(len(waves)))
    if labels is None:
        return found
    if labels.shape != (len(waves),):
        raise DataError(f"{path}: {len(waves):,} clips, but labels of shape {labels.shape}.", "give one for each clip")
    known, numbers = np.unique(labels, return_inverse=True)
    return found | {"labels": numbers, "label_names": tuple(str(name) for name in known)}


def _whole(audio: np.ndarray, bits: int, path: Path) -> np.ndarray:
    """Samples as whole numbers of so many bits."""
    scale = 2.0 ** (bits - 1)
    if audio.dtype in (np.dtype(np.int8), np.dtype(np.int16)):
        have = 8 * audio.dtype.itemsize
        return (audio >> (have - bits) if have >= bits else audio.astype(np.int16) << (bits - have)).astype(np.int16)
    if not np.issubdtype(audio.dtype, np.floating):
        raise DataError(
            f"{path}: `audio` is of {audio.dtype}, of which nothing says what is loud.",
            "store int16, or floats of 1 at full scale",
        )
    if not np.isfinite(audio).all():
        raise DataError(f"{path}: `audio` has NaN or infinite samples.", "mend them, or take those clips away")
    if np.abs(audio).max(initial=0.0) > 1.0:
        raise DataError(f"{path}: `audio` goes beyond 1, which is full scale.", "divide floats by their full scale")
    return np.clip(np.round(audio * scale), -scale, scale - 1).astype(np.int16)


def _cut(audio: np.ndarray, length: np.ndarray | None, path: Path) -> tuple[np.ndarray, ...]:
    if audio.ndim == 2 and length is None:
        return tuple(audio)
    if audio.ndim != 1:
        raise DataError(
            f"{path}: `audio` has shape {audio.shape}.",
            "store (clips, samples), or all behind each other with `length`",
        )
    ends = np.cumsum(np.array([len(audio)]) if length is None else np.asarray(length))
    if ends[-1] != len(audio):
        raise DataError(
            f"{path}: the lengths add up to {ends[-1]:,}, but there are {len(audio):,} samples.", "mend `length`"
        )
    return tuple(np.split(audio, ends[:-1]))
