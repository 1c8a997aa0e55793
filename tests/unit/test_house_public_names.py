"""Every public name is there, says what it is, and is annotated."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import pytest

import pushforward

PACKAGES = ["pushforward"] + [
    f"pushforward.{module.name}" for module in pkgutil.iter_modules(pushforward.__path__) if module.name[0] != "_"
]
pytestmark = pytest.mark.parametrize("package", PACKAGES)


def public(package: str) -> Iterator[tuple[str, object]]:
    module = importlib.import_module(package)
    for name in module.__all__:
        yield f"{package}.{name}", getattr(module, name)


def described(package: str) -> Iterator[tuple[str, object]]:
    """Public classes and functions, and the public methods that a class writes itself."""
    for name, value in public(package):
        if inspect.isclass(value):
            yield name, value
            yield from ((f"{name}.{method}", function) for method, function in _methods(value))
        elif inspect.isfunction(value):
            yield name, value


def _methods(cls: type) -> Iterator[tuple[str, object]]:
    for name, value in vars(cls).items():
        function = inspect.unwrap(value) if inspect.isfunction(value) else getattr(value, "__func__", None)
        if not name.startswith("_") and inspect.isfunction(function) and function.__module__.startswith("pushforward"):
            yield name, function


def _says_what_it_is(name: str, value: object) -> bool:
    if inspect.isclass(value):
        # A dataclass without a docstring gets its signature as one.
        return bool(value.__doc__) and not value.__doc__.startswith(f"{value.__name__}(") and "__doc__" in vars(value)
    return bool(inspect.getdoc(value)) or _is_documented_above(name)


def _is_documented_above(name: str) -> bool:
    """Whether a method is described by the class that it overrides."""
    package, cls, method = name.rsplit(".", 2)
    owner = getattr(importlib.import_module(package), cls, None) if package.startswith("pushforward") else None
    return inspect.isclass(owner) and any(inspect.getdoc(getattr(base, method, None)) for base in owner.__mro__[1:-1])


def _is_annotated(value: object) -> bool:
    if inspect.isclass(value):
        return True
    parameters = inspect.signature(value).parameters.values()
    bare = [p for p in parameters if p.annotation is p.empty and p.name not in {"self", "cls"}]
    return not bare and inspect.signature(value).return_annotation is not inspect.Signature.empty


def test_a_package_lists_its_names_once_and_each_exists(package: str):
    module: ModuleType = importlib.import_module(package)
    assert len(set(module.__all__)) == len(module.__all__)
    assert not [name for name in module.__all__ if not hasattr(module, name)]


def test_a_package_says_what_it_is_for(package: str):
    assert importlib.import_module(package).__doc__


def test_every_public_name_says_what_it_is(package: str):
    assert not [name for name, value in described(package) if not _says_what_it_is(name, value)]


def test_every_public_function_is_annotated(package: str):
    assert not [name for name, value in described(package) if not _is_annotated(value)]


def test_no_public_function_takes_anything_by_name(package: str):
    """`**kwargs` hides a misspelt option."""
    hidden = inspect.Parameter.VAR_KEYWORD
    functions = [(name, value) for name, value in described(package) if not inspect.isclass(value)]
    assert not [n for n, f in functions if any(p.kind is hidden for p in inspect.signature(f).parameters.values())]
