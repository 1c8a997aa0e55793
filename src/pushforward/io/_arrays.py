"""Arrays by name beside JSON metadata: what training checkpoints are made of."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import ArrayLike

from pushforward.io._atomic import write_atomically
from pushforward.io._container import Contents, encode
from pushforward.io._plain import decode_metadata, encode_metadata
from pushforward.io._source import read_contents

_CONTENT = "arrays"


def write_arrays(path: str | os.PathLike[str], arrays: Mapping[str, ArrayLike], metadata: Mapping[str, Any]) -> None:
    """Write arrays and metadata to one file, whole or not at all.

    Args:
        path: The file to write or to replace.
        arrays: NumPy or JAX arrays of any shape, of a float, integer or boolean dtype, by name.
        metadata: Plain data: mappings with text keys, sequences (tuples come back as lists), numbers, text, None.

    Raises:
        FileError: If the file cannot be written; the old one is then unchanged.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_arrays(f"{folder}/state.safetensors", {"step": np.int32(7)}, {"seed": 0})
        ...     read_arrays(f"{folder}/state.safetensors")
        ({'step': array(7, dtype=int32)}, {'seed': 0})
    """
    document = {"content": _CONTENT, "metadata": encode_metadata(metadata)}
    write_atomically(
        Path(path), encode(Contents({name: np.asarray(array) for name, array in arrays.items()}, document))
    )


def read_arrays(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """`(arrays, metadata)` of a file from `write_arrays`, bit for bit; the arrays cannot be written to.

    Raises:
        FileError: If the file is missing, damaged, or of another kind.
    """
    contents = read_contents(Path(path), _CONTENT)
    return contents.arrays, decode_metadata(contents.document["metadata"])
