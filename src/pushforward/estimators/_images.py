"""The density of images."""

import dataclasses
from typing import Any, Self

import numpy as np

from pushforward.data import Images
from pushforward.estimators._base import FlowEstimator
from pushforward.modalities._model import Model
from pushforward.modalities.image._arrays import as_images, labels_of
from pushforward.modalities.image._model import ImageMethods
from pushforward.modalities.image._prepare import Labelled
from pushforward.modalities.image._settings import ImageSettings


class ImageDensity(ImageSettings, FlowEstimator, ImageMethods):  # pyright: ignore[reportIncompatibleMethodOverride]: flows of images are `Transformed`
    """A density of images, learned by a normalizing flow of whole grey values.

    Args:
        flow: The name of an image flow in `pushforward.flows.RECIPES`.
        options: Of the recipe, such as `{"num_levels": 2, "num_steps": 8}`.
        conditional: Whether the flow is told the label of every image.
        flip: Whether training sees images mirrored left to right, half of the time.
        shift: Training sees images moved by up to so many pixels; the image is continued by its edge.
        drop_labels: Share of the labels that training leaves out, 0.1 for a model that is to be guided.
        batch_size: Images per step; None for 64, or for 16 where small flows of large images learn more by more steps.

    The other settings, and `result_`, are those of `FlowDensity`.

    Attributes:
        flow_: The fitted `Transformed`, from noise to images `(height, width, channels)` of grey values.
        levels_: How many grey values there are.
        labels_: Names of the labels, if the flow is conditional.

    Example:
        >>> digits = pf.data.read_images("sklearn:digits")
        >>> small = {"num_levels": 1, "num_steps": 1, "width": 8}
        >>> model = pf.ImageDensity("glow", options=small, max_epochs=1, random_state=0).fit(digits)
        >>> model.sample(3, random_state=1).shape
        (3, 8, 8, 1)
    """

    _modality = "image"

    def fit(self, X: Images | np.ndarray, y: Any = None) -> Self:
        """Learn the density of images.

        Args:
            X: `Images`, or bytes `(count, height, width)` or `(count, height, width, channels)` with 256 grey values.
            y: `(count,)` labels of any kind; by default those of the `Images`.

        Raises:
            ValueError: If the images, the flow or a setting cannot be used.
        """
        images = as_images(X)
        self._learn(Labelled(images, labels_of(images, y) if self.conditional else None))
        return self

    @classmethod
    def from_model(cls, model: Model) -> Self:
        """The density that has fitted a model, of an `ImageClassifier` too."""
        settings = {name: value for name, value in model.settings.items() if name != "fitted"}
        return super().from_model(dataclasses.replace(model, settings=settings))
