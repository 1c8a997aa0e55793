r"""Traces and log-determinants of Jacobians: exact, estimated from noise, and with gradients that need little memory.

A `function(params, x)` maps events along the last axis, `(*event, batch) -> (*event, batch)`, each by itself; $J$ is
the Jacobian of one event. It takes its parameters as an argument, so that gradients for them can be held back.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.special import gammainc
from jaxtyping import Array

from pushforward._matrices import log_abs_det

Function = Callable[[Any, Array], Array]

MAX_TERMS = 200
"""Of a roulette; the noise has 24 bits, with which a geometric law of mean 2 ends after 41."""


class Terms(NamedTuple):
    """How many terms of a series are taken.

    Attributes:
        fixed: Terms that are always taken.
        law: Of the number of terms after those, `"geometric"` or `"poisson"`; None takes no more, which is biased.
        mean: Of that number. A geometric law has a finite variance where the squares of the singular values of $J$
            are below `mean / (1 + mean)`; a Poisson law in theory nowhere, in practice where they are small.
    """

    fixed: int
    law: str | None = None
    mean: float = 2.0


def jacobians(function: Function, params: Any, x: Array) -> Array:
    """The Jacobian of every event, `(batch, dim, dim)` with the outputs first, by `dim` forward passes."""
    dim = x[..., 0].size
    basis = jnp.eye(dim, dtype=x.dtype).reshape(dim, *x.shape[:-1], 1)
    _, push = jax.linearize(lambda v: function(params, v), x)
    columns = jax.vmap(lambda unit: push(jnp.broadcast_to(unit, x.shape)))(basis)
    return jnp.transpose(columns.reshape(dim, dim, -1), (2, 1, 0))


def exact_trace(function: Function, params: Any, x: Array) -> tuple[Array, Array]:
    r"""`function(params, x)` and $\operatorname{tr} J$ of every event, `(batch,)`, by `dim` forward passes."""
    dim = x[..., 0].size
    y, push = jax.linearize(lambda v: function(params, v), x)

    def entry(total: Array, unit: Array) -> tuple[Array, None]:
        along = jnp.broadcast_to(unit, x.shape)
        return total + _dot(along, push(along)), None

    basis = jnp.eye(dim, dtype=x.dtype).reshape(dim, *x.shape[:-1], 1)
    return y, lax.scan(entry, jnp.zeros(x.shape[-1], x.dtype), basis)[0]


def hutchinson_trace(function: Function, params: Any, x: Array, noise: Array) -> tuple[Array, Array]:
    r"""`function(params, x)` and the estimate $v^\top J v$ of $\operatorname{tr} J$, `(batch,)`.

    Args:
        function: See the module.
        params: Its parameters.
        x: Events, `(*event, batch)`.
        noise: $v$, shaped like `x`, of mean 0 and covariance $I$; the estimate is then unbiased.
    """
    y, along = jax.jvp(lambda v: function(params, v), (x,), (noise,))
    return y, _dot(noise, along)


def exact_log_det(function: Function, params: Any, x: Array) -> Array:
    r"""$\log|\det(I + J)|$ of every event, `(batch,)`."""
    jacobian = jacobians(function, params, x)
    return jax.vmap(log_abs_det)(jnp.eye(jacobian.shape[-1], dtype=x.dtype) + jacobian)


def series_log_det(
    function: Function, params: Any, x: Array, noise: Array, terms: Terms, luck: Array | None = None
) -> Array:
    r"""An estimate of $\log\det(I + J) = \sum_{k \ge 1} \frac{(-1)^{k+1}}{k} \operatorname{tr} J^k$, `(batch,)`.

    Traces are estimated by $v^\top J^k v$. A roulette divides the terms past the fixed ones by the probability of
    getting there, which makes the estimate unbiased. Gradients are those of the same series,
    $\sum_k (-1)^k v^\top J^k (\mathrm dJ) v$, and need the memory of one product whatever the number of terms.

    Args:
        function: See the module; a contraction in `x`.
        params: Its parameters.
        x: Events, `(*event, batch)`.
        noise: $v$, shaped like `x`, of mean 0 and covariance $I$.
        terms: How many terms are taken.
        luck: Uniform in (0, 1], one for each event; needed where the number of terms is random.

    Reference:
        Chen, Behrmann, Duvenaud & Jacobsen (2019), Residual flows, theorems 1 and 2; Behrmann et al. (2019),
        Invertible residual networks, section 3.2.

    Note:
        Only first derivatives are those of the log-det.
    """
    if terms.law is not None and luck is None:
        raise ValueError("series_log_det: a random number of terms needs `luck`.")
    value, neumann = _weighted_sums(function, *lax.stop_gradient((params, x)), noise, terms, luck)
    surrogate = _dot(neumann, hutchinson_direction(function, params, x, noise))
    return value + surrogate - lax.stop_gradient(surrogate)


def hutchinson_direction(function: Function, params: Any, x: Array, noise: Array) -> Array:
    """$J v$ of every event, shaped like `x`."""
    return jax.jvp(lambda v: function(params, v), (x,), (noise,))[1]


def survival(terms: Terms, extra: Array) -> Array:
    """Probability that at least `extra` terms are taken after the fixed ones; `extra` from 1 on."""
    if terms.law is None:
        return jnp.zeros_like(extra)
    if terms.law == "poisson":
        return gammainc(jnp.maximum(extra, 1.0), terms.mean)
    return (terms.mean / (1.0 + terms.mean)) ** extra


class _Sums(NamedTuple):
    k: Array
    product: Array  # v'J^(k-1)
    value: Array
    neumann: Array


def _weighted_sums(
    function: Function, params: Any, x: Array, noise: Array, terms: Terms, luck: Array | None
) -> tuple[Array, Array]:
    """The sum of the series, `(batch,)`, and the row vector of its gradient, shaped like `x`."""
    _, pull = jax.vjp(lambda v: function(params, v), x)
    fate = jnp.ones(x.shape[-1], x.dtype) if luck is None else luck.astype(x.dtype)

    def weight(k: Array) -> Array:
        chance = survival(terms, (k - terms.fixed).astype(x.dtype))
        late = jnp.where(fate <= chance, 1.0 / jnp.maximum(chance, jnp.finfo(x.dtype).tiny), 0.0)
        return jnp.where(k <= terms.fixed, 1.0, late)

    def unfinished(s: _Sums) -> Array:
        return jnp.any(weight(s.k) > 0) & (s.k <= MAX_TERMS)

    def add(s: _Sums) -> _Sums:
        signed = jnp.where(s.k % 2 == 1, 1.0, -1.0) * weight(s.k)
        neumann = s.neumann + signed * s.product
        (product,) = pull(s.product)
        return _Sums(s.k + 1, product, s.value + signed / s.k * _dot(product, noise), neumann)

    start = _Sums(jnp.asarray(1), noise, jnp.zeros(x.shape[-1], x.dtype), jnp.zeros_like(x))
    end = lax.while_loop(unfinished, add, start)
    return end.value, end.neumann


def _dot(a: Array, b: Array) -> Array:
    """The inner product of every event, `(batch,)`."""
    return jnp.sum(a * b, axis=tuple(range(a.ndim - 1)))
