"""`pushforward sample` of images: a sheet, a folder of pictures, or an array."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pushforward import plots
from pushforward._errors import UsageError
from pushforward.modalities._talk import Talk, plural
from pushforward.modalities.image._model import ImageModel

ARRAYS = (".npy", ".npz")


def sample(
    model: ImageModel,
    count: int | None,
    target: str,
    given: Mapping[str, Any],
    *,
    temperature: float,
    seed: int,
    talk: Talk,
) -> None:
    """A sheet of samples, a folder of pictures, or an array."""
    if target == "-":
        raise UsageError("images cannot go to standard output.", "give -o samples.png, -o samples.npy or -o folder/")
    rows, columns = given["grid"] or _sheet(count or 64)
    total = count or rows * columns
    if total > rows * columns:
        raise UsageError(f"{total} images do not fit into a sheet of {rows} x {columns}.", "leave -n or --grid out")
    how = {"guidance": given["guidance"], "denoised": given["denoise"]}
    draws = model.sample(total, seed, temperature, given["label"], **how)
    if target.endswith(ARRAYS):
        np.save(target, draws) if target.endswith(".npy") else np.savez_compressed(target, x=draws)
    elif Path(target).suffix and not target.endswith("/"):
        plots.save_images(plots.tiled(draws, rows, columns, levels=model.levels_), target)
    else:
        for number, image in enumerate(draws):
            single = plots.tiled(image[None], 1, 1, levels=model.levels_)
            plots.save_images(single, Path(target) / f"{number:05}.png", scale=1)
    talk.say(f"wrote {plural(total, 'image')} to {target}")


def _sheet(count: int) -> tuple[int, int]:
    """Rows and columns of a sheet that is nearly square."""
    columns = int(np.ceil(np.sqrt(count)))
    return -(-count // columns), columns
