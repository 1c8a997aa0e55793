"""Equinox modules that are no parts of ours, by the names that files give them."""

from typing import Any

import equinox as eqx

from pushforward._types import Part


def module_name(cls: type[Any]) -> str:
    """The name in files: private modules of Equinox are left out, so that it may move its files."""
    package = "equinox.nn" if cls.__module__.startswith("equinox.nn.") else cls.__module__
    return f"{package}.{cls.__qualname__}"


def module_classes() -> dict[str, type[Any]]:
    """All Equinox modules that were imported and are no parts, by name; a file can name no others."""
    found: dict[str, type[Any]] = {}
    todo: list[type[Any]] = [eqx.Module]
    while todo:
        cls = todo.pop()
        if cls is Part:
            continue
        # Newest first, as for parts: a class that is defined again stands for the older one.
        found.setdefault(module_name(cls), cls)
        todo.extend(cls.__subclasses__())
    return found
