"""Images: folders, arrays and built-in sets as one array of bytes."""

import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pushforward._errors import DataError
from pushforward.data._image_arrays import open_image_array, open_sklearn_images
from pushforward.data._image_files import Picture, Resize, decode, look

MEMORY = 2**30
"""Bytes from which the images of a folder are kept in a temporary file in place of memory."""
NAMED = 3
"""Files that an error names."""


@dataclass(frozen=True)
class Images:
    """Images of one size.

    Attributes:
        values: `(count, height, width, channels)`, whole numbers from 0 to `levels - 1` as bytes; perhaps a memory map.
        levels: Values that a channel can have: 256 for 8 bits, 32 for 5.
        names: Where each image comes from: a path within the folder, or a number.
        labels: `(count,)` numbers of the labels, or None.
        label_names: The labels by number.
        skipped: Files of the folder that are no images.
    """

    values: np.ndarray
    levels: int = 256
    names: tuple[str, ...] = ()
    labels: np.ndarray | None = None
    label_names: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        height, width, channels = self.values.shape[1:]
        return height, width, channels

    def take(self, places: Any) -> "Images":
        """Some of the images, by number or by truth values."""
        numbers = np.arange(len(self))[places]
        names = tuple(self.names[number] for number in numbers) if self.names else ()
        labels = None if self.labels is None else self.labels[numbers]
        return replace(self, values=self.values[numbers], names=names, labels=labels)

    def with_bits(self, bits: int) -> "Images":
        """The same images with 2**bits levels: the lowest bits are cut off.

        Raises:
            DataError: If they have fewer levels, or `bits` is not from 1 to 8.
        """
        if not 1 <= bits <= 8:
            raise DataError(f"images: `bits` must be from 1 to 8, got {bits}.", "8 is usual; Glow's faces have 5")
        levels = 2**bits
        if levels == self.levels:
            return self
        if self.levels != 256:
            raise DataError(
                f"images: {bits} bits are wanted, but there are {self.levels} levels.", "leave `bits` out for this set"
            )
        values = np.right_shift(self.values, 8 - bits, out=_room(self.values.shape))
        return replace(self, values=values, levels=levels)


def read_images(
    source: str | os.PathLike[str],
    *,
    resize: Resize = None,
    mode: str | None = None,
    bits: int | None = None,
    skip_bad: bool = False,
) -> Images:
    """Read images of one size.

    Args:
        source: A folder of picture files, in which the names of subfolders are labels; one picture; an array
            `(count, height, width)` or `(count, height, width, channels)` of bytes in a `.npy` or `.npz` file (of
            several arrays, `file.npz:KEY` names one; labels are the array of the same name with `y` for `x`); or
            `sklearn:digits`, 1,797 digits of 8 x 8 in 17 levels.
        resize: Height and width to which every picture is brought, `32` or `(28, 20)`.
        mode: `"grey"` or `"rgb"`: turn every picture into this; an alpha channel is laid on white.
        bits: Levels as a power of two: 5 keeps the highest five bits.
        skip_bad: Leave out files that are no pictures, instead of raising.

    Raises:
        DataError: If there are no pictures, or their sizes, channels or depths differ or are not known here.

    Example:
        >>> read_images("sklearn:digits").shape
        (8, 8, 1)
    """
    if mode not in (None, "grey", "rgb"):
        raise DataError(f"images: there is no mode {mode!r}.", "choose `grey` or `rgb`")
    images = _opened(str(os.fspath(source)), _size(resize), mode, skip_bad)
    return images if bits is None else images.with_bits(bits)


def _opened(source: str, size: tuple[int, int] | None, mode: str | None, skip_bad: bool) -> Images:
    if source.startswith("sklearn:"):
        return Images(**open_sklearn_images(source, size, mode))
    path, _, key = source.partition(".npz:")
    if key or source.endswith((".npy", ".npz")):
        file = Path(path + ".npz" if key else source)
        return Images(**open_image_array(file, key or None, size, mode))
    place = Path(source)
    if not place.exists():
        raise DataError(f"{source}: no such folder or file.", "give a folder of pictures, a `.npy` or an `.npz` file")
    if place.is_dir():
        return _from_files(place, _files_in(place), size, mode, skip_bad)
    return _from_files(place.parent, [place], size, mode, skip_bad)


def _size(resize: Any) -> tuple[int, int] | None:
    if resize is None:
        return None
    size = (resize, resize) if isinstance(resize, int) else tuple(resize)
    if len(size) != 2 or not all(isinstance(side, int) and side > 0 for side in size):
        raise DataError(f"images: `resize` must be one or two whole numbers above 0, got {resize!r}.", "write 32")
    return size


def _files_in(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    files = [path for path in files if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    if not files:
        raise DataError(f"{folder}: the folder is empty.", "give a folder with pictures (PNG, JPEG, ...)")
    return files


def _from_files(
    folder: Path, files: list[Path], size: tuple[int, int] | None, mode: str | None, skip_bad: bool
) -> Images:
    """Look at every header first, so that a fault is told before anything is decoded."""
    found = {path: _looked_at(path, skip_bad) for path in files}
    bad = [path for path, picture in found.items() if picture is None]
    if bad and (not skip_bad or len(bad) == len(files)):
        raise DataError(
            f"{folder}: {_some([str(path.relative_to(folder)) for path in bad])}: not a picture.",
            "take it away, or leave out files that are no pictures with `--skip-bad` (in Python: `skip_bad=True`)",
        )
    pictures = {path: picture for path, picture in found.items() if picture is not None}
    names = [path.relative_to(folder).as_posix() for path in pictures]
    _same_channels(folder, dict(zip(names, pictures.values(), strict=True)), mode)
    if size is None:
        _same_size(folder, dict(zip(names, pictures.values(), strict=True)))
    first = next(iter(pictures.values()))
    mode = mode or ("grey" if first.channels == 1 else "rgb")
    values = _room((len(pictures), *(size or first.size), {"grey": 1, "rgb": 3}[mode]))
    kept = _decoded(list(pictures), values, size, mode, skip_bad)
    names = [path.relative_to(folder).as_posix() for path in kept]
    labels, label_names = _labels(names)
    left_out = sorted(set(files) - set(kept))
    skipped = tuple(str(path.relative_to(folder)) for path in left_out)
    return Images(values[: len(kept)], 256, tuple(names), labels, label_names, skipped)


def _looked_at(path: Path, skip_bad: bool) -> Picture | None:
    try:
        return look(path)
    except DataError:
        if not skip_bad:
            raise
        return None


def _decoded(
    paths: list[Path], values: np.ndarray, size: tuple[int, int] | None, mode: str, skip_bad: bool
) -> list[Path]:
    """Fill `values` from the front; the files that could be read whole."""
    kept: list[Path] = []
    for path in paths:
        try:
            values[len(kept)] = decode(path, size, mode)
        except DataError:
            if not skip_bad or (path is paths[-1] and not kept):
                raise
            continue
        kept.append(path)
    return kept


def _same_channels(folder: Path, pictures: dict[str, Picture], mode: str | None) -> None:
    deep = [name for name, picture in pictures.items() if picture.bits > 8]
    if deep:
        raise DataError(
            f"{folder}: {_some(deep)}: 16 bits for a channel, but 8 at most are read.",
            "save them with 8 bits, for instance with `magick mogrify -depth 8`",
        )
    if mode is not None:
        return
    clear = [name for name, picture in pictures.items() if picture.alpha]
    if clear:
        raise DataError(
            f"{folder}: {_some(clear)}: there is an alpha channel.",
            "lay the pictures on white with `--mode rgb` or `--mode grey` (in Python: `mode=`)",
        )
    grey = [name for name, picture in pictures.items() if picture.channels == 1]
    if 0 < len(grey) < len(pictures):
        colour = [name for name, picture in pictures.items() if picture.channels != 1]
        raise DataError(
            f"{folder}: grey and colour mixed: {len(grey)} grey ({grey[0]}), {len(colour)} in colour ({colour[0]}).",
            "make them alike with `--mode grey` or `--mode rgb` (in Python: `mode=`)",
        )


def _same_size(folder: Path, pictures: dict[str, Picture]) -> None:
    sizes = Counter(picture.size for picture in pictures.values())
    if len(sizes) == 1:
        return
    example = {picture.size: name for name, picture in reversed(pictures.items())}
    shown = "; ".join(
        f"{count} of {height} x {width} ({example[height, width]})"
        for (height, width), count in sizes.most_common(NAMED)
    )
    height, width = sizes.most_common(1)[0][0]
    raise DataError(
        f"{folder}: the pictures have {len(sizes)} sizes (height x width): {shown}.",
        f"bring them to one size, for instance with `--resize {height}x{width}` (in Python: `resize=`)",
    )


def _room(shape: tuple[int, ...]) -> np.ndarray:
    """An array in memory, or in a temporary file that goes when the array does."""
    if np.prod(shape) <= MEMORY:
        return np.empty(shape, np.uint8)
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, np.uint8, "w+", shape=shape)


def _labels(names: Sequence[str]) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Subfolders as labels, if every picture is in one."""
    folders = [name.partition("/")[0] if "/" in name else "" for name in names]
    if "" in folders or len(set(folders)) < 2:
        return None, ()
    known = sorted(set(folders))
    return np.array([known.index(folder) for folder in folders]), tuple(known)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
