"""Flows in other libraries: one package each, which needs an extra and is imported by nothing else.

- `pushforward.interop.gluonts`: the extra `gluonts`, or `pip install gluonts`.
- `pushforward.interop.numpyro`: the extra `numpyro`, or `pip install numpyro`.
- `pushforward.interop.pyod`: the extra `pyod`, or `pip install pyod`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pushforward.interop import gluonts, numpyro, pyod

__all__ = ["gluonts", "numpyro", "pyod"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return importlib.import_module(f"pushforward.interop.{name}")
    raise AttributeError(f"module 'pushforward.interop' has no attribute {name!r}")
