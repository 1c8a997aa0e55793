"""Kinds of data: one folder each says how it is read, learned, scored, drawn and told.

Commands and estimators name no kind of data; they ask the modality of the source or of the model file. A kind of your
own is a class on `Modality` and a call of `register`; see docs/extending.md.
"""

from pushforward.modalities._base import Figure, Modality, Told
from pushforward.modalities._options import Number, OneOf, Option
from pushforward.modalities._registry import modalities, modality_named, modality_of, register

__all__ = [
    "Figure",
    "Modality",
    "Number",
    "OneOf",
    "Option",
    "Told",
    "modalities",
    "modality_named",
    "modality_of",
    "register",
]
