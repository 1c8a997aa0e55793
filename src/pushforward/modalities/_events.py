"""What the events of a flow are, told by its last map: the one on the side of the data."""

from collections.abc import Mapping
from typing import Any

from pushforward._errors import DataError, did_you_mean
from pushforward.bijections import (
    AbstractBijection,
    Argmax,
    Chain,
    CylinderToDegrees,
    CylinderToSphere,
    GaussianDequantize,
    OneHotToCodes,
)
from pushforward.distributions import (
    AbstractCountable,
    AbstractDistribution,
    Autoregression,
    Embedded,
    Mixture,
    SplitOff,
    Transformed,
)
from pushforward.distributions._latent import latent_of
from pushforward.flows import RECIPES, Recipe


def takes_binary(flow: AbstractDistribution) -> bool:
    """Whether it gives probabilities of zeros and ones, which are then neither standardised nor dequantised."""
    flow = first_of(flow)
    return isinstance(flow, Autoregression) and flow.law == "bernoulli"


def takes_counts(flow: AbstractDistribution) -> bool:
    """Whether its events are whole numbers or codes of categories, which it is given as they are."""
    flow = first_of(flow)
    countable = isinstance(flow, Transformed) and isinstance(flow.base, AbstractCountable | SplitOff)
    return countable or isinstance(last_map(flow), Argmax | OneHotToCodes)


def on_sphere(flow: AbstractDistribution) -> bool:
    """Whether its events are points of the sphere, whose columns mean something only together."""
    return isinstance(last_map(flow), CylinderToSphere | CylinderToDegrees)


def draws_numbers(flow: AbstractDistribution) -> bool:
    """Whether it draws numbers for categories, or latent variables, so that its scores are a bound over draws."""
    return isinstance(last_map(flow), Argmax) or latent_of(flow) is not None


def has_noise(flow: AbstractDistribution) -> bool:
    """Whether a flow of images was trained with Gaussian noise, which stays in its samples."""
    return isinstance(last_map(flow), GaussianDequantize)


def first_of(flow: AbstractDistribution) -> AbstractDistribution:
    """Of a mixture of flows of one kind, the first; any other flow itself."""
    return first_of(flow.components[0]) if isinstance(flow, Mixture) else flow


def last_map(flow: AbstractDistribution) -> AbstractBijection | None:
    """The map next to the data; None where there is no map."""
    flow = first_of(flow)
    inner = first_of(flow.distribution) if isinstance(flow, Embedded) else flow
    bijection = inner.bijection if isinstance(inner, Transformed) else None
    return bijection.bijections[-1] if isinstance(bijection, Chain) else bijection


def recipe_for(events: str, name: object, what: str, options: Any = None) -> Recipe:
    """The recipe of this name, of a flow of these events.

    Args:
        events: As of `Recipe`.
        name: What the user has said.
        what: The events in the plural, for messages: `images`.
        options: That it is to be built with, or None.

    Raises:
        DataError: If there is none of this name, or it has no such option.
    """
    able = [recipe.name for recipe in RECIPES.values() if recipe.events == events]
    if name not in able:
        why = f"is not a flow of {what}" if isinstance(name, str) and name in RECIPES else "is not a flow"
        raise DataError(f"{what}: {name!r} {why}.", f"flows of {what} are {', '.join(able)}")
    recipe = RECIPES[str(name)]
    check_options(recipe, options)
    return recipe


def by_name(options: Any) -> dict[str, Any]:
    """The options that are given; None stands for none.

    Raises:
        DataError: If they are no mapping.
    """
    if options is not None and not isinstance(options, Mapping):
        raise DataError(f"options must be a mapping of options by name, got {options!r}.", 'such as {"width": 64}')
    return dict(options or {})


def check_options(recipe: Recipe, options: Any) -> None:
    """A DataError for what is no mapping of a recipe's options by name; None stands for none."""
    legal = recipe.options()
    for option in by_name(options):
        if option not in legal:
            raise DataError(f"flow={recipe.name!r} has no option {option!r}.", did_you_mean(option, legal))


def conditional_like(recipe: Recipe) -> str:
    """The names of the recipes for the same events that can be conditional."""
    return ", ".join(other.name for other in RECIPES.values() if other.conditional and other.events == recipe.events)
