"""In how many bits a network computes; its weights and what it gives keep theirs."""

from typing import TypeVar

import jax
import jax.numpy as jnp

T = TypeVar("T")

PRECISIONS = ("full", "bfloat16")
"""As its weights are, or with 8 bits of mantissa inside, half of the memory of float32."""


def check_precision(name: str, precision: str) -> None:
    """A ValueError for a precision that is not known."""
    if precision not in PRECISIONS:
        raise ValueError(f"{name}: `precision` must be one of {', '.join(PRECISIONS)}, got {precision!r}.")


def lowered(precision: str, tree: T) -> T:
    """All arrays as the inside of a network takes them."""
    return tree if precision == "full" else jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), tree)
