"""Odd images, at a known share of false alarms."""

import dataclasses
from typing import Any, Self, no_type_check

import numpy as np

from pushforward._errors import DataError
from pushforward.data import Images
from pushforward.estimators._calibrated import CalibratedOutlier
from pushforward.modalities.image._arrays import as_images, labels_of
from pushforward.modalities.image._model import ImageModel
from pushforward.modalities.image._prepare import Labelled
from pushforward.modalities.image._settings import ImageSettings
from pushforward.modalities.image.oddity._keep import states_by
from pushforward.modalities.image.oddity._ordinary import MOST_IMAGES, USUAL, Ordinary, check_score

LEAST_APART = 80
"""Images that are set apart at least: half of them are the reference of the score."""


@no_type_check
@dataclasses.dataclass(repr=False, eq=False)
class ImageOutlierSettings(ImageSettings):
    """The settings of all fits to images, and what counts as odd."""

    score_by: str = USUAL
    contamination: Any = "auto"
    alpha: float = 0.05
    calibration: float = 0.2


class ImageOutlier(CalibratedOutlier, ImageOutlierSettings):
    """Tells odd images, at a share of false alarms that is known.

    Some images are set apart before the fit, and nothing is learned from them. Half of them say what is usual among the
    numbers that the flow says of an image; by the others a score becomes a p-value that holds in finite samples, as in
    `FlowOutlier`. The log-density alone is a bad score of images: see the page on odd rows.

    The settings are those of `ImageDensity`, and four more.

    Args:
        score_by: `"states"`: `diagnostics.oddity.density_of_states` of the terms of the log-density, level by
            level, and the length of the image's PNG file. `"complexity"`: `input_complexity`, the sum of these.
            `"typicality"`, or `"log_prob"`.
        contamination: `"auto"`: an image is an outlier where its p-value is at most `alpha`. Or the share of outliers
            among the images that are set apart, at most 0.5.
        alpha: Share of ordinary images that are flagged, between 0 and 1, where `contamination` is `"auto"`.
        calibration: Share of the images that is set apart, above 0 and below 1; at least 80 images, and at most 2,048.

    Attributes:
        offset_: The score below which an image is an outlier.
        calibration_scores_: Scores of the images that calibrate, `(count,)`.

    Example:
        >>> digits = pf.data.read_images("sklearn:digits")
        >>> small = {"num_levels": 1, "num_steps": 1, "width": 8}
        >>> outlier = pf.ImageOutlier("glow", options=small, max_epochs=1, random_state=0).fit(digits)
        >>> noise = np.random.default_rng(0).integers(0, 17, (3, 8, 8, 1)).astype(np.uint8)
        >>> outlier.predict(pf.data.Images(noise, levels=17)).tolist()
        [-1, -1, -1]

    Reference:
        Morningstar et al. (2021), Density of states estimation for out-of-distribution detection. Bates, Candès, Lei,
        Romano & Sesia (2023), Testing for outliers with conformal p-values.
    """

    _modality = "image"
    _own = ("score_by", "contamination", "alpha", "calibration")

    def fit(self, X: Images | np.ndarray, y: Any = None) -> Self:
        """Learn the density of most images, and keep what the flow says of the others.

        Args:
            X: `Images`, or bytes `(count, height, width)` or `(count, height, width, channels)` with 256 grey values.
            y: Labels, where `conditional=True`; by default those of the `Images`.

        Raises:
            ValueError: If the images, the flow or a setting cannot be used.
        """
        self._check_settings()
        check_score(self.score_by)
        images = as_images(X)
        labels = labels_of(images, y) if self.conditional else None
        learned, apart = self._divided(len(images))
        self._learn(Labelled(images.take(learned), None if labels is None else labels[learned]))
        model = self.model_
        states = states_by(model, images.take(apart), None if labels is None else labels[apart])
        facts = dataclasses.replace(model.facts, ordinary=Ordinary.of(states, unseen=True))
        self._calibrate(facts, lambda: np.zeros(0))
        return self

    def score_samples(self, X: Images | np.ndarray, y: Any = None) -> np.ndarray:
        """A score of every image, `(count,)`; small is odd.

        Args:
            X: Images of the shape and levels that the model was fitted to.
            y: Labels, for a conditional model; by default those of the `Images`.
        """
        model = self._fitted
        images = ImageModel(model).checked(X)
        labels = labels_of(images, y) if model.facts.labels else None
        return model.facts.ordinary.scores(self.score_by, states_by(model, images, labels))

    @property
    def _settings(self) -> ImageSettings:
        return ImageSettings(**{field.name: getattr(self, field.name) for field in dataclasses.fields(ImageSettings)})

    def _known(self, facts: Any) -> np.ndarray:
        return facts.ordinary.calibration(self.score_by)

    def _divided(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the images that are learned from, and of those that are set apart, drawn at random."""
        apart = min(round(self.calibration * count), MOST_IMAGES)
        if apart < LEAST_APART:
            raise DataError(
                f"ImageOutlier: {apart} of {count} images would be set apart, and {LEAST_APART} are needed.",
                "give more images, or a larger `calibration`",
            )
        order = self._rng().permutation(count)
        return np.sort(order[apart:]), order[:apart]
