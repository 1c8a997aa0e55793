"""From a table and settings to a fitted flow in the user's units."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.utils import check_random_state

from pushforward._errors import did_you_mean
from pushforward.bijections import AbstractBijection, Chain
from pushforward.distributions import AbstractDistribution, Embedded, Transformed
from pushforward.flows import RECIPES

FlowLike = str | Callable[..., AbstractDistribution]


def key_from(random_state: Any) -> jax.Array:
    """A JAX key from a seed, a NumPy `RandomState`, or None for NumPy's global one."""
    return jax.random.key(int(check_random_state(random_state).randint(2**31 - 1)))


def recipe_name(flow: FlowLike) -> str:
    """The name in files and tables."""
    return flow if isinstance(flow, str) else getattr(flow, "__name__", type(flow).__name__)


def build_flow(
    flow: FlowLike, options: Mapping[str, Any] | None, dim: int, cond_dim: int | None, key: jax.Array
) -> AbstractDistribution:
    """The untrained flow in standardised units.

    Raises:
        ValueError: If the flow or an option is not known, or the flow cannot be conditional.
    """
    given = dict(options or {})
    if cond_dim is not None:
        given["cond_dim"] = cond_dim
    if not isinstance(flow, str):
        return flow(dim, **given, key=key)
    if flow not in RECIPES:
        raise ValueError(f"flow={flow!r} is not known; {did_you_mean(flow, RECIPES)}")
    recipe = RECIPES[flow]
    if cond_dim is not None and not recipe.conditional:
        able = ", ".join(name for name, other in RECIPES.items() if other.conditional)
        raise ValueError(f"flow={flow!r} cannot be conditional; choose one of {able}")
    for name in options or {}:
        if name not in recipe.options():
            raise ValueError(f"flow={flow!r} has no option {name!r}; {did_you_mean(name, recipe.options())}")
    return recipe.build(dim, **given, key=key)


def in_user_units(
    flow: AbstractDistribution, columns: AbstractBijection, conditions: AbstractBijection | None
) -> AbstractDistribution:
    """The flow with the columns' maps behind it and the standardisation of the conditions in front."""
    if isinstance(flow, Transformed):
        whole = Transformed(flow.base, Chain([flow.bijection, columns]))
    else:
        whole = Transformed(flow, columns)
    return whole if conditions is None else Embedded(whole, conditions)


def device_array(values: np.ndarray) -> np.ndarray:
    """The values in JAX's precision, without a copy where they are in it already."""
    return np.ascontiguousarray(values, dtype=jnp.result_type(float))
