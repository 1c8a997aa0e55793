"""Load a fitted estimator without knowing which one it is."""

import os

from pushforward.estimators._conditional import ConditionalFlowDensity
from pushforward.estimators._density import FlowDensity
from pushforward.estimators._model_file import read_model


def load_estimator(path: str | os.PathLike[str]) -> FlowDensity | ConditionalFlowDensity:
    """The estimator in a file: a `ConditionalFlowDensity` if the model is conditional, else a `FlowDensity`.

    Raises:
        FileError: If the file is missing, damaged, of a newer version, or holds a flow without columns.
    """
    file = read_model(path)
    return ConditionalFlowDensity.from_file(file) if file.conditional else FlowDensity.from_file(file)
