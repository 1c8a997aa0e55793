"""A part as arrays by path and a JSON tree of class names and plain fields, and back."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from pushforward._errors import FileError
from pushforward._types import Part, part_classes
from pushforward.io._container import UPGRADE
from pushforward.io._modules import module_classes, module_name
from pushforward.io._plain import decode_scalar, encode_scalar
from pushforward.nets import FUNCTIONS
from pushforward.nets._activations import function_name
from pushforward.nets._per_event import Held

_PART, _FIELDS, _ARRAY = "part", "fields", "array"
_MODULE, _HELD, _FUNCTION, _LIST, _DICT = "module", "held", "function", "list", "dict"


def take_apart(part: Part) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """`(structure, arrays)` of a part.

    In the structure a part is `{"part": name, "fields": {...}}`, an array `{"array": path}`, a tuple a list, and
    other values are themselves. Inside of a network of another library, an Equinox module is `{"module": name,
    "fields": {...}}`, a function `{"function": name}`, what is no leaf `{"held": value}`, and there are lists and
    dictionaries, `{"list": [...]}` and `{"dict": [[key, value], ...]}`.

    Raises:
        FileError: If a field holds what a part may not hold, such as a function.
    """
    arrays: dict[str, np.ndarray] = {}
    return _encode(part, (), arrays), arrays


def put_together(structure: Any, arrays: dict[str, np.ndarray], source: str) -> Any:
    """The part that `take_apart` took apart; `source` is the file's name for messages. No `__init__` is run.

    Raises:
        FileError: If a class is not known or has other fields now, or if an array needs 64 bits and they are off.
    """
    return _Reader(arrays, source, part_classes(), module_classes()).value(structure)


def _encode(value: Any, path: tuple[str, ...], arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, Part):
        fields = {f.name: _encode(getattr(value, f.name), (*path, f.name), arrays) for f in dataclasses.fields(value)}
        return {_PART: type(value).part_name(), _FIELDS: fields}
    if isinstance(value, jax.Array | np.ndarray):
        name = ".".join(path)
        arrays[name] = np.asarray(value)
        return {_ARRAY: name}
    if type(value) is tuple:
        return [_encode(item, (*path, str(i)), arrays) for i, item in enumerate(value)]
    if isinstance(value, eqx.Module):
        return _encode_module(value, path, arrays)
    try:
        return encode_scalar(value)
    except TypeError as error:
        raise FileError(
            f"`{'.'.join(path)}` is of type {type(value).__name__}, which a file cannot hold.",
            "fields of a part are arrays, parts, None, bool, int, float, text, and tuples of these",
        ) from error


def _encode_module(module: eqx.Module, path: tuple[str, ...], arrays: dict[str, np.ndarray]) -> Any:
    """A module of another library, whose fields may hold more than those of a part."""

    def encode(value: Any, path: tuple[str, ...]) -> Any:
        if isinstance(value, Held):
            return {_HELD: encode(value.value, path)}
        if function_name(value) is not None:
            return {_FUNCTION: function_name(value)}
        if isinstance(value, eqx.Module):
            # A default that `__init__` did not set belongs to the class, and is not in the tree.
            fields = {f.name: vars(value)[f.name] for f in dataclasses.fields(value) if f.name in vars(value)}
            return {
                _MODULE: module_name(type(value)),
                _FIELDS: {name: encode(item, (*path, name)) for name, item in fields.items()},
            }
        if type(value) in (tuple, list):
            items = [encode(item, (*path, str(i))) for i, item in enumerate(value)]
            return items if type(value) is tuple else {_LIST: items}
        if type(value) is dict:
            return {_DICT: [[_encode(k, path, {}), encode(item, (*path, str(k)))] for k, item in value.items()]}
        return _encode(value, path, arrays)

    return encode(module, path)


@dataclasses.dataclass(frozen=True)
class _Reader:
    arrays: dict[str, np.ndarray]
    source: str
    classes: dict[str, type[Any]]
    modules: dict[str, type[Any]]

    def value(self, node: Any) -> Any:
        if isinstance(node, list):
            return tuple(self.value(item) for item in node)
        if isinstance(node, dict) and _PART in node:
            return self.part(node[_PART], node[_FIELDS], self.classes)
        if isinstance(node, dict) and _MODULE in node:
            return self.part(node[_MODULE], node[_FIELDS], self.modules)
        if isinstance(node, dict) and _ARRAY in node:
            return self.array(node[_ARRAY])
        return self.foreign(node) if isinstance(node, dict) else decode_scalar(node)

    def foreign(self, node: dict[str, Any]) -> Any:
        """What a network of another library may hold beside arrays, modules and tuples."""
        if _HELD in node:
            value = node[_HELD]
            return Held(
                self.arrays[value[_ARRAY]] if isinstance(value, dict) and _ARRAY in value else self.value(value)
            )
        if _FUNCTION in node:
            return self.function(node[_FUNCTION])
        if _LIST in node:
            return [self.value(item) for item in node[_LIST]]
        if _DICT in node:
            return {self.value(key): self.value(item) for key, item in node[_DICT]}
        return decode_scalar(node)

    def function(self, name: str) -> Any:
        if name not in FUNCTIONS:
            raise FileError(
                f"{self.source}: the file holds the function `{name}`, which is not known here.",
                f"{UPGRADE}, and `pip install --upgrade jax`",
            )
        return FUNCTIONS[name]

    def part(self, name: str, nodes: dict[str, Any], known: dict[str, type[Any]]) -> Any:
        cls = known.get(name)
        if cls is None:
            raise FileError(f"{self.source}: the file holds a `{name}`, which is not known here.", _how_to_know(name))
        part = object.__new__(cls)
        for field, value in self.fields(cls, name, nodes).items():
            object.__setattr__(part, field, value)
        return part

    def fields(self, cls: type[Any], name: str, nodes: dict[str, Any]) -> dict[str, Any]:
        """Values of all fields of the class; one that is newer than the file gets its default."""
        legal = {f.name: f for f in dataclasses.fields(cls)}
        newer = {field: f.default for field, f in legal.items() if field not in nodes}
        wrong = [field for field in nodes if field not in legal]
        wrong += [field for field, default in newer.items() if default is dataclasses.MISSING]
        if wrong:
            raise FileError(
                f"{self.source}: `{name}` has changed since the file was saved, at `{', '.join(wrong)}`.",
                "install the version that wrote the file, or fit the model again",
            )
        # In the order of the class, so that a loaded part and a new one are laid out alike.
        own = [field for field in legal if field in nodes or issubclass(cls, Part)]
        return {field: self.value(nodes[field]) if field in nodes else newer[field] for field in own}

    def array(self, name: str) -> jax.Array:
        array = self.arrays[name]
        if jax.dtypes.canonicalize_dtype(array.dtype) != array.dtype:
            raise FileError(
                f"{self.source}: the flow has {array.dtype} numbers, and JAX runs with 32 bits here.",
                "call `jax.config.update('jax_enable_x64', True)` first, or set JAX_ENABLE_X64=1",
            )
        # A copy: JAX may otherwise share the file's buffer, which donation would write to.
        return jnp.array(array)


def _how_to_know(name: str) -> str:
    if name.startswith("pushforward."):
        return UPGRADE
    return f"import the module that defines `{name}` before loading"
