"""Networks of other libraries, written for one event, as parts of a flow."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array

from pushforward._params import static
from pushforward._types import Shape
from pushforward.nets._activations import function_name
from pushforward.nets._conditioner import AbstractConditioner


@jax.tree_util.register_static
class Held:
    """A function, a plain value or a constant array that stands where a tree has a leaf; it is no leaf itself."""

    def __init__(self, value: Any):
        self.value = value

    def __hash__(self) -> int:
        return hash(_comparable(self.value))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Held) and _comparable(self.value) == _comparable(other.value)

    def __repr__(self) -> str:
        return f"Held({function_name(self.value) or self.value!r})"


def _comparable(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype.str, value.tobytes()
    return type(value), value


class PerEvent(AbstractConditioner):
    """An Equinox module that takes one event, as a network on many: the one place where it is put under `jax.vmap`.

    Its floating-point arrays are trained; arrays of whole numbers and of bool, such as masks, are constants.

    The module is called with the event alone, `module(x)`. If there is a condition, it stands behind the numbers of an
    event that is a vector, in one vector, as an `equinox.nn.MLP` wants it; of an event that is an image it is the
    second argument, `module(x, condition)`.

    Args:
        module: Any `equinox.Module` that can be called. It may hold functions that a file can name (`FUNCTIONS`), or
            modules of your own in their place.
        in_shape: Of one event.
        out_shape: Of the output for one event; an output of that size is reshaped to it.
        cond_dim: Size or shape of the condition, or None.

    Raises:
        TypeError: If `module` is no Equinox module that can be called.
        ValueError: If it holds what a file cannot, such as a function without a name.

    Example:
        >>> import equinox as eqx
        >>> net = PerEvent(eqx.nn.MLP(2, 6, width_size=8, depth=1, key=key), (2,), (3, 2))
        >>> net(jnp.ones((2, 10))).shape
        (3, 2, 10)
    """

    module: Any
    in_shape: Shape = static()
    out_shape: Shape = static()
    cond_dim: int | Shape | None = static()

    def __init__(self, module: eqx.Module, in_shape: Shape, out_shape: Shape, *, cond_dim: int | Shape | None = None):
        if not isinstance(module, eqx.Module) or not callable(module):
            raise TypeError(
                f"PerEvent: a network is an Equinox module that can be called, got {_described(module)}. "
                "Write a subclass of `equinox.Module` with a `__call__`."
            )
        self.module = jax.tree_util.tree_map_with_path(_as_held, module)
        self.in_shape, self.out_shape, self.cond_dim = tuple(in_shape), tuple(out_shape), cond_dim

    def __call__(self, x: Array, condition: Array | None = None) -> Array:
        module = self.as_given()

        def one(x: Array, condition: Array | None) -> Array:
            if condition is None or self.cond_dim is None:
                return module(x)
            return module(jnp.concatenate([x, condition])) if x.ndim == condition.ndim == 1 else module(x, condition)

        return jax.vmap(lambda *given: one(*given).reshape(self.out_shape), in_axes=-1, out_axes=-1)(x, condition)

    def as_given(self) -> Any:
        """The module as it was given, with the present weights."""
        return jax.tree.map(
            lambda leaf: leaf.value if isinstance(leaf, Held) else leaf,
            self.module,
            is_leaf=lambda x: isinstance(x, Held),
        )


def _as_held(path: Any, leaf: Any) -> Any:
    """A float array as it is, other leaves where no transformation sees them."""
    where = jax.tree_util.keystr(path).lstrip(".")
    if isinstance(leaf, jax.Array | np.ndarray):
        if jnp.issubdtype(leaf.dtype, jnp.floating):
            return jnp.asarray(leaf)
        if isinstance(leaf, Tracer) or leaf.dtype.kind not in "biu":
            raise ValueError(
                f"PerEvent: `{where}` is an array of {leaf.dtype}; the trained arrays of a flow are floats, and whole "
                "numbers and masks are constants, which must be known: make them by NumPy."
            )
        return Held(np.asarray(leaf))
    if isinstance(leaf, bool | int | float | str) or function_name(leaf) is not None:
        return Held(leaf)
    raise ValueError(
        f"PerEvent: `{where}` is {_described(leaf)}, which a file could not hold. Known are functions of JAX such as "
        "`jax.nn.relu` (see `nets.FUNCTIONS`); write any other as an `equinox.Module` with a `__call__`."
    )


def _described(value: Any) -> str:
    return f"the function `{value.__name__}`" if hasattr(value, "__name__") else f"a {type(value).__name__}"
