"""Flows in PyOD: `FlowOutlier` as one of its detectors."""

try:
    import pyod as _pyod  # noqa: F401  # pyright: ignore[reportMissingImports]
except ImportError as error:
    raise ImportError(
        "`pushforward.interop.pyod` needs PyOD, which is not installed. "
        "Install the extra `pyod`, or `pip install pyod`."
    ) from error

from pushforward.interop.pyod._detector import FlowDetector

__all__ = ["FlowDetector"]
