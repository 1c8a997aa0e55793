"""Kinds of data: one folder each says how it is read, learned, scored, drawn and told.

Commands and estimators name no kind of data; they ask the modality of the source or of the model file. A kind of your
own is a class on `Modality` and a call of `register`; see docs/extending.md.
"""

import importlib
from typing import TYPE_CHECKING, Any

from pushforward.modalities._base import Modality
from pushforward.modalities._options import Number, OneOf, Option
from pushforward.modalities._registry import modalities, modality_named, modality_of, register
from pushforward.modalities._told import Figure, Lesson, Told

if TYPE_CHECKING:
    from pushforward.modalities._learn import Prepared
    from pushforward.modalities._model import Model, read_model, write_model

_HEAVY = {"Model": "_model", "Prepared": "_learn", "read_model": "_model", "write_model": "_model"}
"""Names that need JAX, imported when they are used, so that a command's help does not wait for it."""

__all__ = [
    "Figure",
    "Lesson",
    "Modality",
    "Model",
    "Number",
    "OneOf",
    "Option",
    "Prepared",
    "Told",
    "modalities",
    "modality_named",
    "modality_of",
    "read_model",
    "register",
    "write_model",
]


def __getattr__(name: str) -> Any:
    if name in _HEAVY:
        return getattr(importlib.import_module(f"pushforward.modalities.{_HEAVY[name]}"), name)
    raise AttributeError(f"module 'pushforward.modalities' has no attribute {name!r}")
