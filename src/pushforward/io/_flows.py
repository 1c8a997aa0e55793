"""Save and load flows and other parts."""

import os
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

# Imported for their classes, which files name.
from pushforward import bijections, distributions, nets  # noqa: F401
from pushforward._errors import given
from pushforward._types import Part
from pushforward.io._atomic import write_atomically
from pushforward.io._container import Contents, encode
from pushforward.io._plain import decode_metadata, encode_metadata
from pushforward.io._source import read_contents
from pushforward.io._structure import put_together, take_apart

_CONTENT = "flow"
_LIBRARIES = ("pushforward", "jax", "equinox", "numpy", "safetensors")


def save(path: str | os.PathLike[str], flow: Part, *, metadata: Mapping[str, Any] | None = None) -> None:
    """Write a flow to one file, whole or not at all.

    A reload gives the same bits on the same machine. An old file at `path` stays until the new one is on the disk.

    Args:
        path: The file to write or to replace; `.safetensors` is the usual ending.
        flow: A distribution, a bijection or any other part.
        metadata: Plain data of yours: mappings with text keys, sequences (tuples come back as lists), numbers,
            text, None.

    Raises:
        FileError: If the file cannot be written, or the flow or the metadata hold what a file cannot.
        TypeError: If `flow` is not a part.

    Example:
        >>> import tempfile
        >>> flow = pf.distributions.Normal.standard((2,))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     pf.save(f"{folder}/model.safetensors", flow, metadata={"columns": ["x", "y"]})
        ...     pf.load(f"{folder}/model.safetensors").event_shape
        (2,)
    """
    if not isinstance(flow, Part):
        raise TypeError(
            f"save: `flow` must be a part, such as a Transformed, got {given(flow)}. "
            "Write `save(path, flow)`, in this order; an estimator has its own `save(path)`."
        )
    structure, arrays = take_apart(flow)
    document = {
        "content": _CONTENT,
        "libraries": {name: _version(name) for name in _LIBRARIES},
        "structure": structure,
        "metadata": encode_metadata({} if metadata is None else metadata),
    }
    write_atomically(Path(path), encode(Contents(arrays, document)))


def load(path: str | os.PathLike[str]) -> Any:
    """The flow in a file from `save`.

    A class of your own must be imported first. Numbers keep their dtype: a file with float64 numbers needs JAX's
    64-bit mode, because rounding them would change the flow.

    Raises:
        FileError: If the file is missing, damaged, of a newer version, or names a class that is not known.
    """
    return read(path)[0]


def read(path: str | os.PathLike[str]) -> tuple[Any, dict[str, Any]]:
    """`(flow, metadata)` of a file from `save`; raises as `load` does."""
    contents = read_contents(Path(path), _CONTENT)
    flow = put_together(contents.document["structure"], contents.arrays, str(path))
    return flow, decode_metadata(contents.document["metadata"])


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
