"""A user's function as plain data: what `jax.jit` compiles in must have a hash, and not every callable has one."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

import jax

F = TypeVar("F", bound=Callable[..., Any])

_JITTED = type(jax.jit(lambda: None))


class Held:
    """A callable without a hash, such as a method of a flow, an `equinox.Partial` or a data class; or a flow itself.

    Two are equal if they hold the very same arrays in the same places, as `flow.log_prob` and `flow.log_prob` do, so
    that nothing is compiled twice. Whatever can be changed in place is equal to nothing but itself.
    """

    def __init__(self, function: Any):
        self.function = function
        self._arrays, self._rest = _taken_apart(function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def __eq__(self, other: object) -> bool:
        if self is other or not isinstance(other, Held) or self._rest is None:
            return self is other
        same = len(self._arrays) == len(other._arrays) and self._rest == other._rest
        return same and all(a is b for a, b in zip(self._arrays, other._arrays, strict=True))

    def __hash__(self) -> int:
        return id(self) if self._rest is None else hash((self._rest, *map(id, self._arrays)))


def hashable(function: F) -> F:
    """The function itself if it has a hash, else one that does the same and has one."""
    inner = inspect.unwrap(function, stop=lambda one: not isinstance(one, _JITTED))
    # `jax.jit` takes a callable without a hash, but fails when it is called.
    given: Any = function if _has_hash(inner) else inner
    # What holds arrays may have a hash, but as a module's static field it should hold none.
    plain = _has_hash(given) and not any(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(given))
    return cast(F, given if plain else Held(given))


def held(function: Any) -> Any:
    """What the user gave: the inverse of `hashable`."""
    return function.function if isinstance(function, Held) else function


def name_of(function: Any) -> str:
    """The name of a function, or of the class of a callable that has none (a `functools.partial`, a module)."""
    function = held(function)
    return getattr(function, "__qualname__", type(function).__qualname__)


def _taken_apart(function: Any) -> tuple[list[jax.Array], Any]:
    """The arrays of a callable and all else, which has a hash; None for the latter if it has none."""
    leaves, structure = jax.tree.flatten(function)
    arrays = [leaf for leaf in leaves if isinstance(leaf, jax.Array)]
    rest = structure, tuple(None if isinstance(leaf, jax.Array) else leaf for leaf in leaves)
    return (arrays, rest) if _has_hash(rest) else ([], None)


def _has_hash(value: Any) -> bool:
    try:
        hash(value)
    except (TypeError, ValueError):
        return False
    return True
