"""Is the fit good: tests of a model against data, each with a verdict in words."""

from pushforward.diagnostics.goodness._calibration import Calibration, sbc
from pushforward.diagnostics.goodness._check import check
from pushforward.diagnostics.goodness._report import Check, Finding

__all__ = ["Calibration", "Check", "Finding", "check", "sbc"]
