"""Flows and maps in NumPyro: as distributions, transforms, trained parameters and automatic guides."""

try:
    import numpyro as _numpyro  # noqa: F401
except ImportError as error:
    raise ImportError(
        "`pushforward.interop.numpyro` needs NumPyro, which is not installed. "
        "Install the extra `numpyro`, or `pip install numpyro`."
    ) from error

from pushforward.interop.numpyro._constraints import FlowSupport, constraint
from pushforward.interop.numpyro._distribution import FlowDistribution
from pushforward.interop.numpyro._guide import FlowGuide
from pushforward.interop.numpyro._param import param, with_params
from pushforward.interop.numpyro._transform import BijectionTransform

__all__ = [
    "BijectionTransform",
    "FlowDistribution",
    "FlowGuide",
    "FlowSupport",
    "constraint",
    "param",
    "with_params",
]
