"""Laws that are Gaussian in each coordinate given those before it: their means and scales in closed form."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from pushforward._params import bounded_raw, positive
from pushforward.bijections import (
    AbstractBijection,
    ActNorm,
    Autoregressive,
    Chain,
    Identity,
    Inverse,
    Scan,
    TriangularAffine,
)
from pushforward.bijections._base import AbstractElementwise, _with_batch_axis
from pushforward.bijections.coupling._templates import back_from, fill
from pushforward.bijections.elementwise._affine import AbstractStretch
from pushforward.distributions._base import AbstractDistribution
from pushforward.distributions._independent import Normal
from pushforward.distributions._made import Autoregression
from pushforward.distributions._transformed import Transformed


class Steps(NamedTuple):
    r"""$p(x_i \mid x_{<i}) = N(m_i, s_i^2)$ at some events.

    Attributes:
        mean: $m_i$, `(dim, batch)`.
        log_scale: $\log s_i$, `(dim, batch)`.
    """

    mean: Float[Array, "dim batch"]
    log_scale: Float[Array, "dim batch"]


def has_steps(flow: AbstractDistribution) -> bool:
    """Whether each coordinate is Gaussian given those before it, for all that can be seen without numbers.

    So is `flows.made`, and a normal law behind affine autoregressive layers that all keep the columns' order: affine
    maps of a coordinate, with numbers that depend on those before, are one such map.
    """
    if isinstance(flow, Autoregression):
        return flow.law == "gaussian" and flow.num_orders == 1
    return isinstance(flow, Transformed) and isinstance(flow.base, Normal) and _keeps_order(flow.bijection)


def steps_at(flow: AbstractDistribution, x: Array, condition: Array | None) -> Steps:
    """Means and scales at events `(dim, batch)` of a law with steps."""
    if isinstance(flow, Autoregression):
        mean, raw = flow.net(x, condition, None)
        return Steps(mean, positive(bounded_raw(raw))[1])
    assert isinstance(flow, Transformed)
    z, log_slopes = _moved(flow.bijection, x, condition, forward=False)
    return _from_noise(flow.base, z, x, -log_slopes)


def draws_with_steps(
    flow: AbstractDistribution, key: PRNGKeyArray, n: int, condition: Array | None
) -> tuple[Array, Steps]:
    """Draws `(dim, n)`, and the means and scales that they were drawn with, from the same pass."""
    if not isinstance(flow, Transformed):
        x = flow._sample_many(key, n, condition, None)
        return x, steps_at(flow, x, condition)
    z = flow.base._sample_many(key, n, condition, None)
    x, log_slopes = _moved(flow.bijection, z, condition, forward=True)
    return x, _from_noise(flow.base, z, x, log_slopes)


def rows_with_steps(flow: AbstractDistribution, x: Array, condition: Array | None) -> tuple[Array, Steps]:
    """Rows `(dim, batch)`, and the means and scales at them, through which gradients pass.

    Where the way from rows to noise is in sequence, it is gone without gradients: the noise is then what is given, cut
    at `FAR_NOISE`, and the rows move with the flow. What compares the steps of two laws is least where these are equal,
    whatever noise it is asked at.
    """
    if not isinstance(flow, Transformed) or flow.kinds[0] == "analytic":
        return x, steps_at(flow, x, condition)
    z = flow.bijection._inverse_many(x, condition, None)[0]
    z = jax.lax.stop_gradient(jnp.clip(jnp.nan_to_num(z), -FAR_NOISE, FAR_NOISE))
    x, log_slopes = _moved(flow.bijection, z, condition, forward=True)
    return x, _from_noise(flow.base, z, x, log_slopes)


FAR_NOISE = 20.0
"""A row that needs more is as unlikely as any, and one step of it would outweigh all others."""


def kl_of_steps(q: Steps, p: Steps) -> Float[Array, " batch"]:
    r"""$\sum_i \log\frac{s^p_i}{s^q_i} + \frac{(s^q_i)^2 + (m^q_i - m^p_i)^2}{2 (s^p_i)^2} - \frac12$ in nats.

    At draws from q its mean is KL(q || p).
    """
    ratio = q.log_scale - p.log_scale
    apart = (q.mean - p.mean) * jnp.exp(-p.log_scale)
    return jnp.sum(0.5 * (jnp.expm1(2.0 * ratio) + apart**2) - ratio, axis=0)


def _keeps_order(bijection: AbstractBijection) -> bool:
    """Whether it is affine in each coordinate, with numbers that depend on those before it alone."""
    if isinstance(bijection, Chain):
        return all(_keeps_order(part) for part in bijection.bijections)
    if isinstance(bijection, Scan):
        return _keeps_order(bijection.stacked)
    if isinstance(bijection, Inverse):
        return _keeps_order(bijection.bijection)
    if isinstance(bijection, Autoregressive):
        inner = bijection.inner.bijection if isinstance(bijection.inner, Inverse) else bijection.inner
        return bijection.order is None and isinstance(inner, AbstractStretch)
    return isinstance(bijection, AbstractStretch | ActNorm | TriangularAffine | Identity)


def _moved(
    bijection: AbstractBijection, x: Array, condition: Array | None, *, forward: bool
) -> tuple[Array, Float[Array, "dim batch"]]:
    """The events on the other side, and the log-slope of each coordinate: the diagonal of a triangular Jacobian."""
    if isinstance(bijection, Inverse):
        return _moved(bijection.bijection, x, condition, forward=not forward)
    if isinstance(bijection, Chain):
        total = jnp.zeros_like(x)
        for part in bijection.bijections if forward else bijection.bijections[::-1]:
            x, log_slopes = _moved(part, x, condition, forward=forward)
            total = total + log_slopes
        return x, total
    if isinstance(bijection, Scan):
        return _scanned(bijection, x, condition, forward=forward)
    return _moved_by_one(bijection, x, condition, forward=forward)


def _scanned(scan: Scan, x: Array, condition: Array | None, *, forward: bool) -> tuple[Array, Array]:
    def one(carry: tuple[Array, Array], layer: AbstractBijection) -> tuple[tuple[Array, Array], None]:
        y, log_slopes = _moved(layer, carry[0], condition, forward=forward)
        return (y, carry[1] + log_slopes), None

    return jax.lax.scan(one, (x, jnp.zeros_like(x)), scan.stacked, reverse=not forward)[0]


def _moved_by_one(bijection: AbstractBijection, x: Array, condition: Array | None, *, forward: bool):
    if isinstance(bijection, Autoregressive):
        if forward:
            y = bijection._forward_many(x, condition, None)[0]
            return y, -_moved_by_one(bijection, y, condition, forward=False)[1]
        return back_from(fill(bijection.inner, bijection.net(x, condition)), x)
    if isinstance(bijection, AbstractElementwise):
        one = _with_batch_axis(bijection)
        return one._forward_pointwise(x) if forward else one._inverse_pointwise(x)
    y = bijection._forward_many(x, condition, None)[0] if forward else bijection._inverse_many(x, condition, None)[0]
    if not isinstance(bijection, TriangularAffine | ActNorm):
        return y, jnp.zeros_like(x)
    raw = bijection.scale_raw if isinstance(bijection, ActNorm) else bijection.diagonal_raw
    log_slopes = positive(raw)[1][:, None]
    return y, jnp.broadcast_to(log_slopes if forward else -log_slopes, x.shape)


def _from_noise(base: AbstractDistribution, z: Array, x: Array, log_slopes: Array) -> Steps:
    r"""From $x_i = a_i + b_i z_i$: the mean is $x_i - b_i (z_i - t_i)$ with the base's $t$."""
    assert isinstance(base, Normal)
    loc, scale = base._stretch()
    return Steps(x - jnp.exp(log_slopes) * (z - loc), log_slopes + jnp.log(scale))
