"""From images to what training needs."""

from typing import NamedTuple

import jax
import numpy as np

from pushforward._errors import DataError
from pushforward.data import Images
from pushforward.distributions import AbstractDistribution
from pushforward.modalities._events import conditional_like
from pushforward.modalities._labels import one_hot
from pushforward.modalities._learn import Prepared
from pushforward.modalities.image._facts import ImageFacts
from pushforward.modalities.image._flow import image_objective, image_recipe
from pushforward.modalities.image._settings import ImageSettings
from pushforward.modalities.image._small import decided, of_recipe


class Labelled(NamedTuple):
    """What a flow of images is fitted to.

    Attributes:
        images: Grey values.
        labels: `(count,)`, or None for a flow that is not told any.
    """

    images: Images
    labels: np.ndarray | None

    @property
    def names(self) -> tuple[str, ...]:
        """Of the labels, sorted."""
        return () if self.labels is None else tuple(str(name) for name in np.unique(self.labels))

    @property
    def shares(self) -> tuple[float, ...]:
        """Of the labels, in the order of `names`."""
        return () if self.labels is None else shares_of(np.unique(self.labels, return_counts=True)[1])


def shares_of(counts: np.ndarray) -> tuple[float, ...]:
    """Counts of labels as shares, of sum 1."""
    return tuple((counts / counts.sum()).tolist())


def build(data: Labelled, settings: ImageSettings, key: jax.Array) -> AbstractDistribution:
    """The untrained flow of whole grey values.

    Raises:
        DataError: If images have labels, and the flow cannot be conditional.
    """
    recipe = image_recipe(settings.flow, of_recipe(settings.options or {}))
    if data.names and not recipe.conditional:
        raise DataError(
            f"images: flow={settings.flow!r} cannot be conditional on labels.",
            f"choose one of {conditional_like(recipe)}",
        )
    settings = decided(settings, data.images.shape, len(data.images))
    options = of_recipe(settings.options or {}) | {"grey_levels": data.images.levels}
    if data.names:
        options["cond_dim"] = len(data.names)
    return recipe.build(data.images.shape, **options, key=key)


def prepare(data: Labelled, settings: ImageSettings, key: jax.Array) -> Prepared:
    """What training needs."""
    settings = decided(settings, data.images.shape, len(data.images))
    return Prepared(
        flow=build(data, settings, key),
        x=data.images.values,
        condition=None if data.labels is None else one_hot(data.labels, data.names, "images"),
        weights=None,
        objective=image_objective(settings),
        facts=ImageFacts(data.images.levels, data.names, condition_shares=data.shares),
        settings=settings,
    )
