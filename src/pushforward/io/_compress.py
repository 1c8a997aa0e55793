"""Whole numbers as bytes, as few as their probabilities under a flow allow, and back."""

import hashlib
import importlib
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike

from pushforward._errors import DataError, FileError, PushforwardError, as_batch, check_condition
from pushforward.distributions import AbstractCountable, AbstractDistribution, Embedded, MassTable, Transformed

MAGIC = b"PFZ1"
HEADER = struct.Struct("<4sI2sQ8sI")
"""Magic, checksum of what follows, dtype, rows, digest of the numbers, length of the part that is not range-coded."""
CHECKED_FROM = 8

BLOCK_ROWS = 256
"""Rows in one call, for both directions: another batch shape could round a network's output the other way."""

PRECISION = 2**24
"""Probabilities are multiples of one over this, as the coder has them."""


def compress(flow: AbstractDistribution, x: ArrayLike, condition: ArrayLike | None = None) -> bytes:
    """Whole numbers in about `-log2 P(x)` bits, by the probabilities of a flow; `decompress` gives them back exactly.

    Events go through the flow to its base, whose independent numbers a range coder turns into bytes. What was written
    is decoded once to see that it comes back; rows that do not, such as those of probability 0, are stored as they are.

    The bytes belong to this flow, to the last bit of its weights: save it with `pushforward.save`. A machine that
    rounds a network's output otherwise cannot read them; `decompress` then fails, and never gives wrong numbers.

    Args:
        flow: From `idf` or `modulo`, or any `Transformed` whose base is an `AbstractCountable`.
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
    base = _base_of(flow)
    given, rows = _whole(flow, x)
    conditions = _conditions(flow, condition, len(rows))
    numbers = np.concatenate([_int64(_to_numbers(flow, *block)) for block in _blocks(rows, conditions)], axis=1)
    numbers = numbers[:, : len(rows)]
    back = _restored(flow, numbers, conditions)
    lost = np.flatnonzero(np.any(back != rows, axis=tuple(range(1, rows.ndim))))
    numbers[:, lost] = 0
    encoder, escaped = coder.queue.RangeEncoder(), []
    for column, table in zip(numbers, base.tables(), strict=True):
        symbols = _symbols(column, table)
        escaped.append(column[symbols == len(table.probabilities)])
        encoder.encode(symbols, _model(coder, table))
    extra = _pack([np.array([len(lost)]), lost, _int64(rows[lost]).reshape(-1), *escaped])
    words = encoder.get_compressed().astype("<u4").tobytes()
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
    base = _base_of(flow)
    dtype, n, digest, extra, words = _take_apart(data)
    conditions = _conditions(flow, condition, n)
    lost, values, escaped = _unpack(extra, flow)
    try:
        decoder = coder.queue.RangeDecoder(words)
        columns = [decoder.decode(_model(coder, table), n) + np.int64(table.low) for table in base.tables()]
    except (AssertionError, ValueError, OverflowError) as error:
        raise _not_the_same() from error
    numbers, start = np.stack(columns), 0
    for column, table in zip(numbers, base.tables(), strict=True):
        beyond = np.flatnonzero(column - table.low == len(table.probabilities))
        if start + len(beyond) > len(escaped):
            raise _not_the_same()
        column[beyond] = escaped[start : start + len(beyond)]
        start += len(beyond)
    rows = _restored(flow, numbers, conditions)
    rows[lost] = values
    if _digest(rows) != digest:
        raise _not_the_same()
    return rows.astype(dtype)


def _coder() -> Any:
    try:
        constriction: Any = importlib.import_module("constriction")
    except ImportError as error:
        raise PushforwardError(
            "compress: needs the package `constriction`, which is not installed.",
            "install it with `pip install 'pushforward[compress]'`",
        ) from error
    return constriction.stream


def _base_of(flow: AbstractDistribution) -> AbstractCountable:
    base = flow
    while not isinstance(base, AbstractCountable):
        if isinstance(base, Transformed):
            base = base.base
        elif isinstance(base, Embedded):
            base = base.distribution
        else:
            raise PushforwardError(
                f"compress: needs a flow over whole numbers, and the base of this one is a {type(base).__name__}.",
                "fit one by `idf`, or by `modulo` for categories",
            )
    if not flow.exact:
        raise PushforwardError("compress: the probabilities of this flow are bounds.", "use `idf` or `modulo`")
    return base


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
    return given, given.astype(dtype).reshape(-1, *flow.event_shape)


def _conditions(flow: AbstractDistribution, condition: ArrayLike | None, n: int) -> np.ndarray | None:
    check_condition("compress", condition, flow.cond_shape)
    if condition is None or flow.cond_shape is None:
        return None
    rows = np.asarray(as_batch("compress", "condition", condition, flow.cond_shape)).reshape(-1, *flow.cond_shape)
    if len(rows) != n:
        raise DataError(f"compress: {n} rows need as many conditions, got {len(rows)}.", "give one for each row")
    return rows


Block = tuple[Array, Array | None]


def _blocks(rows: np.ndarray, conditions: np.ndarray | None) -> Iterator[Block]:
    """Blocks of `BLOCK_ROWS` along the last axis; the last one is filled up with zeros. At least one."""
    for start in range(0, max(len(rows), 1), BLOCK_ROWS):
        yield _block(rows, start), None if conditions is None else _block(conditions, start)


def _block(rows: np.ndarray, start: int) -> Array:
    part = rows[start : start + BLOCK_ROWS]
    filled = np.zeros((BLOCK_ROWS, *rows.shape[1:]), rows.dtype)
    filled[: len(part)] = part
    return jnp.moveaxis(jnp.asarray(filled), 0, -1)


def _restored(flow: AbstractDistribution, numbers: np.ndarray, conditions: np.ndarray | None) -> np.ndarray:
    """Events `(rows, *event_shape)` from the base's numbers `(count, rows)`."""
    rows = numbers.T.astype(jnp.result_type(float))
    blocks = [np.moveaxis(np.asarray(_from_numbers(flow, *block)), -1, 0) for block in _blocks(rows, conditions)]
    return np.concatenate(blocks)[: len(rows)]


@jax.jit
def _to_numbers(flow: AbstractDistribution, x: Array, condition: Array | None) -> Array:
    if isinstance(flow, Embedded):
        return _to_numbers(flow.distribution, x, flow._embed(condition))
    if isinstance(flow, Transformed):
        return _to_numbers(flow.base, flow.bijection._inverse_many(x, condition, None)[0], condition)
    assert isinstance(flow, AbstractCountable)  # checked at the public edge
    return flow.to_numbers(x)


@jax.jit
def _from_numbers(flow: AbstractDistribution, numbers: Array, condition: Array | None) -> Array:
    if isinstance(flow, Embedded):
        return _from_numbers(flow.distribution, numbers, flow._embed(condition))
    if isinstance(flow, Transformed):
        z = _from_numbers(flow.base, numbers, condition)
        return flow.bijection._forward_many(z, condition, None)[0]
    assert isinstance(flow, AbstractCountable)  # checked at the public edge
    return flow.from_numbers(numbers)


def _int64(values: ArrayLike) -> np.ndarray:
    """Whole floats as integers; what is beyond them is 0, and its row does not come back."""
    values = np.asarray(values)
    return np.where(np.abs(values) < 2.0**62, values, 0.0).astype(np.int64)


def _symbols(column: np.ndarray, table: MassTable) -> np.ndarray:
    """Places in the table; one behind its end for numbers that are not in it."""
    places = column - table.low
    outside = (places < 0) | (places >= len(table.probabilities))
    return np.where(outside, len(table.probabilities), places).astype(np.int32)


def _model(coder: Any, table: MassTable) -> Any:
    """The coder's model of a table and an escape, from probabilities that are whole multiples of 1 / PRECISION."""
    counts = np.floor(table.probabilities * PRECISION)
    escape = max(PRECISION - counts.sum(), 1.0)
    return coder.model.Categorical(np.append(counts, escape) / PRECISION, perfect=False)


def _digest(rows: np.ndarray) -> bytes:
    return hashlib.blake2b(_int64(rows).astype("<i8").tobytes(), digest_size=8).digest()


def _pack(parts: list[np.ndarray]) -> bytes:
    values = np.concatenate(parts).astype("<i8")
    return zlib.compress(values.tobytes(), 9) if len(values) > 1 else b""


def _unpack(extra: bytes, flow: AbstractDistribution) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Indices of rows stored as they are, their values, and the numbers beyond the tables."""
    try:
        values = np.frombuffer(zlib.decompress(extra), "<i8") if extra else np.zeros(1, np.int64)
        count = int(values[0])
        end = 1 + count + count * int(np.prod(flow.event_shape, dtype=int))
        return values[1 : 1 + count], values[1 + count : end].reshape(count, *flow.event_shape), values[end:]
    except (ValueError, IndexError) as error:
        raise _not_the_same() from error


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
