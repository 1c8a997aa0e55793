"""Normalizing flows: learn an invertible map, get an exact density and samples.

Everything is imported on first use, so `import pushforward` costs next to nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

from pushforward._version import __version__

if TYPE_CHECKING:
    from pushforward import (
        bijections,
        conditionals,
        data,
        diagnostics,
        distillation,
        distributions,
        estimators,
        flows,
        interop,
        io,
        modalities,
        nets,
        objectives,
        plots,
        reports,
        supports,
        testing,
        train,
    )
    from pushforward._errors import DataError, FileError, PushforwardError, TrainingError
    from pushforward.distillation import distill
    from pushforward.estimators import (
        ConditionalFlowDensity,
        FlowClassifier,
        FlowDensity,
        FlowForecaster,
        FlowOutlier,
        FlowVAE,
        Gaussianizer,
        ImageClassifier,
        ImageDensity,
        ImageOutlier,
        SoundDensity,
        compare,
    )
    from pushforward.io import load, save
    from pushforward.train import FitResult, fit, partition, trainable

_HOMES = {
    "ConditionalFlowDensity": "pushforward.estimators",
    "DataError": "pushforward._errors",
    "FileError": "pushforward._errors",
    "FitResult": "pushforward.train",
    "FlowClassifier": "pushforward.estimators",
    "FlowDensity": "pushforward.estimators",
    "FlowForecaster": "pushforward.estimators",
    "FlowOutlier": "pushforward.estimators",
    "FlowVAE": "pushforward.estimators",
    "Gaussianizer": "pushforward.estimators",
    "ImageClassifier": "pushforward.estimators",
    "ImageDensity": "pushforward.estimators",
    "ImageOutlier": "pushforward.estimators",
    "PushforwardError": "pushforward._errors",
    "SoundDensity": "pushforward.estimators",
    "TrainingError": "pushforward._errors",
    "compare": "pushforward.estimators",
    "distill": "pushforward.distillation",
    "fit": "pushforward.train",
    "load": "pushforward.io",
    "partition": "pushforward.train",
    "save": "pushforward.io",
    "trainable": "pushforward.train",
}
_PACKAGES = (
    "bijections",
    "conditionals",
    "data",
    "diagnostics",
    "distillation",
    "distributions",
    "estimators",
    "flows",
    "interop",
    "io",
    "modalities",
    "nets",
    "objectives",
    "plots",
    "reports",
    "supports",
    "testing",
    "train",
)

__all__ = [
    "ConditionalFlowDensity",
    "DataError",
    "FileError",
    "FitResult",
    "FlowClassifier",
    "FlowDensity",
    "FlowForecaster",
    "FlowOutlier",
    "FlowVAE",
    "Gaussianizer",
    "ImageClassifier",
    "ImageDensity",
    "ImageOutlier",
    "PushforwardError",
    "SoundDensity",
    "TrainingError",
    "__version__",
    "bijections",
    "compare",
    "conditionals",
    "data",
    "diagnostics",
    "distill",
    "distillation",
    "distributions",
    "estimators",
    "fit",
    "flows",
    "interop",
    "io",
    "load",
    "modalities",
    "nets",
    "objectives",
    "partition",
    "plots",
    "reports",
    "save",
    "supports",
    "testing",
    "train",
    "trainable",
]


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return importlib.import_module(f"pushforward.{name}")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'pushforward' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
