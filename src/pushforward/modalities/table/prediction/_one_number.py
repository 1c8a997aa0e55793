"""What a model of one column predicts, without draws.

The column is a monotone function of one Gaussian number, so that quantiles and the distribution function are exact,
each by one pass. Of several such flows, an ensemble, means and distribution functions are means of theirs, and a
quantile is where the mean of the distribution functions has the level.
"""

import math
from collections.abc import Iterator
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from scipy.special import ndtr, ndtri

from pushforward.bijections import AbstractBijection, Chain, LongTails, Scale
from pushforward.distributions import AbstractDistribution, Embedded, Mixture, Transformed
from pushforward.modalities.table._chunks import TableFlow
from pushforward.modalities.table._flow import from_standard_noise

NODES = np.linspace(-8.0, 8.0, 129)
"""Of the integral over the noise that a mean is. The trapezoidal rule errs by 5e-4 of a jump in the slope, at most."""
HALVINGS = 50
"""Of the interval between the quantiles of the parts, which is then shorter than a float32 can tell."""


def is_one_number(model: TableFlow) -> bool:
    """Whether the model has one column that is a function of one Gaussian number, or several such flows for it."""
    (column, *others) = model.schema.columns
    if others or column.kind in ("circular", "categorical") or model.units is None:
        return False
    return all(from_standard_noise(_inner(part.flow)) for part in _parts(model)[0])


def mean_of_one(model: TableFlow, condition: np.ndarray) -> np.ndarray:
    """The mean of the column given each condition, `(rows,)`."""
    parts, shares = _parts(model)
    return shares @ np.stack([_integral(part, condition) for part in parts])


def quantiles_of_one(model: TableFlow, condition: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """The value below which a share of the column lies, `(rows, levels)`."""
    assert model.units is not None  # `is_one_number` has asked
    parts, shares = _parts(model)
    rising = [_is_rising(part, condition) for part in parts]
    noise = [ndtri(levels if rises else 1.0 - levels) for rises in rising]
    each = np.stack([_pushed(part, condition, z, whole=False) for part, z in zip(parts, noise, strict=True)])
    low, high = each.min(axis=0), each.max(axis=0)
    for _ in range(HALVINGS if len(parts) > 1 else 0):
        middle = 0.5 * (low + high)
        found = [_below(part, condition, middle, up) for part, up in zip(parts, rising, strict=True)]
        below = np.tensordot(shares, np.stack(found), axes=1) < levels
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return model.units.original(high.reshape(-1, 1)).reshape(high.shape)


def share_below(model: TableFlow, condition: np.ndarray, values: np.ndarray) -> np.ndarray:
    """P(Y <= y) for the column, `(rows,)`; of whole numbers, up to and with y."""
    assert model.units is not None  # `is_one_number` has asked
    (column,), (parts, shares) = model.schema.columns, _parts(model)
    support, cells = column.support, np.floor(values) if column.kind == "integer" else values
    inside = support.clip(cells)
    below, above = cells[:, 0] < inside[:, 0], cells[:, 0] > inside[:, 0]
    fractions = np.ones((len(values), 1)) if column.kind == "integer" else None
    u, _ = model.units.standard(inside, fractions)
    probability = shares @ np.stack([_below(p, condition, u, _is_rising(p, condition))[:, 0] for p in parts])
    return np.where(below, 0.0, np.where(above, 1.0, probability))


def _parts(model: TableFlow) -> tuple[list[TableFlow], np.ndarray]:
    """The flows of an ensemble and their shares, or the one flow."""
    inner = _inner(model.flow)
    if not isinstance(inner, Mixture):
        return [model], np.ones(1)
    laws = [
        Embedded(part, model.flow.embedding) if isinstance(model.flow, Embedded) else part for part in inner.components
    ]
    return [replace(model, flow=law) for law in laws], np.asarray(jax.nn.softmax(inner.logits), np.float64)


def _inner(flow: AbstractDistribution) -> AbstractDistribution:
    return flow.distribution if isinstance(flow, Embedded) else flow


def _below(model: TableFlow, condition: np.ndarray, u: np.ndarray, rising: bool) -> np.ndarray:
    """The probability of less, by one flow and of numbers as it sees them, `(rows, n) -> (rows, n)`."""
    seen, times = model.seen_conditions(condition), u.shape[1]
    out = np.empty(u.shape)
    size = max(model.chunk_rows(u.size) // times, 1)
    for start in range(0, len(u), size):
        part = np.resize(u[start : start + size], (size, times))
        z = _pull(model.flow, jnp.asarray(part.reshape(1, -1)), repeated(seen[start : start + size], size, times))
        out[start : start + size] = np.asarray(z, np.float64).reshape(size, times)[: len(u) - start]
    return ndtr(out if rising else -out)


def _integral(model: TableFlow, condition: np.ndarray) -> np.ndarray:
    """The mean of one column over its noise, `(rows,)`."""
    assert model.units is not None
    most = _most(model.flow)
    nodes = np.clip(NODES, -most, most)
    if not model.units.integers:
        weights = np.exp(-0.5 * NODES**2)
        return _pushed(model, condition, nodes) @ (weights / weights.sum())
    # The rule would miss by a fortieth where a number is rounded down: between two nodes the mean has a formula.
    real = _pushed(replace(model, units=model.units.not_rounded()), condition, nodes)
    low, high = np.minimum(real[:, :-1], real[:, 1:]), np.maximum(real[:, :-1], real[:, 1:])
    wide = high - low > 1e-9 * np.maximum(np.abs(high), 1.0)
    between = (_floor_summed(high) - _floor_summed(low)) / np.where(wide, high - low, 1.0)
    share = np.diff(ndtr(NODES))
    return np.where(wide, between, np.floor(low)) @ (share / share.sum())


def _most(flow: AbstractDistribution) -> float:
    """From where on noise counts as this in a mean: where tails begin that are long so that far rows cost little.

    Of the draws 6e-5 lie beyond. Behind an exponential, in a positive column, they would have no mean at all.
    """
    inner, scale = _inner(flow), 1.0
    assert isinstance(inner, Transformed)
    for layer in _layers(inner.bijection):
        if isinstance(layer, LongTails):
            return layer.knee / scale
        if not isinstance(layer, Scale):
            break
        scale *= float(jnp.max(layer.forward(jnp.ones(1))[0]))  # of a density that was widened
    return math.inf


def _layers(bijection: AbstractBijection) -> Iterator[AbstractBijection]:
    """Those of a chain, and of chains in it."""
    if not isinstance(bijection, Chain):
        yield bijection
        return
    for part in bijection.bijections:
        yield from _layers(part)


def _floor_summed(x: np.ndarray) -> np.ndarray:
    """The integral of the floor from 0 to x."""
    whole = np.floor(x)
    return whole * (x - whole) + 0.5 * whole * (whole - 1.0)


def _is_rising(model: TableFlow, condition: np.ndarray) -> bool:
    """Whether the column grows with its noise: a map that can be inverted does so for all conditions or for none."""
    low, high = _pushed(model, condition[:1], np.array([-1.0, 1.0]), whole=False)[0]
    return bool(low < high)


def _pushed(model: TableFlow, condition: np.ndarray, noise: np.ndarray, *, whole: bool = True) -> np.ndarray:
    """Where the noise goes given each condition, in the user's units, `(rows, len(noise))`.

    Args:
        model: Of one column.
        condition: `(rows, conditions)`.
        noise: `(n,)`.
        whole: Whether values are the user's; else the flow's own.
    """
    assert model.units is not None
    seen, out = model.seen_conditions(condition), np.empty((len(condition), len(noise)))
    size = max(model.chunk_rows(len(condition) * len(noise)) // len(noise), 1)
    z = jnp.asarray(np.tile(noise, size)[None], jnp.result_type(float))
    for start in range(0, len(condition), size):
        rows = repeated(seen[start : start + size], size, len(noise))
        pushed = np.asarray(_push(model.flow, z, rows))[0][:, None]
        values = model.units.original(pushed) if whole else pushed
        out[start : start + size] = values.reshape(size, len(noise))[: len(condition) - start]
    return out


def repeated(condition: np.ndarray, size: int, times: int) -> Array:
    """`size` conditions, the first again behind them, each `times` times, batch axis last."""
    filled = np.concatenate([condition, np.repeat(condition[:1], size - len(condition), axis=0)])
    return jnp.asarray(np.repeat(filled, times, axis=0).T, jnp.result_type(float))


@jax.jit
def _push(flow: AbstractDistribution, z: Array, condition: Array) -> Array:
    inner, given = _inside(flow, condition)
    return inner.bijection._forward_many(z, given, None)[0]


@jax.jit
def _pull(flow: AbstractDistribution, u: Array, condition: Array) -> Array:
    inner, given = _inside(flow, condition)
    return inner.bijection._inverse_many(u, given, None)[0]


def _inside(flow: AbstractDistribution, condition: Array) -> tuple[Transformed, Array | None]:
    given = flow._embed(condition) if isinstance(flow, Embedded) else condition
    inner = _inner(flow)
    assert isinstance(inner, Transformed)
    return inner, given
