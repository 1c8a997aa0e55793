"""The bytes of a file: a safetensors container with one JSON document and a SHA-256 in its header."""

import hashlib
import json
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import safetensors
import safetensors.numpy

from pushforward._errors import FileError

FORMAT_VERSION = 1

UPGRADE = "upgrade pushforward: `git pull` in its clone, then `pip install .` there"

# One metadata entry, because safetensors writes several in random order and equal flows should give equal files.
# The digest comes first in its document, and this text stands once in a header: other quotes inside are escaped again.
_KEY = "pushforward"
_BEFORE_DIGEST = b'"pushforward":"{\\"sha256\\":\\"'
_NO_DIGEST = "0" * 64

_DTYPES = {
    "F64": np.dtype(np.float64),
    "F32": np.dtype(np.float32),
    "F16": np.dtype(np.float16),
    "BF16": np.dtype(jnp.bfloat16),
    "I64": np.dtype(np.int64),
    "I32": np.dtype(np.int32),
    "I16": np.dtype(np.int16),
    "I8": np.dtype(np.int8),
    "U64": np.dtype(np.uint64),
    "U32": np.dtype(np.uint32),
    "U16": np.dtype(np.uint16),
    "U8": np.dtype(np.uint8),
    "BOOL": np.dtype(np.bool_),
}

_FOREIGN = {
    b"PK\x03\x04": "a zip archive (an .npz or a PyTorch file)",
    b"\x93NUMPY": "a NumPy .npy file",
    b"\x89HDF": "an HDF5 file",
    b"\x1f\x8b": "a gzip archive",
    b"PAR1": "a Parquet file",
}
_PICKLE_PROTOCOLS = {bytes([0x80, version]) for version in range(2, 6)}

_GIVE_OURS = "give a file written by `pushforward.save` or `pushforward fit`"
_COPY_AGAIN = "copy the file again from where it came from, or save the model again"


class Contents(NamedTuple):
    """What a file holds: arrays by name, and the JSON document around its digest and version."""

    arrays: dict[str, np.ndarray]
    document: dict[str, Any]


def encode(contents: Contents) -> bytes:
    """The bytes of a file; equal contents give equal bytes.

    Raises:
        FileError: If an array has a dtype that safetensors does not know.
    """
    legal = set(_DTYPES.values())
    for name, array in contents.arrays.items():
        if array.dtype not in legal:
            raise FileError(
                f"array {name!r} has dtype {array.dtype}, which a file cannot hold.", "make it a float array"
            )
    document = {"sha256": _NO_DIGEST, "format": _KEY, "version": FORMAT_VERSION} | contents.document
    text = json.dumps(document, separators=(",", ":"), allow_nan=False)
    # safetensors takes the memory as it lies, and `ascontiguousarray` would give scalars an axis.
    arrays = {name: np.asarray(array, order="C") for name, array in contents.arrays.items()}
    data = safetensors.numpy.save(arrays, {_KEY: text})
    start = data.index(_BEFORE_DIGEST) + len(_BEFORE_DIGEST)
    return data[:start] + _digest(data, start) + data[start + len(_NO_DIGEST) :]


def decode(data: bytes, source: str) -> Contents:
    """What the bytes of the file called `source` hold, after every one of them was checked.

    Raises:
        FileError: If they are not from `encode`, from a newer version, cut short or changed.
    """
    _check_kind(data, source)
    size = int.from_bytes(data[:8], "little")
    if 8 + size > len(data):
        raise _cut_short(data, source)
    header = _parse(data[8 : 8 + size], source)
    document = _document(header, source)
    start = data.find(_BEFORE_DIGEST, 8, 8 + size) + len(_BEFORE_DIGEST)
    if data[start : start + len(_NO_DIGEST)] != _digest(data, start):
        raise _cut_short(data, source) if len(data) < _announced_size(header, size) else _damaged(source)
    try:
        arrays = {name: _array(tensor) for name, tensor in safetensors.deserialize(data)}
    except (safetensors.SafetensorError, KeyError, ValueError) as error:
        raise _damaged(source) from error
    return Contents(arrays, {key: document[key] for key in document if key not in ("sha256", "format", "version")})


def _digest(data: bytes, start: int) -> bytes:
    """SHA-256 of all bytes but the digest's own, in hexadecimal."""
    view = memoryview(data)
    digest = hashlib.sha256(view[:start])
    digest.update(view[start + len(_NO_DIGEST) :])
    return digest.hexdigest().encode()


def _check_kind(data: bytes, source: str) -> None:
    if not data:
        raise FileError(f"{source}: the file is empty.", _GIVE_OURS)
    # The ninth byte of a safetensors file opens its JSON; the first eight can look like anything.
    if data[8:9] == b"{":
        return
    if data[:2] in _PICKLE_PROTOCOLS:
        raise FileError(f"{source}: this is a pickle, which could run code and is never opened.", _GIVE_OURS)
    for magic, kind in _FOREIGN.items():
        if data.startswith(magic):
            raise FileError(f"{source}: this is {kind}, not a model file.", _GIVE_OURS)
    if len(data) > 8:
        raise FileError(f"{source}: this is not a model file.", _GIVE_OURS)
    raise _cut_short(data, source)


def _parse(text: bytes | str, source: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged(source) from error
    if not isinstance(value, dict):
        raise _damaged(source)
    return value


def _document(header: dict[str, Any], source: str) -> dict[str, Any]:
    metadata = header.get("__metadata__")
    text = metadata.get(_KEY) if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise FileError(f"{source}: this is a safetensors file, but pushforward did not write it.", _GIVE_OURS)
    document = _parse(text, source)
    version = document.get("version")
    if not isinstance(version, int):
        raise _damaged(source)
    if version > FORMAT_VERSION:
        raise FileError(
            f"{source}: the file has format version {version}, this pushforward reads up to {FORMAT_VERSION}.",
            UPGRADE,
        )
    return document


def _announced_size(header: dict[str, Any], size: int) -> int:
    """Length of the file according to its header, 0 if that cannot be told."""
    try:
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        return 8 + size + max(ends, default=0)
    except (TypeError, KeyError, IndexError):
        return 0


def _array(tensor: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(tensor["data"], dtype=_DTYPES[tensor["dtype"]]).reshape(tensor["shape"])


def _cut_short(data: bytes, source: str) -> FileError:
    return FileError(f"{source}: the file is cut short after {len(data)} bytes.", _COPY_AGAIN)


def _damaged(source: str) -> FileError:
    return FileError(f"{source}: the file is damaged, its bytes are not those that were saved.", _COPY_AGAIN)
