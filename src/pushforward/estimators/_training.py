"""From the name of a flow to an untrained flow in the user's units."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.utils import check_random_state

from pushforward._errors import did_you_mean
from pushforward.bijections import AbstractBijection, Chain
from pushforward.distributions import AbstractDistribution, Autoregression, Embedded, Transformed
from pushforward.flows import RECIPES, Recipe

FlowLike = str | Callable[..., AbstractDistribution]


def key_from(random_state: Any) -> jax.Array:
    """A JAX key from a seed, a NumPy `RandomState`, or None for NumPy's global one."""
    return jax.random.key(int(check_random_state(random_state).randint(2**31 - 1)))


def recipe_name(flow: FlowLike) -> str:
    """The name in files."""
    return flow if isinstance(flow, str) else getattr(flow, "__name__", type(flow).__name__)


def build_flow(
    flow: Any, options: Mapping[str, Any] | None, dim: int, cond_dim: int | None, key: jax.Array
) -> AbstractDistribution:
    """The untrained flow in standardised units.

    Args:
        flow: A name or a function; anything else is refused.
        options: Of the recipe.
        dim: Number of columns.
        cond_dim: Number of conditions, or None.
        key: For the initial weights.

    Raises:
        ValueError: If the flow or an option is not known, or the flow cannot be conditional.
    """
    build: Any = flow
    if isinstance(flow, str):
        build = _recipe(flow, options or {}, conditional=cond_dim is not None).build
    if not callable(build):
        raise ValueError(f"flow={flow!r} must be a name or a function; {did_you_mean('', RECIPES)}")
    given = dict(options or {}) if cond_dim is None else {**(options or {}), "cond_dim": cond_dim}
    built = build(dim, **given, key=key)
    if not isinstance(built, AbstractDistribution) or built.event_shape != (dim,):
        raise ValueError(f"flow={flow!r} must give a distribution of {dim} numbers, got {type(built).__name__}.")
    return built


def in_user_units(
    flow: AbstractDistribution, columns: AbstractBijection, conditions: AbstractBijection | None
) -> AbstractDistribution:
    """The flow with the columns' maps behind it and the standardisation of the conditions in front."""
    if takes_binary(flow):
        whole = flow
    elif isinstance(flow, Transformed):
        whole = Transformed(flow.base, Chain([flow.bijection, columns]))
    else:
        whole = Transformed(flow, columns)
    return whole if conditions is None else Embedded(whole, conditions)


def takes_binary(flow: AbstractDistribution) -> bool:
    """Whether it gives probabilities of zeros and ones, which are then neither standardised nor dequantised."""
    return isinstance(flow, Autoregression) and flow.law == "bernoulli"


def usual_batch(rows: int) -> int:
    """About a tenth of the rows, from 32 to 256, a power of two.

    In batches of 256 a table of a few hundred rows gets two steps an epoch, and patience ends the training before it
    has begun: breast_cancer came to 30 nats with a spline flow, and to 38 in batches of 32.
    """
    return min(max(1 << (rows // 10).bit_length() >> 1, 32), 256)


def on_device(values: np.ndarray) -> jax.Array:
    """The values in JAX's precision; unlike `jnp.asarray`, which holds two copies for a moment, with one copy."""
    return jax.device_put(np.asarray(values, dtype=jnp.result_type(float)))


def _recipe(name: str, options: Mapping[str, Any], *, conditional: bool) -> Recipe:
    if name not in RECIPES:
        raise ValueError(f"flow={name!r} is not known; {did_you_mean(name, RECIPES)}")
    recipe = RECIPES[name]
    if conditional and not recipe.conditional:
        able = ", ".join(other.name for other in RECIPES.values() if other.conditional)
        raise ValueError(f"flow={name!r} cannot be conditional; choose one of {able}")
    for option in options:
        if option not in recipe.options():
            raise ValueError(f"flow={name!r} has no option {option!r}; {did_you_mean(option, recipe.options())}")
    return recipe
