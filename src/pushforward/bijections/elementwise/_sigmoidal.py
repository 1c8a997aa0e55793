r"""Deep sigmoidal maps: a mixture of sigmoids seen through a logit, in log space throughout.

Far out the logit of a mixture is linear with the least slope of its units, so the maps are onto the whole line.
There the log-slope is off by as many rounding steps as the largest exponent `a x + b` has (docs/concepts/numerics.md).
"""

from collections.abc import Sequence
from typing import ClassVar

import jax
import jax.numpy as jnp
from jax.scipy.special import logsumexp
from jaxtyping import Array

from pushforward._params import positive, positive_raw, shared, static
from pushforward._types import Kind, Shape
from pushforward.bijections._numerical import AbstractMonotone


class DeepSigmoidal(AbstractMonotone):
    r"""$y = \operatorname{logit}\big(\sum_j w_j\,\sigma(a_j x + b_j)\big)$ with $a_j > 0$, $w_j > 0$, $\sum_j w_j = 1$.

    With the shares $r_j$ and $s_j$ of unit $j$ in the mixture and in its complement,
    $dy/dx = \sum_j a_j\,(r_j\,\sigma(-u_j) + s_j\,\sigma(u_j))$ where $u_j = a_j x + b_j$: a sum of positive terms.

    Args:
        num_units: Number of sigmoids.
        slope: $a_j$ at the start.
        centres: Where each sigmoid is one half at the start. By default close together around 0, so that with slope 1
            the map starts near the identity.
        shape: The event's shape.

    Raises:
        ValueError: If `num_units` is below 1, `slope` is not positive, or there is not one centre for each unit.

    Example:
        >>> abs(DeepSigmoidal(8).forward(jnp.array(0.0)).item()) < 1e-6
        True

    Reference:
        Huang, Krueger, Lacoste & Courville (2018), Neural autoregressive flows (deep sigmoidal flow).
    """

    slopes_raw: Array
    offsets: Array
    weights_raw: Array
    shape: Shape = static()

    forward_kind: ClassVar[Kind] = "analytic"

    def __init__(
        self, num_units: int = 16, *, slope: float = 1.0, centres: Sequence[float] | None = None, shape: Shape = ()
    ):
        if num_units < 1 or not slope > 0:
            raise ValueError(
                f"DeepSigmoidal: `num_units` must be at least 1 and `slope` positive, got {num_units} and {slope}."
            )
        if centres is not None and len(centres) != num_units:
            raise ValueError(f"DeepSigmoidal: needs {num_units} `centres`, one for each unit, got {len(centres)}.")
        offsets = _spread(num_units, shape)
        if centres is not None:
            offsets = _over_event(-slope * jnp.asarray(centres, jnp.result_type(float)), shape)
        self.slopes_raw = jnp.full((num_units, *shape), positive_raw(slope))
        self.offsets, self.weights_raw = offsets, jnp.zeros((num_units, *shape))
        self.shape = tuple(shape)

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        slopes, log_slopes = positive(self.slopes_raw)
        return _logit_of_mixture(jax.nn.log_softmax(self.weights_raw, axis=0), slopes * x + self.offsets, log_slopes)


class DenseSigmoidal(AbstractMonotone):
    r"""Layers $h' = \operatorname{logit}(W \sigma(a \odot U h + b))$ from one number to one number.

    $U$ and $W$ have rows of positive numbers of sum 1. A network predicts $a$, $b$ and one logit for each column of
    $U$ and $W$; the rest of their logits is shared by all coordinates.

    Args:
        num_units: Units of each hidden layer.
        num_layers: Layers, at least 2; with 1 it would be `DeepSigmoidal`.
        shape: The event's shape.

    Raises:
        ValueError: If a count is too small.

    Reference:
        Huang, Krueger, Lacoste & Courville (2018), Neural autoregressive flows (deep dense sigmoidal flow).
    """

    slopes_raw: tuple[Array, ...]
    offsets: tuple[Array, ...]
    outer_raw: tuple[Array, ...]
    inner_raw: tuple[Array, ...]
    outer_shared: tuple[Array, ...] = shared()
    inner_shared: tuple[Array, ...] = shared()
    shape: Shape = static()

    forward_kind: ClassVar[Kind] = "analytic"

    def __init__(self, num_units: int = 16, *, num_layers: int = 2, shape: Shape = ()):
        if num_units < 1 or num_layers < 2:
            raise ValueError(
                "DenseSigmoidal: needs `num_units` from 1 on and `num_layers` from 2 on, "
                f"got {num_units} and {num_layers}."
            )
        ins, outs = [1] + [num_units] * (num_layers - 1), [num_units] * (num_layers - 1) + [1]
        self.slopes_raw = tuple(jnp.zeros((num_units, *shape)) for _ in ins)
        self.offsets = tuple(_spread(num_units, shape) for _ in ins)
        self.outer_raw = tuple(jnp.zeros((num_units, *shape)) for _ in ins)
        self.inner_raw = tuple(jnp.zeros((size, *shape)) for size in ins[1:])
        self.outer_shared = tuple(jnp.zeros((out, num_units, *shape)) for out in outs)
        self.inner_shared = tuple(jnp.zeros((num_units, size, *shape)) for size in ins[1:])
        self.shape = tuple(shape)

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        h, log_slope = x[None], jnp.zeros_like(x)[None]  # one unit
        for i, (slopes_raw, offsets) in enumerate(zip(self.slopes_raw, self.offsets, strict=True)):
            if i > 0:
                log_mix = jax.nn.log_softmax(self.inner_shared[i - 1] + self.inner_raw[i - 1], axis=1)
                h, log_slope = jnp.sum(jnp.exp(log_mix) * h, axis=1), logsumexp(log_mix + log_slope, axis=1)
            slopes, log_slopes = positive(slopes_raw)
            log_weights = jax.nn.log_softmax(self.outer_shared[i] + self.outer_raw[i], axis=1)
            # (out, unit, *event): every output mixes the same units.
            h, log_slope = _logit_of_mixture(
                jnp.moveaxis(log_weights, 1, 0), (slopes * h + offsets)[:, None], (log_slopes + log_slope)[:, None]
            )
        return h[0], log_slope[0]


def _logit_of_mixture(log_weights: Array, u: Array, log_slopes: Array) -> tuple[Array, Array]:
    """Of `logit(sum_j w_j sigmoid(u_j))` along the first axis: its value and log-slope, given those of `u`."""
    rise, fall = _log_sigmoids(u)
    log_p, shares = _log_sum(log_weights + rise)
    log_q, shares_of_rest = _log_sum(log_weights + fall)
    slopes = jnp.concatenate([shares + fall + log_slopes, shares_of_rest + rise + log_slopes])
    return log_p - log_q, _log_sum(slopes)[0]


@jax.custom_jvp
def _log_sigmoids(u: Array) -> tuple[Array, Array]:
    """`log sigmoid(u)` and `log sigmoid(-u)`."""
    tail = jnp.log1p(jnp.exp(-jnp.abs(u)))
    return jnp.minimum(u, 0.0) - tail, jnp.minimum(-u, 0.0) - tail


@_log_sigmoids.defjvp
def _log_sigmoids_jvp(primals: tuple[Array], tangents: tuple[Array]):
    (u,), (along,) = primals, tangents
    rise, fall = _log_sigmoids(u)
    return (rise, fall), (jnp.exp(fall) * along, -jnp.exp(rise) * along)


def _log_sum(values: Array) -> tuple[Array, Array]:
    """`log sum exp` along the first axis, and the log-shares, exact however large the values are."""
    top = jax.lax.stop_gradient(jnp.max(values, axis=0))
    rest = jnp.log(jnp.sum(jnp.exp(values - top), axis=0))
    return top + rest, values - top - rest


def _spread(num_units: int, shape: Shape) -> Array:
    """Offsets from -1 to 1: units that start alike would stay alike."""
    return _over_event(jnp.linspace(-1.0, 1.0, num_units) if num_units > 1 else jnp.zeros(1), shape)


def _over_event(values: Array, shape: Shape) -> Array:
    """The same values for every coordinate: `(units,) -> (units, *shape)`."""
    return jnp.broadcast_to(values.reshape(-1, *(1,) * len(shape)), (values.shape[0], *shape))
