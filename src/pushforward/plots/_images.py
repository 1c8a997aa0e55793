"""Pictures of images: rows of them with a name each."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from pushforward._errors import FileError
from pushforward.plots._axes import finished
from pushforward.plots._style import MIN_SIDE, Size, new_figure, styled

WIDTH = 6.4
CELL_MOST = 0.9
"""Inches: of the picture, and of one image at most."""
LABEL = 0.9
MISSING = 0.85
"""Grey of a place without an image."""


@styled
def image_rows(
    rows: Sequence[np.ndarray],
    *,
    levels: int = 256,
    labels: Sequence[str] = (),
    titles: Sequence[str] = (),
    size: Size | None = None,
    title: str | None = None,
) -> Figure:
    """Images in rows, each pixel as a sharp square.

    Args:
        rows: For each row images `(count, height, width, channels)` of grey values, with 1 or 3 channels.
        levels: Grey values: 0 is black and `levels - 1` is white.
        labels: Names of the rows.
        titles: Names of the columns.
        size: Width and height of the picture in inches.
        title: Above the picture.

    Returns:
        A Matplotlib figure; `save` writes it to a file.

    Raises:
        ValueError: If there are no images, or there are not as many names as rows.

    Example:
        >>> figure = pf.plots.image_rows([np.zeros((3, 8, 8, 1)), np.ones((3, 8, 8, 1))], levels=2)
        >>> len(figure.axes)
        2
    """
    if not rows or not all(len(row) for row in rows):
        raise ValueError("image_rows: there are no images, or a row is empty.")
    if labels and len(labels) != len(rows):
        raise ValueError(f"image_rows: {len(rows)} rows, but {len(labels)} names.")
    height, width = rows[0].shape[1:3]
    columns = max(map(len, rows))
    across = min((WIDTH - (LABEL if labels else 0.0)) / columns, CELL_MOST * max(width / height, 1.0))
    down = across * height / width
    total = columns * across + (LABEL if labels else 0.0)
    tall = len(rows) * (down + 0.06) + (0.25 if titles else 0.0)
    own = (max(total, MIN_SIDE), max(tall, MIN_SIDE))  # a single row may need less
    figure = new_figure(*(size or own))
    panels = figure.subplots(len(rows), 1, squeeze=False)[:, 0]
    for place, (axes, row) in enumerate(zip(panels, rows, strict=True)):
        strip = tiled(row, 1, columns, levels=levels)
        axes.imshow(strip, cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest", aspect="equal")
        axes.set(xticks=[], yticks=[])
        for side in axes.spines.values():
            side.set_visible(False)
        if labels:
            axes.set_ylabel(labels[place], rotation=0, ha="right", va="center")
        if titles and place == 0:
            middles = [(width + GAP) * column + width / 2 for column in range(len(titles))]
            axes.set_xticks(middles, titles)
            axes.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False, length=0)
    return finished(figure, title=title)


GAP = 1
"""Pixels between two images."""


def tiled(images: np.ndarray, rows: int, columns: int, *, levels: int = 256) -> np.ndarray:
    """Images side by side, `(count, height, width, channels) -> (height, width[, 3])` from 0 to 1, white between them.

    Raises:
        ValueError: If there are more images than places.
    """
    count, height, width, channels = images.shape
    if count > rows * columns:
        raise ValueError(f"tiled: {count} images do not fit into {rows} x {columns} places.")
    sheet = np.ones((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, channels))
    for place, image in enumerate(images):
        top, left = (place // columns) * (height + GAP), (place % columns) * (width + GAP)
        sheet[top : top + height, left : left + width] = image / (levels - 1)
    for place in range(count, rows * columns):
        top, left = (place // columns) * (height + GAP), (place % columns) * (width + GAP)
        sheet[top : top + height, left : left + width] = MISSING
    return sheet[..., 0] if channels == 1 else sheet


def save_images(sheet: np.ndarray, path: str | os.PathLike[str], *, scale: int | None = None) -> Path:
    """Write a sheet of `tiled` to a picture file, every pixel as a square of `scale` x `scale` dots.

    Args:
        sheet: `(height, width)` or `(height, width, 3)` from 0 to 1.
        path: Where to; the ending says the format: png, jpg, gif ... Folders are made as needed.
        scale: By default as large as fits into about 800 dots.

    Returns:
        The path.

    Raises:
        FileError: If the ending is not known, or the file cannot be written.
    """
    path = Path(path)
    dots = max(DOTS // max(sheet.shape[:2]), 1) if scale is None else scale
    bytes_ = np.round(255 * np.clip(sheet, 0.0, 1.0)).astype(np.uint8)
    image = Image.fromarray(bytes_.repeat(dots, axis=0).repeat(dots, axis=1))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)
    except ValueError:
        raise FileError(f"cannot write a picture to {path}: its ending is not known.", "end it in .png") from None
    except OSError as error:
        raise FileError(
            f"cannot write {path}: {error.strerror or error}.", "choose a folder that can be written"
        ) from error
    return path


DOTS = 800
