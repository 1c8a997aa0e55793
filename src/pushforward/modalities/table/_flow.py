"""From the name of a flow to an untrained flow, and to one in the user's units."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from pushforward import objectives
from pushforward._errors import DataError, did_you_mean
from pushforward.bijections import AbstractBijection, Chain, Permute, Standardize
from pushforward.data import Schema
from pushforward.data._tables import quoted
from pushforward.distributions import (
    AbstractDistribution,
    AwayFromAtoms,
    CategoricalMADE,
    Embedded,
    GivenAngles,
    GivenCategories,
    Normal,
    Transformed,
)
from pushforward.flows import RECIPES, Recipe
from pushforward.modalities._events import (
    check_options,
    conditional_like,
    first_of,
    on_sphere,
    takes_binary,
    takes_counts,
)
from pushforward.objectives import Objective

FlowLike = str | Callable[..., AbstractDistribution]


def build_flow(
    flow: Any, options: Mapping[str, Any] | None, schema: Schema, cond_dim: int | None, key: jax.Array
) -> AbstractDistribution:
    """The untrained flow in standardised units.

    Design record 0007 is on columns that are circular, 0013 on those that are categorical, 0032 on those with atoms.

    Args:
        flow: A name or a function; anything else is refused.
        options: Of the recipe.
        schema: The columns.
        cond_dim: How many numbers stand for the conditions, or None.
        key: For the initial weights.

    Raises:
        ValueError: If the flow or an option is not known, or the flow cannot take the condition or the columns.
    """
    check_flow(flow)
    dim, angles = len(schema.columns), schema.circular
    events = RECIPES[flow].events if isinstance(flow, str) else None
    if events in COUNTED:
        return _built(flow, _counted(flow, options, schema), dim, cond_dim, key)
    if schema.categorical or schema.atomic:
        return _with_categories(flow, options, schema, cond_dim, key)
    if events == "circle" and not angles:
        raise DataError(
            f"flow={flow!r} is for circular columns, and there is none.",
            "say which columns are angles: `--column angle:circular(360)` or, for all, `--column '*:circular(360)'`",
        )
    if events == "line" and len(angles) == dim:
        if flow != "nsf":
            raise DataError(
                f"flow={flow!r} is for numbers on a line, and every column is circular.",
                f"choose {CIRCULAR!r}, or its name on the line, 'nsf'",
            )
        flow = CIRCULAR
    if events == "sphere" or len(angles) in (0, dim):
        return _built(flow, options, dim, cond_dim, key)
    return _with_angles("nsf" if events == "circle" else flow, options, schema, cond_dim, key)


CIRCULAR = "circular-nsf"
"""The recipe for circular columns."""


COUNTED = {"integers": "integer", "categories": "categorical"}
"""Events that a recipe gives probabilities of, and the kind that all columns must then have."""


def _counted(flow: str, options: Mapping[str, Any] | None, schema: Schema) -> Mapping[str, Any] | None:
    """Options of a recipe for whole numbers or categories, after a look at the columns."""
    wanted = COUNTED[RECIPES[flow].events]
    other = next((column for column in schema.columns if column.kind != wanted), None)
    if other is not None:
        raise DataError(
            f"flow={flow!r} is for {wanted} columns, and {other.name!r} is {other.kind}.",
            f"say `--column '{other.name}:{wanted}'` if it is one, leave it out, or choose 'nsf'",
        )
    if wanted == "integer":
        return options
    most, given = max(2, *schema.sizes), dict(options or {})
    if given.get("num_categories", most) < most:
        raise DataError(
            f"flow={flow!r}: `num_categories` is {given['num_categories']}, and a column has {most} categories.",
            "leave the option out: the number is found in the data",
        )
    number = given.setdefault("num_categories", most)
    fewer = next((column for column in schema.columns if len(column.categories) < number), None)
    if flow == "modulo" and fewer is not None:
        # A shift modulo the largest number moves probability onto categories that the column does not have.
        raise DataError(
            f"flow='modulo' shifts all columns modulo one number of categories: {fewer.name!r} has "
            f"{len(fewer.categories)}, and the number is {number}.",
            "leave `flow` (`--flow`) out: categories are then fitted by a masked network, whatever their numbers",
        )
    return given


def _with_categories(
    flow: FlowLike, options: Mapping[str, Any] | None, schema: Schema, cond_dim: int | None, key: jax.Array
) -> AbstractDistribution:
    """Categories by a masked network, the other columns by `flow` given them; options that both have go to both.

    For each column with atoms a category says at which of them a row is, if at any; its code stands behind the columns.
    """
    places, atomic = schema.categorical, schema.atomic
    sizes = tuple(size for size in schema.sizes if size) + tuple(len(schema.columns[i].atoms) + 1 for i in atomic)
    plain = [i for i in range(len(schema.columns)) if i not in places and i not in atomic]
    if isinstance(flow, str):
        _check_categories(flow, options or {}, schema, conditional=cond_dim is not None or bool(plain or atomic))
    law_key, flow_key = jax.random.split(key)
    legal = inspect.signature(CategoricalMADE).parameters
    shared = {name: value for name, value in (options or {}).items() if name in legal}
    law = CategoricalMADE(sizes, **shared, cond_dim=cond_dim, key=law_key)
    if not plain and not atomic:
        return law
    given = sum(sizes) + (cond_dim or 0)
    if atomic:
        flags = np.cumsum([0, *sizes])[len(places) : -1].tolist()
        then = _with_atoms(flow, options, schema.select(plain) if plain else None, flags, given, flow_key)
    else:
        then = build_flow(flow, options, schema.select(plain), given, flow_key)
        _refuse_binary(flow, then, "categories")
    codes = range(len(schema.columns), len(schema.columns) + len(atomic))
    return Transformed(GivenCategories(law, then), Permute(np.argsort([*places, *codes, *plain, *atomic])))


def _with_atoms(
    flow: FlowLike,
    options: Mapping[str, Any] | None,
    plain: Schema | None,
    flags: list[int],
    given: int,
    key: jax.Array,
) -> AbstractDistribution:
    """Columns without atoms by `flow`, and then those with atoms, each by a flow of one number.

    Args:
        flow: As of `build_flow`.
        options: Of the recipe.
        plain: The columns without atoms, or None.
        flags: Where the numbers stand that say that a column is not at an atom, of those that are given.
        given: How many numbers are given.
        key: For the initial weights.
    """
    keys = jax.random.split(key, len(flags) + 1)
    others = None if plain is None else build_flow(flow, options, plain, given, keys[0])
    angles = () if plain is None else tuple(column.kind == "circular" for column in plain.columns)
    seen = given + len(angles) + sum(angles) + len(flags)
    on_line = "nsf" if isinstance(flow, str) and flow in RECIPES and RECIPES[flow].events == "circle" else flow
    columns = [_built(on_line, options, 1, seen, keys[i + 1]) for i in range(len(flags))]
    _refuse_binary(flow, columns[0], "columns with atoms")
    return AwayFromAtoms(columns, tuple(flags), others, angles)


def _refuse_binary(flow: FlowLike, built: AbstractDistribution, what: str) -> None:
    if takes_binary(built):
        raise DataError(f"flow={flow!r} takes zeros and ones alone, not {what}.", "choose 'nsf' or 'maf'")


def _check_categories(flow: str, options: Mapping[str, Any], schema: Schema, *, conditional: bool) -> None:
    """Refuse a recipe that cannot stand behind columns that are categorical or have atoms."""
    recipe, one = _recipe(flow, options, conditional=False), len(schema.categories or schema.atomic) == 1
    if schema.categories:
        columns, given = f"the categorical {quoted('column', list(schema.categories))}", "the categories"
        told = f"{quoted('column', list(schema.categories))} {'is' if one else 'are'} categorical"
    else:
        columns = quoted("column", [schema.columns[place].name for place in schema.atomic])
        told, given = f"{columns} {'has' if one else 'have'} atoms", "which of them are at an atom"
    if recipe.events == "sphere":
        raise DataError(
            f"flow={flow!r} is for points of the sphere, and {told}.",
            "leave such columns out (`--drop`), or make them conditions (`--condition`)",
        )
    if conditional and not recipe.conditional:
        able = ", ".join(r.name for r in RECIPES.values() if r.conditional and r.events in ("line", "circle"))
        raise DataError(
            f"flow={flow!r} cannot be conditional, and with {columns} it has to be: numbers are fitted given {given}.",
            f"choose one of {able}{_or_numbers(schema)}",
        )


def _or_numbers(schema: Schema) -> str:
    """How numbers that recur are not taken for categories."""
    name = next((column.name for column in schema.columns if column.labels is not None), None)
    said = f"`columns={{{name!r}: 'unbounded'}}` (`--column '{name}:unbounded'`)"
    return "" if name is None else f", or say that {name!r} has other values: {said}"


def _with_angles(
    flow: FlowLike, options: Mapping[str, Any] | None, schema: Schema, cond_dim: int | None, key: jax.Array
) -> AbstractDistribution:
    """Circular columns by `circular-nsf`, the others by `flow` given them; options that both have go to both."""
    angles = schema.circular
    others = [i for i in range(len(schema.columns)) if i not in angles]
    legal = RECIPES[CIRCULAR].options()
    shared = {name: value for name, value in (options or {}).items() if name in legal}
    circle_key, line_key = jax.random.split(key)
    first = _built(CIRCULAR, shared, len(angles), cond_dim, circle_key)
    then = _built(flow, options, len(others), 2 * len(angles) + (cond_dim or 0), line_key)
    _refuse_binary(flow, then, "circular columns")
    return Transformed(GivenAngles(first, then), Permute(np.argsort([*angles, *others])))


def _built(
    flow: Any, options: Mapping[str, Any] | None, dim: int, cond_dim: int | None, key: jax.Array
) -> AbstractDistribution:
    build: Any = flow
    if isinstance(flow, str):
        build = _recipe(flow, options, conditional=cond_dim is not None).build
    given = dict(options or {}) if cond_dim is None else {**(options or {}), "cond_dim": cond_dim}
    built = build(dim, **given, key=key)
    if not isinstance(built, AbstractDistribution) or built.event_shape != (dim,):
        raise ValueError(f"flow={flow!r} must give a distribution of {dim} numbers, got {type(built).__name__}.")
    return built


def objective_of(flow: FlowLike, schema: Schema) -> Objective:
    """The recipe's own; likelihood where circular or categorical columns, or atoms, make the flow one of two parts."""
    if isinstance(flow, str) and flow in RECIPES and schema.has_densities_alone:
        return getattr(objectives, RECIPES[flow].objective)
    return objectives.nll


def stands_alone(flow: AbstractDistribution) -> bool:
    """Whether a flow takes the columns as they are: counts, codes, zeros and ones, points of the sphere."""
    return takes_binary(flow) or takes_counts(flow) or on_sphere(flow) or isinstance(first_of(flow), CategoricalMADE)


def from_standard_noise(flow: AbstractDistribution) -> bool:
    """Whether a flow is a map of standard normal noise."""
    return isinstance(flow, Transformed) and isinstance(flow.base, Normal) and flow.base.loc is None


def with_ends(
    flow: AbstractDistribution, columns: AbstractBijection | None, conditions: AbstractBijection | None
) -> AbstractDistribution:
    """The flow with a map of the columns behind it and one of the conditions in front, where there are any."""
    whole = flow
    if columns is not None:
        inside = isinstance(flow, Transformed)
        whole = Transformed(flow.base, Chain([flow.bijection, columns])) if inside else Transformed(flow, columns)
    return whole if conditions is None else Embedded(whole, conditions)


def without_ends(
    flow: AbstractDistribution, *, columns: bool, conditions: bool
) -> tuple[AbstractDistribution, AbstractBijection | None, AbstractBijection | None]:
    """The three parts that `with_ends` was given, where `columns` and `conditions` say which there were."""
    embedding = None
    if conditions:
        assert isinstance(flow, Embedded)
        assert isinstance(flow.embedding, AbstractBijection)
        flow, embedding = flow.distribution, flow.embedding
    if not columns:
        return flow, None, embedding
    assert isinstance(flow, Transformed)
    parts = flow.bijection.bijections if isinstance(flow.bijection, Chain) else ()
    if len(parts) == 2 and _is_of_columns(parts[1]):
        return Transformed(flow.base, parts[0]), parts[1], embedding
    return flow.base, flow.bijection, embedding


def _is_of_columns(bijection: AbstractBijection) -> bool:
    """Whether it begins as `Units.bijection` does; no map of columns ends with another such."""
    first = bijection.bijections[0] if isinstance(bijection, Chain) else bijection
    return isinstance(first, Standardize)


ELSEWHERE = {
    "image": ("images", "use `ImageDensity`"),
    "sound": ("sound", "use `SoundDensity`"),
    "series": ("series", "use `FlowForecaster`, or name the column of times with `--time`"),
}
"""Events that are no rows of columns: what messages call them, and what takes them."""


def check_flow(flow: Any) -> None:
    """A ValueError for what is no flow of tables: no name and no function, an unknown name, a flow of other data."""
    if not isinstance(flow, str):
        if not callable(flow):
            raise ValueError(f"flow={flow!r} must be a name or a function; {did_you_mean('', RECIPES)}")
        return
    if flow not in RECIPES:
        raise ValueError(f"flow={flow!r} is not known; {did_you_mean(flow, RECIPES)}")
    if RECIPES[flow].events in ELSEWHERE:
        what, hint = ELSEWHERE[RECIPES[flow].events]
        raise DataError(f"flow={flow!r} is for {what}, and these are rows of columns.", f"{hint}, or choose 'nsf'")


def _recipe(name: str, options: Mapping[str, Any] | None, *, conditional: bool) -> Recipe:
    recipe = RECIPES[name]
    if conditional and not recipe.conditional:
        raise ValueError(f"flow={name!r} cannot be conditional; choose one of {conditional_like(recipe)}")
    check_options(recipe, options)
    return recipe
