"""One picture file: its header, its values, another size."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pushforward._errors import DataError

Resize = int | tuple[int, int] | None

CHANNELS = {"1": 1, "L": 1, "P": 3, "RGB": 3, "YCbCr": 3, "CMYK": 3, "LA": 2, "RGBA": 4, "PA": 4, "La": 2, "RGBa": 4}
"""Channels of the modes of Pillow that are read; a palette has colours."""
DEEP = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
ORIENTATION, SIDEWAYS = 0x0112, (5, 6, 7, 8)
"""The tag of EXIF that says how a camera was held, and its values for a quarter turn."""
SHARED = "BGR;16"
"""How Pillow calls the 16 bits of a BMP that red, green and blue share."""


class Picture(NamedTuple):
    """What the header of a picture says."""

    size: tuple[int, int]
    channels: int
    bits: int
    alpha: bool


def look(path: Path) -> Picture | None:
    """The header of a file, or None if it is not a picture.

    Raises:
        DataError: If it says a size that is far too large.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            # Pillow turns 16 bits of red, green and blue into 8 without a word; only its decoder knows of them.
            raw = [str(tile[3]) for tile in getattr(image, "tile", ())]
            deep = image.mode in DEEP or any(";16" in mode and SHARED not in mode for mode in raw)
            channels = CHANNELS.get(image.mode, 3)
            alpha = channels in (2, 4) or "transparency" in image.info
            size = (image.height, image.width)
            if _is_turned(image) and image.getexif().get(ORIENTATION) in SIDEWAYS:
                size = (image.width, image.height)
    except Image.DecompressionBombError as error:
        raise DataError(
            f"{path}: the picture is too large to be read ({error}).", "make it smaller, or take it away"
        ) from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        return None
    return Picture(size, {2: 1, 4: 3}.get(channels, channels), 16 if deep else 8, alpha)


def decode(path: Path, size: tuple[int, int] | None, mode: str) -> np.ndarray:
    """The values of a picture, `(height, width, channels)` bytes.

    Raises:
        DataError: If the file is cut short or damaged.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as opened:
            image = ImageOps.exif_transpose(opened) if _is_turned(opened) else opened
            if "A" in image.getbands() or "transparency" in image.info:
                clear = image.convert("RGBA")
                image = Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear)
            picture = image.convert("L" if mode == "grey" else "RGB")
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(
            f"{path}: the picture cannot be read whole ({error}).",
            "make the file again, or leave it out with `--skip-bad`",
        ) from None
    values = np.asarray(picture)
    return resized(values.reshape(*values.shape[:2], -1), size)


def _is_turned(image: Any) -> bool:
    """Whether EXIF in front of the pixels may say how the camera was held: later on Pillow may find more, in PNG."""
    return "exif" in image.info


def resized(values: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    """A picture `(height, width, channels)` of bytes in another size: by averages when it shrinks."""
    if size is None or values.shape[:2] == size:
        return values
    from PIL import Image

    image = Image.fromarray(values[..., 0] if values.shape[2] == 1 else values)
    smaller = np.asarray(image.resize((size[1], size[0]), Image.Resampling.LANCZOS))
    return smaller.reshape(*size, values.shape[2])
