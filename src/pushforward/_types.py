"""Names for shapes and kinds, and the root class of everything that a flow is made of."""

from collections.abc import Callable
from typing import Any, Literal

import equinox as eqx

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
    import the module that defines it before loading.
    """

    @classmethod
    def part_name(cls) -> str:
        """The name in files: private modules of this package are left out so that they may be moved."""
        package = "pushforward" if cls.__module__.split(".")[0] == "pushforward" else cls.__module__
        return f"{package}.{cls.__qualname__}"


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
