"""Plain data as strict JSON that reads back exactly."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from pushforward._errors import FileError

_FLOAT = "$float"


def encode_scalar(value: Any) -> Any:
    """None, bool, int, float or str as JSON; NaN and infinities, which JSON lacks, are tagged.

    Raises:
        TypeError: For anything else.
    """
    value = value.item() if isinstance(value, np.generic) else value
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {_FLOAT: repr(float(value))}
    raise TypeError(f"{type(value).__name__} is not plain data")


def decode_scalar(value: Any) -> Any:
    """The inverse of `encode_scalar`."""
    return float(value[_FLOAT]) if isinstance(value, dict) else value


def encode_metadata(value: Any, where: str = "metadata") -> Any:
    """Nested mappings and sequences of plain data as JSON; tuples become lists.

    Raises:
        FileError: If a value or a key cannot be held; the message says where.
    """
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str) or key == _FLOAT:
                raise FileError(f"{where} has the key {key!r}, which a file cannot hold.", "use text for keys")
        return {key: encode_metadata(item, f"{where}[{key!r}]") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [encode_metadata(item, f"{where}[{i}]") for i, item in enumerate(value)]
    try:
        return encode_scalar(value)
    except TypeError as error:
        raise FileError(
            f"{where} is of type {type(value).__name__}, which a file cannot hold.",
            "use None, bool, int, float, text, and lists or mappings of these",
        ) from error


def decode_metadata(value: Any) -> Any:
    """The inverse of `encode_metadata`."""
    if isinstance(value, list):
        return [decode_metadata(item) for item in value]
    if isinstance(value, dict) and _FLOAT not in value:
        return {key: decode_metadata(item) for key, item in value.items()}
    return decode_scalar(value)
