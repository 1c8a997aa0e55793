"""Normalizing flows: learn an invertible map, get an exact density and samples.

Everything is imported on first use, so `import pushforward` costs next to nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

from pushforward._version import __version__

if TYPE_CHECKING:
    from pushforward import bijections, data, diagnostics, distributions, flows, nets, objectives, plots
    from pushforward.estimators import ConditionalFlowDensity, FlowDensity, Gaussianizer, ImageDensity
    from pushforward.io import load, save
    from pushforward.train import FitResult, fit

_HOMES = {
    "ConditionalFlowDensity": "pushforward.estimators",
    "FitResult": "pushforward.train",
    "FlowDensity": "pushforward.estimators",
    "Gaussianizer": "pushforward.estimators",
    "ImageDensity": "pushforward.estimators",
    "fit": "pushforward.train",
    "load": "pushforward.io",
    "save": "pushforward.io",
}
_PACKAGES = ("bijections", "data", "diagnostics", "distributions", "flows", "nets", "objectives", "plots")

__all__ = [
    "ConditionalFlowDensity",
    "FitResult",
    "FlowDensity",
    "Gaussianizer",
    "ImageDensity",
    "__version__",
    "bijections",
    "data",
    "diagnostics",
    "distributions",
    "fit",
    "flows",
    "load",
    "nets",
    "objectives",
    "plots",
    "save",
]


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return importlib.import_module(f"pushforward.{name}")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'pushforward' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
