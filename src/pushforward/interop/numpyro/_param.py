"""Flows as parameters that NumPyro trains."""

from typing import Any, TypeVar

import equinox as eqx
import numpyro

from pushforward._params import partition
from pushforward._types import Part

T = TypeVar("T", bound=Part)


def param(name: str, part: T) -> T:
    """A flow, or a map, whose trained numbers are a parameter of the model or the guide: for `numpyro.infer.SVI`.

    What is not trained, as the numbers of a `Standardize`, stays as it is.

    Args:
        name: Of the site; the result of SVI has the trained numbers under it, for `with_params`.
        part: Where training starts.

    Returns:
        The part with the numbers that NumPyro has at the time.

    Example:
        >>> import numpyro
        >>> from pushforward.interop.numpyro import FlowDistribution, param
        >>> flow = pf.flows.gaussian(2, key=key)
        >>> def model(x):
        ...     with numpyro.plate("rows", len(x)):
        ...         numpyro.sample("x", FlowDistribution(param("flow", flow)), obs=x)
        >>> svi = numpyro.infer.SVI(model, lambda x: None, numpyro.optim.Adam(0.01), numpyro.infer.Trace_ELBO())
        >>> result = svi.run(key, 10, jnp.ones((5, 2)), progress_bar=False)
        >>> pf.interop.numpyro.with_params(flow, result.params["flow"]).event_shape
        (2,)
    """
    trained, fixed = partition(part)
    start: Any = trained  # NumPyro takes any tree, and says arrays
    found: Any = numpyro.param(name, start)
    return eqx.combine(found, fixed)


def with_params(part: T, params: T) -> T:
    """The part with the numbers that SVI has found.

    Args:
        part: What was given to `param`.
        params: What the result has under the site's name: `result.params[name]`.
    """
    return eqx.combine(params, partition(part)[1])
