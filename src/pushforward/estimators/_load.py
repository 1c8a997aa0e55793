"""Load a fitted estimator without knowing which one it is."""

import os

from pushforward._errors import FileError
from pushforward.estimators._base import FlowEstimator
from pushforward.estimators._classifier import FlowClassifier
from pushforward.estimators._conditional import ConditionalFlowDensity
from pushforward.estimators._density import FlowDensity
from pushforward.estimators._forecaster import FlowForecaster
from pushforward.estimators._image_classifier import ImageClassifier
from pushforward.estimators._image_outlier import ImageOutlier
from pushforward.estimators._images import ImageDensity
from pushforward.estimators._outlier import FlowOutlier
from pushforward.estimators._sound import SoundDensity
from pushforward.modalities._model import Model, read_model

KINDS: tuple[type[FlowEstimator], ...] = (
    FlowClassifier,
    FlowOutlier,
    ConditionalFlowDensity,
    FlowDensity,
    ImageClassifier,
    ImageOutlier,
    ImageDensity,
    SoundDensity,
    FlowForecaster,
)
"""The first that a model is of; one that asks for more stands before one that asks for less."""


def load_estimator(path: str | os.PathLike[str]) -> FlowEstimator:
    """The estimator in a file.

    Of a table it is a `FlowDensity`, a `ConditionalFlowDensity`, a `FlowClassifier` or a `FlowOutlier`; of images an
    `ImageDensity`, an `ImageClassifier` or an `ImageOutlier`, of sound a `SoundDensity`, of series a
    `FlowForecaster`.

    Raises:
        FileError: If the file is missing, damaged, of a newer version, or holds a bare flow.
    """
    model = read_model(path)
    for kind in KINDS:
        if _is_of(kind, model):
            return kind.from_model(model)
    raise FileError(f"{path}: no estimator is for models of the kind {model.modality!r}", "use it from the shell")


def _is_of(kind: type[FlowEstimator], model: Model) -> bool:
    try:
        kind._require(model, "")
    except FileError:
        return False
    return True
