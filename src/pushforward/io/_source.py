"""Read a file that a user names."""

import difflib
from pathlib import Path

from pushforward._errors import FileError
from pushforward.io._container import Contents, decode

_KINDS = {
    "flow": ("a flow", "load it with `pushforward.load`"),
    "arrays": ("a training checkpoint, not a flow", "go on from it with `fit(..., checkpoint=..., resume=True)`"),
}


def read_contents(path: Path, content: str) -> Contents:
    """Contents of a file that holds a `"flow"` or `"arrays"`.

    Raises:
        FileError: If the file is missing, unreadable, damaged, or of the other kind.
    """
    contents = decode(_read_bytes(path), str(path))
    found = contents.document.get("content")
    if found != content:
        kind, hint = _KINDS.get(str(found), ("something else", ""))
        raise FileError(f"{path}: this is {kind}.", hint)
    return contents


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise FileError(f"{path}: no such file.", _nearest(path)) from error
    except IsADirectoryError as error:
        raise FileError(f"{path}: this is a folder.", f"give a file in it{_models_in(path)}") from error
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror or error}).", "check that you may read it") from error


def _nearest(path: Path) -> str:
    if not path.parent.is_dir():
        return f"there is no folder {path.parent} either: check the path"
    near = difflib.get_close_matches(path.name, [other.name for other in path.parent.iterdir()], n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"check the path{_models_in(path.parent)}"


def _models_in(folder: Path) -> str:
    names = sorted(file.name for file in folder.glob("*.safetensors"))[:3]
    return f", such as {', '.join(names)}" if names else ""
