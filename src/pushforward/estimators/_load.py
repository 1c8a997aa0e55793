"""Load a fitted estimator without knowing which one it is."""

import os

from pushforward._errors import FileError
from pushforward.estimators._classifier import FlowClassifier
from pushforward.estimators._conditional import ConditionalFlowDensity
from pushforward.estimators._density import FlowDensity
from pushforward.estimators._forecaster import FlowForecaster
from pushforward.estimators._images import ImageDensity
from pushforward.modalities._model import read_model


def load_estimator(
    path: str | os.PathLike[str],
) -> FlowDensity | ConditionalFlowDensity | FlowClassifier | ImageDensity | FlowForecaster:
    """The estimator in a file.

    Of a table it is a `FlowDensity`, a `ConditionalFlowDensity` or a `FlowClassifier`; of images an `ImageDensity`;
    of series a `FlowForecaster`.

    Raises:
        FileError: If the file is missing, damaged, of a newer version, or holds a bare flow.
    """
    model = read_model(path)
    if model.modality == "image":
        return ImageDensity.from_model(model)
    if model.modality == "series":
        return FlowForecaster.from_model(model)
    if model.modality == "table" and "fitted" in model.settings:
        return FlowClassifier.from_model(model)
    if model.modality == "table":
        conditional = model.facts.condition_schema is not None
        return (ConditionalFlowDensity if conditional else FlowDensity).from_model(model)
    raise FileError(f"{path}: no estimator is for models of the kind {model.modality!r}", "use it from the shell")
