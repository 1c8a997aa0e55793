"""Scalar maps as templates: a network predicts what is added to their parameters."""

import math
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from pushforward._errors import check_part
from pushforward._params import bounded_raw, predicted_mask
from pushforward._types import Part
from pushforward.bijections._base import AbstractBijection
from pushforward.bijections._compose import Inverse
from pushforward.bijections.elementwise._spline import AbstractSpline

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
        The map with leaves `(*own, *event)`, for use through `forth_to` and `back_from`. Raw numbers of
        scales are bounded, see `bounded_raw`.
    """
    event = raw.shape[1:]
    leaves, treedef = jax.tree_util.tree_flatten_with_path(inner)
    predicted = jax.tree.leaves(predicted_mask(inner))
    filled, start = [], 0
    for (path, leaf), is_predicted in zip(leaves, predicted, strict=True):
        value = leaf.reshape(*leaf.shape, *(1,) * len(event))
        if is_predicted:
            size = math.prod(leaf.shape)
            value = value + raw[start : start + size].reshape(*leaf.shape, *event)
            value = bounded_raw(value) if _is_positive(path) else value
            start += size
        filled.append(jnp.asarray(value))
    return jax.tree.unflatten(treedef, filled)


def _is_positive(path: tuple[Any, ...]) -> bool:
    names = [key.name for key in path if isinstance(key, jax.tree_util.GetAttrKey)]
    return bool(names) and names[-1] in POSITIVE


def back_from(filled: AbstractBijection, x: Array) -> tuple[Array, Array]:
    """A filled template's inverse of `x` and its log-slope; values stop at `FAR`."""
    z, log_slope = filled._inverse_pointwise(x)
    # A spline ends as the identity, and a pass over its values would cost as much as a part of it.
    return (z if isinstance(filled, AbstractSpline) else jax.lax.clamp(-FAR, z, FAR)), log_slope


def forth_to(filled: AbstractBijection, z: Array) -> tuple[Array, Array]:
    """A filled template's forward of `z` and its log-slope; where the template is turned round, as `back_from`."""
    if isinstance(filled, Inverse):
        return back_from(filled.bijection, z)
    return filled._forward_pointwise(z)


POSITIVE = frozenset(
    {"alpha_raw", "concentration_raw", "diagonal_raw", "gain_raw", "scale_raw", "steps_raw", "tailweight_raw"}
)
"""Leaves that `positive` maps and a network may predict. Raw numbers of splines have bounds of their own."""

FAR = 1e15
"""Latents stop here: beyond, a few layers that shrink their scale would overflow float32, and gradients become NaN."""
