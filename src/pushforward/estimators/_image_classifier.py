"""Classes of images by their densities."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Self, no_type_check

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.validation import check_is_fitted

from pushforward._errors import DataError, FileError
from pushforward.data import Images
from pushforward.estimators._base import FlowEstimator, require_modality
from pushforward.estimators._class_labels import check_all_known, check_way, labels_in
from pushforward.estimators._image_classes import prepared_by_class
from pushforward.estimators._images import ImageDensity
from pushforward.modalities import modality_named
from pushforward.modalities._classes import ClassReport, Posterior, judged, log_prior_of, posterior
from pushforward.modalities._learn import key_from, trained
from pushforward.modalities._model import Model
from pushforward.modalities.image._arrays import as_images, labels_of
from pushforward.modalities.image._classify import log_given
from pushforward.modalities.image._settings import ImageSettings


@no_type_check
@dataclasses.dataclass(repr=False, eq=False)
class ImageClassifier(ClassifierMixin, FlowEstimator):
    r"""A density of images for each class, and the probability of each: $p(c \mid x) \propto \pi_c\, p(x \mid c)$.

    Beside a probability it has a density: `score_samples` tells an image that is like none of the classes. Differences
    of log-probabilities of whole images are large, and so probabilities are mostly near 0 and 1: see `calibrated`.
    Images without a label, `y = -1`, are learned from as well: one costs $-\log \sum_c \pi_c\, p(x \mid c)$, one with
    a label $-\log \pi_y\, p(x \mid y)$.

    Args:
        flow: The name of an image flow that can be conditional, such as "glow".
        options: Of the recipe, such as `{"num_levels": 1, "num_steps": 4}`.
        classes: What depends on the class. `"conditional"`: the whole flow. `"latent"`: one flow for all, whose noise
            is a Gaussian for each class (FlowGMM), which is better with few labels. None for `"latent"` where images
            have no label, else `"conditional"`. With `"conditional"` and images without a label, a step takes one pass
            of the flow for each class.
        class_prior: Probabilities of the classes, in the order of `classes_`; `"uniform"`; or None for their shares
            among the images with a label.
        calibrated: Whether log-probabilities are divided by a temperature, which is found on images that are held out
            and makes the right classes likeliest there; the likeliest class of an image stays the same where the
            classes have one prior.
        flip: As of `ImageDensity`, and so are those below.
        shift: Pixels.
        learning_rate: Of Adam, at its highest.
        batch_size: Images per step.
        max_epochs: Passes through the data at most.
        patience: Epochs without a better held-out loss before training ends.
        validation: What is held out, a share, of the labels too; with few of them None, which leaves the temperature 1.
        ema: Decay of a running mean of the parameters.
        weight_decay: Share of the weights of networks, times the learning rate, that a step takes away.
        progress: Whether to report on stderr.
        random_state: A seed, a `numpy.random.RandomState`, or None for NumPy's global one.

    Attributes:
        density_: The fitted `ImageDensity`, conditional on the class.
        classes_: The classes, in order.
        class_log_prior_: Log-probabilities of the classes.
        temperature_: What log-probabilities are divided by; 1 where they are not calibrated.

    Example:
        >>> digits = pf.data.read_images("sklearn:digits")
        >>> small = {"num_levels": 1, "num_steps": 1, "width": 8}
        >>> model = pf.ImageClassifier("glow", options=small, max_epochs=1, random_state=0).fit(digits)
        >>> model.predict_proba(digits.take(np.arange(3))).shape
        (3, 10)

    Reference:
        Nalisnick et al. (2019), Hybrid models with deep and invertible features. Izmailov, Kirichenko, Finzi & Wilson
        (2020), Semi-supervised learning with normalizing flows, for images without a label. Guo, Pleiss, Sun
        & Weinberger (2017), On calibration of modern neural networks, section 4.2, for the temperature.
    """

    _modality: ClassVar[str] = "image"

    flow: str = "glow"
    _: dataclasses.KW_ONLY
    options: Mapping[str, Any] | None = None
    classes: str | None = None
    class_prior: Any = None
    calibrated: bool = True
    flip: bool = False
    shift: int = 0
    learning_rate: float | None = None
    batch_size: int | None = 64
    max_epochs: int | None = None
    patience: int | None = None
    validation: float | None = 0.1
    ema: float | None = None
    weight_decay: float | None = None
    progress: bool = False
    random_state: Any = None

    def fit(self, X: Images | np.ndarray, y: Any = None) -> Self:
        """Learn a density for each class.

        Args:
            X: `Images`, or bytes `(count, height, width[, channels])`.
            y: `(count,)` labels, whole numbers or text; by default those of the `Images`. -1, in text too, for an image
                without a label.

        Raises:
            ValueError: If the images, the flow or a setting cannot be used; if no image has a label, or all have the
                same.
        """
        if self.classes is not None:
            check_way(self.classes)
        images = as_images(X)
        found = labels_in(labels_of(images, y), "ImageClassifier", "image")
        self.classes_, codes = found
        self.class_log_prior_ = log_prior_of(self.class_prior, np.bincount(codes[found.known]))
        ready, key = prepared_by_class(images, found, self.classes, self.class_log_prior_, self._settings)
        model = trained(modality_named(self._modality), ready, self._settings, key)
        self.temperature_ = 1.0
        self.density_ = ImageDensity.from_model(model)
        assert ready.held_out is not None  # of every fit
        rows = ready.held_out(ready).rows
        rows = rows[found.known[rows]]
        if self.calibrated and len(rows):
            self.temperature_ = temperature_of(self._log_given(images.take(rows)), codes[rows], self.class_log_prior_)
        self._set_fitted(dataclasses.replace(model, settings=dict(model.settings) | {"fitted": self._to_plain()}))
        return self

    def predict(self, X: Images | np.ndarray) -> np.ndarray:
        """The likeliest class of each image, `(count,)`."""
        return self.classes_[np.argmax(self._posterior(X).log_proba, axis=1)]

    def predict_proba(self, X: Images | np.ndarray) -> np.ndarray:
        """The probability of each class, `(count, classes)`, in the order of `classes_`."""
        return np.exp(self.predict_log_proba(X))

    def predict_log_proba(self, X: Images | np.ndarray) -> np.ndarray:
        """The logarithm of `predict_proba`."""
        return self._posterior(X).log_proba

    def score_samples(self, X: Images | np.ndarray) -> np.ndarray:
        r"""A lower bound of $\log \sum_c \pi_c\, p(x \mid c)$ of every image in nats, `(count,)`."""
        check_is_fitted(self, "model_")
        return posterior(self._log_given(X), self.class_log_prior_).log_prob

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Share of the images whose likeliest class is the right one; `y` by default the labels of the `Images`.

        Raises:
            ValueError: If an image has no label.
        """
        right = np.asarray([str(one) for one in self._known_labels(X, y)])
        return float(accuracy_score(right, self.predict(X).astype(str), sample_weight=sample_weight))

    def report(self, X: Images | np.ndarray, y: Any = None) -> ClassReport:
        """Accuracy, log loss and calibration error on images with labels.

        Raises:
            ValueError: If an image has no label, or one that is not a class.
        """
        labels = np.asarray([str(one) for one in self._known_labels(X, y)])
        names = [str(one) for one in self.classes_]
        if unknown := sorted(set(labels) - set(names)):
            raise DataError(f"images: {str(unknown[0])!r} is not a class.", f"one of {', '.join(names[:20])}")
        return judged(self.predict_log_proba(X), np.array([names.index(one) for one in labels]))

    def sample(self, n_samples: int = 1, y: Any = None, random_state: Any = None) -> np.ndarray:
        """Draw images `(n_samples, height, width, channels)` of a class, or of classes drawn by their probabilities."""
        check_is_fitted(self, "model_")
        if y is None:
            class_key = jax.random.fold_in(key_from(random_state), 1)
            codes = jax.random.categorical(class_key, jnp.asarray(self.class_log_prior_), shape=(n_samples,))
            y = self.classes_[np.asarray(codes)]
        return self.density_.sample(n_samples, random_state, y=y)

    @classmethod
    def from_model(cls, model: Model) -> Self:
        """The classifier that has fitted a model."""
        settings = {name: value for name, value in model.settings.items() if name != "fitted"}
        found = model.settings["fitted"]
        own = {name: settings[name] for name in TRAINING if name in settings}
        own |= {"classes": found.get("way"), "class_prior": found["class_prior"], "calibrated": found["calibrated"]}
        estimator = cls(**own)
        estimator.classes_ = np.array(found["classes"], dtype=found["dtype"])
        estimator.class_log_prior_ = np.array(found["log_prior"])
        estimator.temperature_ = found["temperature"]
        estimator.density_ = ImageDensity.from_model(dataclasses.replace(model, settings=settings))
        estimator._set_fitted(model)
        return estimator

    @classmethod
    def _require(cls, model: Model, source: str) -> None:
        require_modality(model, cls._modality, source)
        if "fitted" not in model.settings:
            raise FileError(f"{source}: this model is no classifier of images", "`load_estimator` loads any model")

    @property
    def _settings(self) -> ImageSettings:
        return ImageSettings(conditional=True, **{name: getattr(self, name) for name in TRAINING})

    def _posterior(self, X: Images | np.ndarray) -> Posterior:
        check_is_fitted(self, "model_")
        return posterior(self._log_given(X) / self.temperature_, self.class_log_prior_)

    def _log_given(self, X: Images | np.ndarray) -> np.ndarray:
        """Log-probabilities of images given each class, `(count, classes)`, all with the same noise."""
        return log_given(self.density_, as_images(X))

    def _known_labels(self, X: Images | np.ndarray, y: Any) -> np.ndarray:
        """Labels to compare with, `(count,)`, each of which is one."""
        check_is_fitted(self, "model_")
        labels = labels_of(as_images(X), y)
        check_all_known(labels, self.classes_, "image")
        return labels

    def _to_plain(self) -> dict[str, Any]:
        """What a file must hold beside the model."""
        prior = self.class_prior
        return {
            "classes": self.classes_.tolist(),
            "dtype": self.classes_.dtype.str if self.classes_.dtype != object else "object",
            "log_prior": self.class_log_prior_.tolist(),
            "way": self.classes,
            "class_prior": prior if prior is None or isinstance(prior, str) else [float(share) for share in prior],
            "calibrated": bool(self.calibrated),
            "temperature": self.temperature_,
        }


TRAINING = (
    "flow",
    "options",
    "flip",
    "shift",
    "learning_rate",
    "batch_size",
    "max_epochs",
    "patience",
    "validation",
    "ema",
    "weight_decay",
    "progress",
    "random_state",
)
"""Settings that are those of `ImageDensity`."""


def temperature_of(log_given: np.ndarray, codes: np.ndarray, log_prior: np.ndarray) -> float:
    """What log-probabilities are to be divided by so that the right classes are likeliest, from 0.1 to 10,000."""

    def loss(log_temperature: float) -> float:
        log_proba = posterior(log_given / np.exp(log_temperature), log_prior).log_proba
        return -float(np.mean(log_proba[np.arange(len(codes)), codes]))

    found = minimize_scalar(loss, bounds=(np.log(0.1), np.log(1e4)), method="bounded")
    return float(np.exp(found.x))
