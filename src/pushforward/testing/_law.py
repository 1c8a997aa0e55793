"""What a law finds, how the findings are told, and how laws are run."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import jax
import numpy as np

S = TypeVar("S")

ALIKE = 80
"""Errors whose texts begin with so many equal characters are one: further on are shapes and lines."""


class Failure(NamedTuple):
    """One law that does not hold.

    Attributes:
        where: The input at which it fails, or what was called.
        found: What came out.
        wanted: What the law asks for.
        cause: What usually causes it, and what to do.
        law: The law's name.
    """

    where: str
    found: str
    wanted: str
    cause: str
    law: str = ""

    def __str__(self) -> str:
        told = [("at", self.where), ("found", self.found), ("wanted", self.wanted), ("cause", self.cause)]
        return "\n".join([self.law, *(f"   {name:<7} {text}" for name, text in told if text)])


class LawError(AssertionError):
    """Some laws fail; the text tells each, and `failures` holds them.

    Attributes:
        name: What was checked.
        failures: Every law that failed.
        checked: Names of all laws that were run.
    """

    name: str
    failures: tuple[Failure, ...]
    checked: tuple[str, ...]

    def __init__(self, name: str, failures: Sequence[Failure], checked: Sequence[str]):
        told = [f"{number}. {failure}" for number, failure in enumerate(failures, 1)]
        laws = len({failure.law for failure in failures})
        super().__init__("\n\n".join([f"{name}: {laws} of {len(checked)} laws fail.", *told]))
        self.name, self.failures, self.checked = name, tuple(failures), tuple(checked)


Law = Callable[[S], Iterable[Failure]]
"""A law looks at a subject and tells what does not hold; its name is the fact."""


def law_name(law: Law) -> str:
    """The fact that a law states, in words."""
    return law.__name__.strip("_").replace("_", " ")


def failures_of(
    laws: Sequence[Law[S]], subject: S, needed: Law[S] | None = None
) -> tuple[list[Failure], tuple[str, ...]]:
    """All that fails, and the laws that were run: none behind the one `needed`, where that fails.

    An error is told once, by the first law that meets it.
    """
    found, checked, met = [], [], set()
    for law in laws:
        checked.append(law_name(law))
        before = len(found)
        try:
            found += [failure._replace(law=law_name(law)) for failure in law(subject)]
        except Exception as error:
            told = f"{type(error).__name__}: {_short(str(error))}"
            if told[:ALIKE] not in met:
                found.append(Failure("", told, "no error", _cause(error), law_name(law)))
            met.add(told[:ALIKE])
        if law is needed and len(found) > before:
            break
    return found, tuple(checked)


def raise_failures(name: str, failures: Sequence[Failure], checked: Sequence[str]) -> None:
    """Raise the error that tells all failures, if there is any."""
    if failures:
        raise LawError(name, failures, checked)


def worst(
    found: np.ndarray, wanted: np.ndarray, tolerance: float | np.ndarray, where: Callable[[int], str], cause: str
) -> Iterator[Failure]:
    """The event that is furthest off, if one is by more than `tolerance` times 1 + |wanted|; NaN is furthest of all.

    Args:
        found: `(n, ...)`.
        wanted: The same shape.
        tolerance: One number, or what broadcasts against `found`.
        where: Names an event by its number.
        cause: See `Failure`.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        share = np.abs(found - wanted) / (1.0 + np.abs(wanted)) / tolerance
    share = np.where((found == wanted) | np.isinf(tolerance), 0.0, share)
    share = np.where(np.isnan(share), np.inf, share).reshape(len(found), -1)
    if not share.size or share.max() < 1.0:
        return
    event, entry = np.unravel_index(int(np.argmax(share)), share.shape)
    allowed = np.broadcast_to(tolerance, found.shape).reshape(len(found), -1)[event, entry]
    value, right = found.reshape(len(found), -1)[event, entry], wanted.reshape(len(found), -1)[event, entry]
    yield Failure(where(int(event)), f"{value:.10g}", f"{right:.10g}, to {allowed:.1g} of 1 + its size", cause)


def listed(value: np.ndarray) -> str:
    """An event in words; long ones by their beginning."""
    flat = np.asarray(value).reshape(-1)
    numbers = ", ".join(f"{number:.6g}" for number in flat[:6])
    return f"[{numbers}{', ...' if len(flat) > 6 else ''}]" if np.ndim(value) else f"{flat[0]:.6g}"


def _short(text: str) -> str:
    """The beginning of a message: JAX's go on for a page."""
    return " ".join(text.split())[:400]


def _cause(error: Exception) -> str:
    if isinstance(error, jax.errors.ConcretizationTypeError | jax.errors.TracerArrayConversionError):
        return (
            "Python's `if`, `float` or NumPy looks at a value that `jax.jit`, `jax.vmap` or `jax.grad` has not "
            "computed yet: use `jnp`, and `jnp.where` in place of `if`."
        )
    return "The class raises this itself where the law runs it."
