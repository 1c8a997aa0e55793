"""Scalar maps as templates: a network predicts what is added to their parameters."""

import math
from typing import TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from pushforward._errors import check_part
from pushforward._params import predicted_mask
from pushforward._types import Part
from pushforward.bijections._base import AbstractBijection

T = TypeVar("T", bound=Part)


def check_template(name: str, inner: AbstractBijection) -> None:
    """A template acts on scalars and is not conditional."""
    check_part(name, "inner", inner, AbstractBijection, f"Write `{name}(Affine(), dim, key=key)`.")
    if inner.in_shape != () or inner.out_shape != ():
        raise ValueError(
            f"{name}: `inner` must act on scalars (shape ()), got {inner.in_shape} -> {inner.out_shape}. "
            "Build it without a shape, e.g. `Affine()`."
        )
    if inner.cond_shape is not None:
        raise ValueError(f"{name}: `inner` must not be conditional; the network sees the condition instead.")


def count_raw(inner: Part) -> int:
    """How many numbers a network predicts for one coordinate."""
    sizes = jax.tree.map(lambda leaf, predicted: leaf.size * predicted, inner, predicted_mask(inner))
    return sum(jax.tree.leaves(sizes))


def fill(inner: T, raw: Array) -> T:
    """The template with predictions added to its trained leaves, but for those that are `shared`.

    Args:
        inner: A scalar map; its leaves have shape `(*own,)`.
        raw: Predictions `(count_raw(inner), *event)`.

    Returns:
        The map with leaves `(*own, *event)`, for use through `_forward_pointwise` and `_inverse_pointwise`.
    """
    event = raw.shape[1:]
    leaves, treedef = jax.tree.flatten(inner)
    predicted = jax.tree.leaves(predicted_mask(inner))
    filled, start = [], 0
    for leaf, is_predicted in zip(leaves, predicted, strict=True):
        value = leaf.reshape(*leaf.shape, *(1,) * len(event))
        if is_predicted:
            size = math.prod(leaf.shape)
            value = value + raw[start : start + size].reshape(*leaf.shape, *event)
            start += size
        filled.append(jnp.asarray(value))
    return jax.tree.unflatten(treedef, filled)
