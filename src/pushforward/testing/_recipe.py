"""All laws on a recipe, and on the flows that it builds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import ArrayLike

from pushforward import objectives
from pushforward._types import Shape
from pushforward.distributions import AbstractDistribution, Transformed
from pushforward.flows import Recipe
from pushforward.testing._bijection import check_bijection
from pushforward.testing._distribution import check_distribution
from pushforward.testing._law import Failure, LawError, failures_of, raise_failures
from pushforward.testing._recipe_laws import RECIPE_LAWS, RecipeSubject, it_builds_at_every_size

DOMAINS = {"line": "real", "circle": "circle", "image": "real"}
"""Of the map of a recipe, by its events; those of other recipes are no bijections of numbers on a line."""


def check_recipe(
    recipe: Recipe | Callable[..., AbstractDistribution],
    *,
    dims: Sequence[int | Shape] = (1, 2, 5),
    cond_dim: int = 2,
    options: Mapping[str, Any] | None = None,
    data: ArrayLike | None = None,
    far: bool = True,
    noise: float = 0.2,
    tolerance: float = 0.0,
) -> tuple[str, ...]:
    """Run every law on a recipe, and those of maps and distributions on the flows that it builds.

    It builds at every size and under `jax.jit`, conditionally if it takes `cond_dim`, refuses wrong options in words,
    and learns from data. Half a minute for small options; most of it is compiling.

    Args:
        recipe: A `Recipe`, or a function `recipe(dim, *, ..., cond_dim=None, key) -> AbstractDistribution`.
        dims: Sizes to build; of images shapes `(height, width, channels)`. The second is built conditionally as well.
        cond_dim: Size of the condition of a recipe that takes one.
        options: Of the recipe, such as fewer and smaller layers.
        data: To learn from, `(rows, *event_shape)` for the second of the sizes; by default normal columns, or angles. A
            recipe of other events learns only from data that are given.
        far: As for `check_bijection` and `check_distribution`.
        noise: As there.
        tolerance: As there.

    Returns:
        Names of the laws of recipes that were checked.

    Raises:
        LawError: If a law does not hold, of the recipe or of a flow that it builds.

    Example:
        >>> checked = pf.testing.check_recipe(pf.flows.affine, dims=(2,), options={"width": 4})
        >>> checked[1]
        'it builds at every size'
    """
    subject = _subject(recipe, tuple(dims), cond_dim, dict(options or {}), data)
    with jax.enable_x64(False):
        failures, checked = failures_of(RECIPE_LAWS, subject, needed=it_builds_at_every_size)
        if not failures:
            failures = [
                failure._replace(law=f"{where}: {failure.law}")
                for where, flow in _flows(subject)
                for failure in _of_flow(flow, subject.events, far, noise, tolerance)
            ]
    raise_failures(f"The recipe {subject.name}", failures, checked)
    return checked


def _subject(
    recipe: Recipe | Callable[..., AbstractDistribution],
    dims: tuple[int | Shape, ...],
    cond_dim: int,
    options: dict[str, Any],
    data: ArrayLike | None,
) -> RecipeSubject:
    own = None if data is None else np.asarray(data)
    if not isinstance(recipe, Recipe):
        return RecipeSubject(recipe.__name__, recipe, dims, cond_dim, options, own)
    objective = getattr(objectives, recipe.objective)
    rate = recipe.training.learning_rate
    return RecipeSubject(recipe.name, recipe.build, dims, cond_dim, options, own, recipe.events, objective, rate)


def _flows(subject: RecipeSubject) -> Iterator[tuple[str, AbstractDistribution]]:
    for dim in subject.dims:
        yield f"dim={dim}", subject.flow(dim)
    if subject.conditional:
        yield f"dim={subject.middle}, cond_dim={subject.cond_dim}", subject.flow(subject.middle, subject.cond_dim)


def _of_flow(flow: AbstractDistribution, events: str, far: bool, noise: float, tolerance: float) -> Iterator[Failure]:
    """What fails of the whole flow, then of its map."""
    circle = events == "circle"
    bounds = [(-np.pi, np.pi)] * int(np.prod(flow.event_shape)) if circle else None
    far = far and not circle
    try:
        check_distribution(flow, bounds=bounds, far=far, noise=noise, tolerance=tolerance)
    except LawError as error:
        yield from error.failures
    if isinstance(flow, Transformed) and events in DOMAINS:
        try:
            check_bijection(flow.bijection, domain=DOMAINS[events], far=far, noise=noise, tolerance=tolerance)
        except LawError as error:
            yield from error.failures
