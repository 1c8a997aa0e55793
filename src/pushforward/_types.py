"""Names for shapes and kinds, and the root class of everything that a flow is made of."""

import dataclasses
from collections.abc import Callable
from types import MethodType
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import equinox as eqx
import jax

Shape = tuple[int, ...]

Activation = str | Callable[..., Any]
"""The name of an activation, or the function of JAX of that name, such as `jax.nn.relu`."""

Kind = Literal["analytic", "sequential", "iterative", "estimated", "none"]
"""How a direction is computed: closed form, one coordinate after another, a solver, an estimator, not at all."""

KINDS: tuple[Kind, ...] = ("analytic", "sequential", "iterative", "estimated", "none")


def worst_kind(kinds: "list[Kind]") -> Kind:
    """The kind of a composition: that of its hardest part."""
    return max(kinds, key=KINDS.index) if kinds else "analytic"


class Part(eqx.Module):
    """An Equinox module that can be saved: every leaf is a float array, every other field is plain data.

    Subclasses are found by name when a file is loaded, so a class of your own can be saved like ours;
    import the module that defines it before loading. Plain data (a shape, a number of layers, a name) is a class
    variable, a property or a field `equinox.field(static=True)`.
    """

    if not TYPE_CHECKING:

        def __getattribute__(self, name: str, /) -> Any:
            """Methods for our own use as Python has them: of others Equinox makes a tree at each look, in 40 µs."""
            found = object.__getattribute__(self, name)
            is_method = isinstance(found, MethodType) and name[0] != "_"
            return super().__getattribute__(name) if is_method else found

    def __check_init__(self):
        for field in dataclasses.fields(self):
            if field.metadata.get("static", False):
                continue
            value = getattr(self, field.name)
            if any(isinstance(leaf, int | str) for leaf in jax.tree.leaves(value)):
                raise TypeError(
                    f"{type(self).__name__}: the field `{field.name}` holds plain data, {value!r}, which `jax.jit` "
                    f"would take for numbers. Declare it as `{field.name}: ... = equinox.field(static=True)`."
                )

    @classmethod
    def part_name(cls) -> str:
        """The name in files: private modules of this package are left out so that they may be moved."""
        package = "pushforward" if cls.__module__.split(".")[0] == "pushforward" else cls.__module__
        return f"{package}.{cls.__qualname__}"


_Method = TypeVar("_Method", bound=Callable[..., Any])


def of_parts(method: _Method) -> _Method:
    """Say of a `_data_init` that it sets nothing itself, but asks the parts of its module to."""
    method.__dict__["of_parts"] = True
    return method


def starts_from_data(part: Part) -> bool:
    """Whether something in a flow has parameters that a first batch sets."""
    kinds: set[type] = set()
    jax.tree.leaves(part, is_leaf=lambda node: bool(kinds.add(type(node))))
    return any(sets_itself(kind) for kind in kinds)


def sets_itself(kind: type) -> bool:
    """Whether parts of a kind have parameters of their own that a first batch sets."""
    method = getattr(kind, "_data_init", None)
    return method is not None and not getattr(method, "of_parts", False)


def part_classes() -> dict[str, type[Any]]:
    """All classes that a file may name, by name."""
    found: dict[str, type[Any]] = {}
    todo: list[type[Any]] = [Part]
    while todo:
        cls = todo.pop()
        # Newest first: a class that is defined again, as in a notebook, stands for the older one.
        found.setdefault(cls.part_name(), cls)
        todo.extend(cls.__subclasses__())
    return found
