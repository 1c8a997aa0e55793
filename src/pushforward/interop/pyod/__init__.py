"""Flows in PyOD: `FlowOutlier` as one of its detectors."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pushforward.interop.pyod._detector import FlowDetector

__all__ = ["FlowDetector"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'pushforward.interop.pyod' has no attribute {name!r}")
    try:
        from pushforward.interop.pyod._detector import FlowDetector
    except ModuleNotFoundError as error:
        raise ImportError(
            "`pushforward.interop.pyod` needs PyOD, which is not installed. "
            "Install the extra `pyod`, or `pip install pyod`."
        ) from error
    return FlowDetector
