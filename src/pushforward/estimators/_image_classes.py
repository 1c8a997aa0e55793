"""Fits of images to their classes, where some images have none."""

import dataclasses
import math

import jax
import numpy as np

from pushforward._errors import DataError
from pushforward.bijections.discrete._one_hot import OneHot
from pushforward.data import Images
from pushforward.distributions import AbstractDistribution, Embedded, Normal, Transformed
from pushforward.estimators._class_labels import Labels
from pushforward.estimators._class_start import begun, seeing_classes
from pushforward.modalities import modality_named
from pushforward.modalities._learn import Prepared, prepared
from pushforward.modalities.image._flow import augmented
from pushforward.modalities.image._prepare import Labelled, shares_of
from pushforward.modalities.image._settings import ImageSettings
from pushforward.objectives import ByClass


def prepared_by_class(
    images: Images, labels: Labels, way: str | None, log_prior: np.ndarray, settings: ImageSettings
) -> tuple[Prepared, jax.Array]:
    """What is to be trained, and the key for it.

    Args:
        images: Grey values.
        labels: Of the images.
        way: What depends on the class, as of `ImageClassifier`; None for what is usual.
        log_prior: Of the classes, `(classes,)`.
        settings: Of the fit.

    Raises:
        DataError: If the flow has no Gaussian noise that could depend on the class.
    """
    image, all_known = modality_named("image"), bool(labels.known.all())
    if way == "latent" or (way is None and not all_known):
        ready, key = prepared(image, Labelled(images, None), settings)
        net_key = jax.random.fold_in(key, 1)
        flow = seeing_classes(_with_noise(ready.flow, settings.flow), len(labels.classes), net_key)
        return begun(_by_number(ready._replace(flow=flow), labels, log_prior, settings), log_prior), key
    # An image without a label stands in the first class until the fit goes by numbers.
    ready, key = prepared(image, Labelled(images, labels.classes[np.maximum(labels.codes, 0)]), settings)
    return ready if all_known else _by_number(ready, labels, log_prior, settings), key


def _with_noise(flow: object, name: str) -> Transformed:
    """The flow, if its noise is a Gaussian with as many numbers as an image."""
    if (
        isinstance(flow, Transformed)
        and isinstance(flow.base, Normal)
        and math.prod(flow.base.event_shape) == math.prod(flow.event_shape)
    ):
        return flow
    raise DataError(
        f"images: flow={name!r} has no Gaussian noise that could depend on the class.",
        "use classes='conditional', or another flow, such as 'glow'",
    )


def _by_number(ready: Prepared, labels: Labels, log_prior: np.ndarray, settings: ImageSettings) -> Prepared:
    """A fit to the number of each image's class, where images without a label have one of their own.

    Their number stands for no class, which the flow sees as zeros alone; trained, it is conditional on zeros and ones.
    """
    count = len(labels.classes)
    numbers = np.where(labels.known, labels.codes, count)
    names = tuple(str(name) for name in labels.classes)
    shares = shares_of(np.bincount(labels.codes[labels.known]))
    return ready._replace(
        flow=Embedded(ready.flow, OneHot((count,))),
        condition=numbers[:, None].astype(np.float32),
        objective=augmented(ByClass(tuple(log_prior.tolist()), unlabelled=count), settings),
        facts=dataclasses.replace(ready.facts, labels=names, condition_shares=shares),
        finish=_without_numbers,
    )


def _without_numbers(flow: AbstractDistribution) -> AbstractDistribution:
    assert isinstance(flow, Embedded)  # see above
    return flow.distribution
