"""Whole numbers as bytes, as few as their probabilities under a flow allow, and back."""

import hashlib
import importlib
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike

from pushforward._errors import DataError, FileError, PushforwardError, as_batch, check_condition
from pushforward.distributions import AbstractDistribution
from pushforward.io._coding import BLOCK_ROWS, check_codable, to_numbers, walk
from pushforward.io._range_code import Reader, Side, Writer

MAGIC = b"PFZ1"
HEADER = struct.Struct("<4sI2sI4sI")
"""Magic, checksum of what follows, dtype, rows, digest of the numbers, length of the part that is not range-coded."""
CHECKED_FROM = 8

SIZES, COMPRESSED = (1, 2, 4, 8), 128
"""Bytes of an integer in the part that is not range-coded, and the bit that says that they are compressed."""

MOST_BYTES = 8
"""Of a number that is given."""

SHARD_CELLS = 2**22
"""Rows times numbers of an event that are coded at once."""


def compress(flow: AbstractDistribution, x: ArrayLike, condition: ArrayLike | None = None) -> bytes:
    """Whole numbers in about `-log2 P(x)` bits, by the probabilities of a flow; `decompress` gives them back exactly.

    Events go through the flow to its base, whose numbers a range coder turns into bytes: independent ones, or level by
    level where what is split off is predicted from what stays. Rows that do not come back, such as those of probability
    0, are stored as they are.

    The bytes belong to this flow, to the last bit of its weights: save it with `pushforward.save`. A machine that
    rounds a network's output otherwise cannot read them; `decompress` then fails, and never gives wrong numbers.

    Args:
        flow: From `idf`, `idf-image` or `modulo`, or any `Transformed` whose base is an `AbstractCountable`, or a
            `SplitOff` of such and of an `AbstractPredicted`.
        x: Whole numbers, `(*batch, *event_shape)` of any integer dtype, or floats that are whole.
        condition: `(*batch, *cond_shape)` where the flow is conditional; it is not stored.

    Raises:
        DataError: If a number is not whole, or larger than the precision of the flow holds.
        PushforwardError: If the flow has another base, or `constriction` is not installed.

    Example:
        >>> flow = pf.flows.idf(2, num_layers=1, width=8, key=key)
        >>> x = np.arange(20).reshape(10, 2)
        >>> data = pf.io.compress(flow, x)
        >>> bool((pf.io.decompress(flow, data) == x).all())
        True
    """
    coder = _coder()
    _check(flow)
    given, rows = _whole(flow, x)
    conditions = _conditions(flow, condition, len(rows))
    words, lost, side = _encoded(coder, flow, rows, conditions)
    extra = _pack([np.array([len(lost)]), lost, _int64(rows[lost]).reshape(-1), *side])
    facts = (given.dtype.str[1:].encode(), len(rows), _digest(rows), len(extra))
    body = HEADER.pack(MAGIC, 0, *facts)[CHECKED_FROM:] + extra + words
    return MAGIC + zlib.crc32(body).to_bytes(4, "little") + body


def decompress(flow: AbstractDistribution, data: bytes, condition: ArrayLike | None = None) -> np.ndarray:
    """The numbers that `compress` was given, `(rows, *event_shape)`, in their dtype.

    Args:
        flow: The same flow, bit for bit.
        data: From `compress`.
        condition: The same conditions, row for row.

    Raises:
        FileError: If the bytes are damaged, or of another flow, or this machine rounds otherwise.
    """
    coder = _coder()
    _check(flow)
    dtype, n, digest, extra, words = _take_apart(data)
    conditions = _conditions(flow, condition, n)
    lost, values, side = _unpack(extra, flow)
    try:
        reader = Reader(coder, words, Side(side))
        rows = np.concatenate([walk(flow, given, count, reader) for _, given, count in _shards(flow, n, conditions)])
    except (AssertionError, ValueError, OverflowError) as error:
        raise _not_the_same() from error
    rows[lost] = values
    if _digest(rows) != digest:
        raise _not_the_same()
    return rows.astype(dtype)


Shard = tuple[slice, np.ndarray | None, int]


def _shards(flow: AbstractDistribution, n: int, conditions: np.ndarray | None) -> Iterator[Shard]:
    """Slices of the rows with their conditions and their number, so many that laws of all numbers fit into memory."""
    blocks = max(SHARD_CELLS // max(int(np.prod(flow.event_shape)), 1) // BLOCK_ROWS, 1)
    for start in range(0, max(n, 1), blocks * BLOCK_ROWS):
        rows = slice(start, min(start + blocks * BLOCK_ROWS, n))
        yield rows, None if conditions is None else conditions[rows], rows.stop - rows.start


def _encoded(
    coder: Any, flow: AbstractDistribution, rows: np.ndarray, conditions: np.ndarray | None
) -> tuple[bytes, np.ndarray, list[np.ndarray]]:
    """Range-coded words, the rows that do not come back (written as zeros), and the numbers beside the words."""
    lost = np.zeros(0, np.int64)
    while True:
        writer, wrong = Writer(coder), []
        for part, given, count in _shards(flow, len(rows), conditions):
            writer.known = to_numbers(flow, rows[part], given)
            for leaf in writer.known:
                leaf[:, lost[(lost >= part.start) & (lost < part.stop)] - part.start] = 0
            back = walk(flow, given, count, writer)
            differs = np.any(back != rows[part], axis=tuple(range(1, rows.ndim)))
            wrong.append(part.start + np.flatnonzero(differs))
        again = np.union1d(lost, np.concatenate(wrong)).astype(np.int64)
        if len(again) == len(lost):
            return writer.encoder.get_compressed().astype("<u4").tobytes(), lost, writer.side
        lost = again


def _coder() -> Any:
    try:
        constriction: Any = importlib.import_module("constriction")
    except ImportError as error:
        raise PushforwardError(
            "compress: needs the package `constriction`, which is not installed.",
            "install the extra `compress`, or `pip install constriction`",
        ) from error
    return constriction.stream


def _check(flow: AbstractDistribution) -> None:
    check_codable(flow)
    if not flow.exact:
        raise PushforwardError("compress: the probabilities of this flow are bounds.", "use `idf` or `modulo`")


def _whole(flow: AbstractDistribution, x: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """The array as given, and its events `(rows, *event_shape)` in the flow's precision."""
    given = np.asarray(x)
    dtype = jnp.result_type(float)
    if given.dtype.kind not in "biuf" or np.any(given != np.floor(given)) or not np.all(np.isfinite(given)):
        raise DataError("compress: `x` must hold whole numbers.", "round them first, or fit a flow of real numbers")
    most = 2.0 / jnp.finfo(dtype).eps
    if given.size and (given.max() > most or given.min() < -most):
        raise DataError(
            f"compress: {dtype.name} holds whole numbers up to {most:.0f}, and `x` has larger ones.",
            "subtract an offset, or call `jax.config.update('jax_enable_x64', True)` and fit again",
        )
    as_batch("compress", "x", np.empty(given.shape, dtype), flow.event_shape)
    if given.dtype.itemsize > MOST_BYTES:
        raise DataError(f"compress: {given.dtype} cannot be named in the bytes.", "give integers, or float64")
    return given, given.astype(dtype).reshape(-1, *flow.event_shape)


def _conditions(flow: AbstractDistribution, condition: ArrayLike | None, n: int) -> np.ndarray | None:
    check_condition("compress", condition, flow.cond_shape)
    if condition is None or flow.cond_shape is None:
        return None
    rows = np.asarray(as_batch("compress", "condition", condition, flow.cond_shape)).reshape(-1, *flow.cond_shape)
    if len(rows) != n:
        raise DataError(f"compress: {n} rows need as many conditions, got {len(rows)}.", "give one for each row")
    return rows


def _int64(values: ArrayLike) -> np.ndarray:
    """Whole floats as integers; what is beyond them is 0, and its row does not come back."""
    values = np.asarray(values)
    return np.where(np.abs(values) < 2.0**62, values, 0.0).astype(np.int64)


def _digest(rows: np.ndarray) -> bytes:
    return hashlib.blake2b(_int64(rows).astype("<i8").tobytes(), digest_size=4).digest()


def _pack(parts: list[np.ndarray]) -> bytes:
    """Integers of as few bytes as hold them all, compressed where that is shorter; a byte says which."""
    values = np.concatenate(parts)
    if len(values) == 1:
        return b""
    size = next(size for size in SIZES if np.array_equal(values.astype(f"<i{size}"), values))
    raw = values.astype(f"<i{size}").tobytes()
    packed = zlib.compress(raw, 9)
    return bytes([size]) + raw if len(raw) <= len(packed) else bytes([size | COMPRESSED]) + packed


def _unpack(extra: bytes, flow: AbstractDistribution) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Indices of rows stored as they are, their values, and the numbers beyond the tables."""
    try:
        values = _integers(extra) if extra else np.zeros(1, np.int64)
        count = int(values[0])
        end = 1 + count + count * int(np.prod(flow.event_shape, dtype=int))
        return values[1 : 1 + count], values[1 + count : end].reshape(count, *flow.event_shape), values[end:]
    except (ValueError, IndexError, TypeError, zlib.error) as error:
        raise _not_the_same() from error


def _integers(extra: bytes) -> np.ndarray:
    raw = zlib.decompress(extra[1:]) if extra[0] & COMPRESSED else extra[1:]
    return np.frombuffer(raw, f"<i{extra[0] & ~COMPRESSED}").astype(np.int64)


def _take_apart(data: bytes) -> tuple[np.dtype, int, bytes, bytes, np.ndarray]:
    if len(data) < HEADER.size or data[: len(MAGIC)] != MAGIC:
        raise FileError("decompress: these bytes are not from `compress`.", "give what `io.compress` returned")
    _, checksum, dtype, n, digest, size = HEADER.unpack_from(data)
    if checksum != zlib.crc32(data[CHECKED_FROM:]):
        raise FileError("decompress: the bytes are cut off or damaged.", "compress the data again")
    extra, words = data[HEADER.size : HEADER.size + size], data[HEADER.size + size :]
    return np.dtype(dtype.decode()), n, digest, extra, np.frombuffer(words, "<u4")


def _not_the_same() -> FileError:
    return FileError(
        "decompress: the numbers do not come back as they were.",
        "use the very flow (and conditions) that compressed them, on a machine that rounds alike",
    )
