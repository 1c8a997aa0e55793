"""Write a figure to a file."""

import io
import os
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from pushforward._errors import FileError

DPI = 150
WRITING: dict[Any, Any] = {"pdf.fonttype": 42, "svg.hashsalt": "pushforward", "savefig.facecolor": "white"}
"""Fonts that journals take, and names in a file that do not differ from one to the next."""
DATES = {"pdf": "CreationDate", "svg": "Date"}
"""What is left out, so that the same picture is the same file."""


def save(figure: Figure, path: str | os.PathLike[str], *, dpi: float = DPI) -> Path:
    """Write a figure; the file's ending says the format: png, pdf, svg, jpg ... Folders are made as needed.

    Neither a PDF nor an SVG holds the date: the same figure gives the same file.

    Args:
        figure: From a function of this package, or any other Matplotlib figure.
        path: Where to.
        dpi: Dots per inch, for formats made of dots and for the dots of scatter plots.

    Returns:
        The path.

    Raises:
        FileError: If the ending is not known, or the file cannot be written.
        ValueError: If `dpi` is not positive.
    """
    path = check_ending(path)
    if not 0 < dpi < MAX_DPI:
        raise ValueError(f"save: `dpi` must be above 0 and below {MAX_DPI}, got {dpi}.")
    dated = DATES.get(ending(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with matplotlib.rc_context(WRITING):
            figure.savefig(path, dpi=dpi, metadata={dated: None} if dated else None)
    except OSError as error:
        raise FileError(
            f"cannot write {path}: {error.strerror or error}.", "choose a folder that can be written"
        ) from error
    return path


MAX_DPI = 10_000


def drawn(figure: Figure, kind: str, *, dpi: float = DPI) -> bytes:
    """A figure as the bytes of a `png` or `svg` file, on no background."""
    with io.BytesIO() as stream, matplotlib.rc_context({**WRITING, "savefig.facecolor": "none"}):
        dated = DATES.get(kind)
        figure.savefig(stream, format=kind, dpi=dpi, transparent=True, metadata={dated: None} if dated else None)
        return stream.getvalue()


def check_ending(path: str | os.PathLike[str]) -> Path:
    """The path, if its ending is that of a picture.

    Raises:
        FileError: If it is not.
    """
    known = Figure().canvas.get_supported_filetypes()
    if ending(Path(path)) not in known:
        raise FileError(
            f"cannot write a picture to {path}: its ending is not known.", f"end it in one of {_list(known)}"
        )
    return Path(path)


def ending(path: Path) -> str:
    return path.suffix.lower().lstrip(".")


def _list(endings: dict[str, str]) -> str:
    return ", ".join(f".{ending}" for ending in sorted(endings))
