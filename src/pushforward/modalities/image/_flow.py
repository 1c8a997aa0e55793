"""The flow of an image model: by its name, what it is trained for, and how images are drawn from it."""

from typing import Any

import jax
import numpy as np
from jaxtyping import Array

from pushforward import objectives
from pushforward._errors import DataError
from pushforward.distributions import AbstractDistribution
from pushforward.flows import Recipe, denoise, guided, without_rounding
from pushforward.modalities._events import has_noise, recipe_for
from pushforward.modalities.image._settings import ImageSettings
from pushforward.objectives import Augmented, DropCondition, Objective


def image_recipe(name: str, options: Any = None) -> Recipe:
    """The recipe of an image flow, or a DataError where there is none of this name, or it has no such option."""
    return recipe_for("image", name, "images", options)


def image_objective(settings: ImageSettings) -> Objective:
    """Likelihood of images that may be mirrored or moved, and whose labels may be left out, as the settings say.

    Raises:
        DataError: If labels are to be left out that are not learned at all.
    """
    if settings.drop_labels and not settings.conditional:
        raise DataError(
            f"images: drop_labels={settings.drop_labels} leaves out labels, but the model is not conditional on them.",
            "give `--labels` as well (in Python: `conditional=True`)",
        )
    objective: Objective = getattr(objectives, image_recipe(settings.flow).objective)
    return augmented(DropCondition(objective, settings.drop_labels) if settings.drop_labels else objective, settings)


def augmented(objective: Objective, settings: ImageSettings) -> Objective:
    """The objective of images that are mirrored or moved, as the settings say."""
    if not settings.flip and not settings.shift:
        return objective
    return Augmented(objective, flip=settings.flip, shift=settings.shift)


def drawing_flow(flow: AbstractDistribution, guidance: float, drop_labels: float) -> AbstractDistribution:
    """The flow that samples are drawn from: guided, if that is asked for.

    Raises:
        DataError: If it cannot be guided.
    """
    if not guidance:
        return flow
    try:
        led = guided(flow, guidance)
    except ValueError:
        raise DataError(
            "images: guidance is for a model that knows labels, of a flow of transformers.",
            "fit one with `--flow tarflow-image --labels --drop-labels 0.1`",
        ) from None
    if not drop_labels:
        raise DataError(
            "images: guidance compares with images of no label, which this model has never seen.",
            "fit it with `--drop-labels 0.1` (in Python: `drop_labels=0.1`)",
        )
    return led


def check_latents(flow: AbstractDistribution) -> None:
    """A DataError where latents are whole numbers, between which there is no way."""
    if flow.exact:
        raise DataError(
            "images: the flow moves whole numbers, and has no latent vectors between which one can walk.",
            "fit a flow of real numbers, such as `--flow glow`",
        )


def draw(
    drawn: AbstractDistribution,
    flow: AbstractDistribution,
    key: Array,
    count: int,
    condition: np.ndarray | None,
    *,
    temperature: float | None,
    denoised: bool | None,
) -> np.ndarray:
    """Grey values `(count, height, width, channels)`; noise is taken away by `flow`, as trained.

    Raises:
        DataError: If there is no noise to take away.
    """
    shape = count if condition is None else ()
    if not (has_noise(flow) if denoised is None else denoised):
        return np.asarray(drawn.sample(key, shape, condition, temperature=temperature))
    if not has_noise(flow):
        raise DataError(
            "images: the model was not trained with Gaussian noise, and its samples have none.",
            "leave `--denoise` out, or fit `--flow tarflow-image --set noise=0.05`",
        )
    smooth, noise = without_rounding(drawn)
    noisy = smooth.sample(key, shape, condition, temperature=temperature)
    return np.asarray(jax.jit(noise.rounded)(denoise(flow, noisy, condition)))
