"""Which maps keep the answers of their base: those of each coordinate by itself, and affine ones."""

from collections.abc import Callable

from pushforward.bijections import (
    AbstractBijection,
    AbstractElementwise,
    AbstractSurjection,
    ActNorm,
    Chain,
    Concatenate,
    Conditioned,
    Identity,
    Inverse,
    Scan,
)
from pushforward.bijections._shape import AbstractRearrangement
from pushforward.bijections.elementwise._affine import AbstractStretch
from pushforward.bijections.linear._linear import AbstractLinear


def acts_by_coordinate(bijection: AbstractBijection) -> bool:
    """Whether every coordinate stays in its place and is moved by a monotone map, given the condition."""
    if isinstance(bijection, Conditioned):
        return acts_by_coordinate(bijection.inner)
    return _all(bijection, acts_by_coordinate) or isinstance(bijection, AbstractElementwise | Identity | ActNorm)


def is_stretch(bijection: AbstractBijection) -> bool:
    """Whether it is $y_i = s_i x_i + t_i$, with numbers that no condition changes."""
    return _all(bijection, is_stretch) or isinstance(bijection, AbstractStretch | Identity | ActNorm)


def is_affine(bijection: AbstractBijection) -> bool:
    """Whether it is $y = Ax + b$, with numbers that no condition changes."""
    known = AbstractStretch | AbstractRearrangement | AbstractLinear | ActNorm
    return _all(bijection, is_affine) or isinstance(bijection, known)


def is_monotone(bijection: AbstractBijection) -> bool:
    """Whether it takes a single number to a single number."""
    return bijection.exact and not any(isinstance(part, AbstractSurjection) for part in _parts(bijection))


def _all(bijection: AbstractBijection, holds: Callable[[AbstractBijection], bool]) -> bool:
    parts = _parts(bijection)
    return parts != (bijection,) and all(holds(part) for part in parts)


def _parts(bijection: AbstractBijection) -> tuple[AbstractBijection, ...]:
    if isinstance(bijection, Chain | Concatenate):
        return bijection.bijections
    if isinstance(bijection, Scan):
        return tuple(bijection.layers())
    return (bijection.bijection,) if isinstance(bijection, Inverse) else (bijection,)
