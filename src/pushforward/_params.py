"""Parameters: which leaves are trained, and how a positive number is stored without a constraint."""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike

T = TypeVar("T")


if TYPE_CHECKING:
    # A type checker knows Equinox's own function, and so which fields a constructor asks for.
    from equinox import field as buffer
    from equinox import field as shared
    from equinox import field as static
else:

    def buffer(**kwargs: Any) -> Any:
        """A module field whose arrays are part of the model but are not trained."""
        return eqx.field(metadata={"buffer": True}, **kwargs)

    def shared(**kwargs: Any) -> Any:
        """A module field of a template that is trained, but the same for all coordinates: no network predicts it."""
        return eqx.field(metadata={"shared": True}, **kwargs)

    def static(**kwargs: Any) -> Any:
        """A module field that is plain data, fixed when the module is built."""
        return eqx.field(static=True, **kwargs)


def _is_marked(tree: Any, path: tuple[Any, ...], *marks: str) -> bool:
    node = tree
    for key in path:
        if isinstance(key, jax.tree_util.GetAttrKey):
            fields = {f.name: f for f in dataclasses.fields(node)}
            if any(fields[key.name].metadata.get(mark, False) for mark in marks):
                return True
            node = getattr(node, key.name)
        elif isinstance(key, jax.tree_util.SequenceKey):
            node = node[key.idx]
        elif isinstance(key, jax.tree_util.DictKey):
            node = node[key.key]
        else:
            return False  # inside of a tree of another library, which knows no marks
    return False


def trainable_mask(tree: T) -> T:
    """The same tree with True at every trained leaf and False at every buffer."""
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf: eqx.is_inexact_array(leaf) and not _is_marked(tree, path, "buffer"), tree
    )


def predicted_mask(tree: T) -> T:
    """The same tree with True at every leaf that a network predicts: trained, and not shared."""
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf: eqx.is_inexact_array(leaf) and not _is_marked(tree, path, "buffer", "shared"), tree
    )


Where = Callable[[Any], Any]
"""From a flow to a part of it, an array, or a tuple of these, such as `lambda flow: flow.base`."""


def trainable(flow: T, *, frozen: Where | None = None) -> T:
    """The same tree with True at every array that is trained, and False at buffers and at what is frozen.

    It is what `equinox.partition`, `optax.masked` and `equinox.filter_grad`'s kind of filter take.

    Args:
        flow: A distribution, a bijection or any other part.
        frozen: What is not to be trained: a function from the flow to a part of it, an array, or a tuple of these.

    Raises:
        ValueError: If `frozen` returns something else than parts of the flow it is given.

    Example:
        >>> flow = pf.distributions.Transformed(pf.distributions.Normal(jnp.zeros(2)), pf.bijections.Scale(jnp.ones(2)))
        >>> mask = pf.trainable(flow, frozen=lambda flow: flow.base)
        >>> mask.base.loc, mask.bijection.scale_raw
        (False, True)
    """
    mask = trainable_mask(flow)
    if frozen is None:
        return mask
    try:
        return eqx.tree_at(frozen, mask, replace_fn=lambda part: jax.tree.map(lambda _: False, part))
    except (TypeError, ValueError) as error:
        raise ValueError(
            "`frozen` must return parts or arrays of the flow that it is given, such as `lambda flow: flow.base`, or a "
            "tuple of these."
        ) from error


def partition(flow: T, *, frozen: Where | None = None) -> tuple[T, T]:
    """Split a flow into `(params, rest)`: the arrays that are trained, and all others; None stands for what is missing.

    Buffers, such as the mean and the spread in a `Standardize`, are in the rest; `equinox.is_inexact_array`, which
    knows no buffers, would have them trained. `equinox.combine(params, rest)` is the flow again.

    Args:
        flow: A distribution, a bijection or any other part.
        frozen: What is not to be trained either: a function from the flow to a part of it, an array, or a tuple of
            these.

    Raises:
        ValueError: If `frozen` returns something else than parts of the flow it is given.

    Example:
        >>> import equinox as eqx
        >>> flow = pf.flows.affine(2, key=key)
        >>> params, rest = pf.partition(flow)
        >>> gradient = jax.grad(lambda params: -eqx.combine(params, rest).log_prob(jnp.ones(2)))(params)
        >>> jax.tree.structure(gradient) == jax.tree.structure(params)
        True
    """
    return eqx.partition(flow, trainable(flow, frozen=frozen))


def count_parameters(tree: Any) -> int:
    """Number of trained numbers."""
    return sum(leaf.size for leaf in jax.tree.leaves(partition(tree)[0]))


@jax.custom_jvp
def positive(raw: Array) -> tuple[Array, Array]:
    r"""`(value, log value)` of $\text{raw} + \sqrt{1 + \text{raw}^2} = e^{\operatorname{arcsinh}(\text{raw})}$.

    Onto the positive numbers, 1 at 0 with slope 1, linear far out: no overflow, no vanishing gradient
    (design records 0002 and 0023). Whatever positive number was written is kept, up to the ends of the type.
    """
    near, root, far = _near_root_far(raw)
    value = (near + root) * far
    log_value = jnp.log(value)
    grows = raw >= 0
    return jnp.where(grows, value, 1.0 / value), jnp.where(grows, log_value, -log_value)


@positive.defjvp
def _positive_jvp(primals: tuple[Array], tangents: tuple[Array]):
    (raw,), (along,) = primals, tangents
    value, log_value = positive(raw)
    near, root, far = _near_root_far(raw)
    # Finite where the value overflows.
    slope = jnp.where(raw >= 0, (near + root) / root, value / root / far)
    return (value, log_value), (slope * along, along / root / far)


def _near_root_far(raw: Array) -> tuple[Array, Array, Array]:
    """`|raw|` up to `LINEAR_FROM`, the root of one and its square, and how many times larger `|raw|` is."""
    size = jnp.abs(raw)
    near = jnp.minimum(size, LINEAR_FROM)
    return near, jnp.sqrt(1.0 + near * near), jnp.maximum(size / LINEAR_FROM, 1.0)


LINEAR_FROM = 2.0**27
"""From here on the value is twice the raw number in any precision; its square would overflow further out."""

PREDICTED_RAW_MAX = 1e8
"""Scales that a network predicts stay between 5e-9 and 2e8, so that gradients through several layers stay finite."""


def bounded_raw(raw: Array) -> Array:
    """Raw numbers that a network predicts, where `positive` gives neither too small nor too large a number."""
    return jax.lax.clamp(-PREDICTED_RAW_MAX, raw, PREDICTED_RAW_MAX)


def positive_raw(value: ArrayLike) -> Array:
    """The raw number that `positive` maps to `value`."""
    return _raw_of(jnp.asarray(value, dtype=jnp.result_type(float)))


@jax.jit
def _raw_of(value: Array) -> Array:
    return 0.5 * (value - 1.0 / value)
