"""Write a figure to a file."""

import os
from pathlib import Path

from matplotlib.figure import Figure

from pushforward._errors import FileError

DPI = 150


def save(figure: Figure, path: str | os.PathLike[str], *, dpi: int = DPI) -> Path:
    """Write a figure; the file's ending says the format: png, pdf, svg, jpg ... Folders are made as needed.

    Args:
        figure: From a function of this package, or any other Matplotlib figure.
        path: Where to.
        dpi: Dots per inch, for formats made of dots.

    Returns:
        The path.

    Raises:
        FileError: If the ending is not known, or the file cannot be written.
    """
    path = Path(path)
    known = figure.canvas.get_supported_filetypes()
    if path.suffix.lower().lstrip(".") not in known:
        raise FileError(
            f"cannot write a picture to {path}: its ending is not known.", f"end it in one of {_list(known)}"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=dpi)
    except OSError as error:
        raise FileError(
            f"cannot write {path}: {error.strerror or error}.", "choose a folder that can be written"
        ) from error
    return path


def _list(endings: dict[str, str]) -> str:
    return ", ".join(f".{ending}" for ending in sorted(endings))
