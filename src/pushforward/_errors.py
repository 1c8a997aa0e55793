"""Errors that a user meets: what was given, what was wanted, what to do."""

import difflib
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from pushforward._types import Shape


class PushforwardError(Exception):
    """A failure with a one-line message and a one-line hint; the command line prints both and exits with 1."""

    hint: str

    def __init__(self, message: str, hint: str = ""):
        super().__init__(message if not hint else f"{message}\nhint: {hint}")
        self.message = message
        self.hint = hint


class DataError(PushforwardError, ValueError):
    """The data cannot be used as it is: a text column, a NaN, too few rows."""


class ColumnError(DataError):
    """Some columns cannot be used as they are; the others may be."""

    def __init__(self, message: str, hint: str, columns: Iterable[str], parts: Sequence[DataError] = ()):
        DataError.__init__(self, message, hint)
        self.columns = tuple(columns)
        self.parts = tuple(parts) or (self,)


def together(problems: Sequence[DataError]) -> DataError:
    """All problems in one error, numbered; one alone is itself."""
    parts = [part for problem in problems for part in getattr(problem, "parts", (problem,))]
    if len(parts) == 1:
        return parts[0]
    columns = dict.fromkeys(name for part in parts if isinstance(part, ColumnError) for name in part.columns)

    def numbered(texts: Iterable[str]) -> str:
        return " ".join(f"({i}) {text}" for i, text in enumerate(texts, start=1) if text)

    message = f"{len(parts)} problems: {numbered(part.message for part in parts)}"
    return ColumnError(message, numbered(part.hint for part in parts), columns, parts)


def shell_names(names: Sequence[str], *, limit: int = 3) -> str:
    """Names as `--drop` takes them in a shell: `a,b`, `'my a,b'`; with `...` behind the first three."""
    marked = ['"' + name.replace('"', '""') + '"' if set(name) & set(',"') else name for name in names[:limit]]
    return shlex.quote(",".join(marked)) + ",..." * (len(names) > limit)


@contextmanager
def told_together(problems: list[DataError]) -> Iterator[None]:
    """Adds to `problems` the error that ends a block, and goes on."""
    try:
        yield
    except DataError as error:
        problems.append(error)


class UsageError(PushforwardError, ValueError):
    """A call that cannot be right, whatever the data; the command line exits with 2."""


class NoFormulaError(PushforwardError, NotImplementedError):
    """A mean, a quantile or another number of a distribution that no formula gives; the hint says how to sample it."""


class FileError(PushforwardError, OSError):
    """A model file cannot be read or written."""


class TrainingError(PushforwardError, RuntimeError):
    """Training cannot go on."""


def did_you_mean(given: object, legal: Iterable[str]) -> str:
    """` Did you mean 'x'?` for the nearest legal name, else the list of names."""
    legal = list(legal)
    near = difflib.get_close_matches(str(given).lower(), legal, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(legal)}"


def memory_wanted(error: BaseException) -> str | None:
    """None unless the error tells of memory that is used up; then how much more was wanted, or '' if it is not said."""
    text = str(error)
    if not isinstance(error, MemoryError) and "RESOURCE_EXHAUSTED" not in text:
        return None
    found = re.search(r"([\d.]+) ?([KMGT]?i?B|bytes)", text)
    if found is None:
        return ""
    return f"{float(found[1]) / 2**30:.2f} GiB" if found[2] == "bytes" else f"{found[1]} {found[2]}"


def violated(holds: ArrayLike) -> bool:
    """Whether a check on values fails somewhere; never while tracing, when values are not known."""
    return not isinstance(holds, Tracer) and not np.asarray(holds).all()


def check_positive(name: str, argument: str, value: Array, *, hint: str = "") -> None:
    """A ValueError for numbers that are not positive and finite, or that their precision does not hold."""
    if isinstance(value, Tracer):
        return
    # In NumPy: each new operation of JAX on arrays is a program to compile, of 20 ms. NumPy does not flush to zero.
    known, limits = np.asarray(value), jnp.finfo(value.dtype)
    if violated((known >= limits.tiny) & np.isfinite(known)):
        raise ValueError(
            f"{name}: `{argument}` must be positive, got {value}; {value.dtype} holds {float(limits.tiny):.2g} to "
            f"{float(limits.max):.2g}.{hint}"
        )


def as_event(name: str, argument: str, value: ArrayLike, shape: Shape) -> Array:
    """`value` as a float array of exactly `shape`, or a ValueError that says what to do."""
    array = as_float(value)
    if array.shape != shape:
        raise ValueError(
            f"{name}: `{argument}` must have shape {shape}, got {array.shape}. "
            "Bijections act on one event; use `jax.vmap` for a batch."
        )
    return array


def as_batch(name: str, argument: str, value: ArrayLike, event_shape: Shape) -> Array:
    """`value` as a float array whose last axes are `event_shape`, or a ValueError."""
    array = as_float(value)
    batch_ndim = array.ndim - len(event_shape)
    if batch_ndim < 0 or array.shape[batch_ndim:] != event_shape:
        raise ValueError(
            f"{name}: the last axes of `{argument}` must be {event_shape}, got shape {array.shape}. "
            "Put batch axes in front of the event."
        )
    return array


def check_condition(name: str, condition: ArrayLike | None, cond_shape: Shape | None) -> None:
    """A conditional map needs a condition, an unconditional one refuses it."""
    if cond_shape is None and condition is not None:
        raise ValueError(
            f"{name}: got a `condition`, but it is not conditional. "
            "Build it with `cond_dim=`, or leave `condition` out."
        )
    if cond_shape is not None and condition is None:
        raise ValueError(f"{name}: needs a `condition` of shape {cond_shape}, got None.")


def as_key(name: str, key: Any, call: str = "") -> PRNGKeyArray:
    """One key of JAX, or a ValueError that gives a `call` that works; an old key (`uint32`) is made a new one."""
    if isinstance(key, jax.Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key) and key.shape == ():
        return key
    if isinstance(key, jax.Array | np.ndarray) and key.dtype == np.uint32 and key.ndim == 1:
        return jax.random.wrap_key_data(jnp.asarray(key))
    seed = key if isinstance(key, int | np.integer) and not isinstance(key, bool) else 0
    call = call or f"key=jax.random.key({seed})"
    raise ValueError(f"{name}: `key` must be a key from `jax.random.key`, got {given(key)}. Write `{call}`.")


def as_seed(name: str, key: Any) -> PRNGKeyArray:
    """A key, or the key of a whole number, where nothing is learned from what is drawn (diagnostics, pictures)."""
    if isinstance(key, int | np.integer) and not isinstance(key, bool):
        return jax.random.key(int(key))
    return as_key(name, key, "key=0")


def is_key(value: Any) -> bool:
    """Whether it is a key from `jax.random.key`."""
    return isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key)


def given(value: Any) -> str:
    """What a user gave, in a few words."""
    if isinstance(value, bool | int | float | str | tuple | None) and len(repr(value)) < LONG:
        return repr(value)
    if isinstance(value, jax.Array | np.ndarray | np.generic):
        return f"an array of shape {value.shape} and type {value.dtype}"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    name = type(value).__name__
    return f"an {name}" if name[0] in "AEIOUaeiou" else f"a {name}"


LONG = 40  # characters


def as_shape(shape: Any) -> Shape:
    """A shape as a tuple; a TypeError for a number, which would be one of several things."""
    if not isinstance(shape, tuple | list):
        raise TypeError(f"A shape must be a tuple, such as `(2,)`, got {given(shape)}.")
    return tuple(shape)


def check_part(name: str, argument: str, value: Any, wanted: type, advice: str) -> None:
    """A part of a flow must be an instance of its kind; else a TypeError with advice."""
    if not isinstance(value, wanted):
        raise TypeError(f"{name}: `{argument}` must be a {_kind(wanted)}, got {given(value)}. {advice}")


def check_parts(name: str, parts: Any, more: tuple[Any, ...], wanted: type) -> tuple[Any, ...]:
    """What a constructor of many parts was given, as a tuple; else a TypeError that says that it takes a list."""
    kind = _kind(wanted)
    if more or isinstance(parts, wanted):
        raise TypeError(f"{name}: takes its {kind}s in a list. Write `{name}([first, second])`.")
    parts = tuple(parts)
    for i, part in enumerate(parts):
        if not isinstance(part, wanted):
            raise TypeError(f"{name}: part {i} must be a {kind}, got {given(part)}.")
    return parts


def _kind(wanted: type) -> str:
    return wanted.__name__.removeprefix("Abstract").lower()


def as_float(value: ArrayLike) -> Array:
    """An array in the precision that everything is computed in: float64 under `jax_enable_x64`, else float32.

    It is the widest that JAX then has, so that what parameters of another precision give fits it too.
    """
    return jnp.asarray(value).astype(jnp.result_type(float))
