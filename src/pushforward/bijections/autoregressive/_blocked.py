"""Solving an autoregressive network for its input at about the cost of one pass.

Hidden units are sorted by degree, so once coordinate i is known, exactly the units of degree i + 1 become computable,
and each is computed once. Coordinates of a graph that do not depend on each other are taken in one step.
Coordinates are taken in blocks: one matrix product brings in everything before the block, small products finish inside
it. Masks make every unit that is not yet complete invisible to those that read it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array

from pushforward._arrays import own_array
from pushforward.nets import ACTIVATIONS, MADE, AbstractCausal, AbstractConditioner

Step = Callable[[Array, Array], tuple[Array, Array]]
"""`(params (num_params, rows, batch), x (rows, ..., batch)) -> (y, log-slope), both (rows, batch)`."""

UNROLL_UP_TO = 8
"""Up to this many steps the loop is unrolled: faster, and compile time stays small."""

BLOCK = 4
"""Coordinates in a block, measured: fewer make many small steps, more repeat work inside the block."""


def solve_in_order(net: MADE, step: Step, x: Array, condition: Array | None) -> tuple[Array, Array]:
    """`y` with `y[i] = step(net(y)[:, i], x[i])`, and the summed log-slopes: `(dim, batch), (batch,)`."""
    solve = _unrolled if len(net.steps) <= UNROLL_UP_TO else _blocked
    return solve(net, step, x, condition)


def solve_by_passes(net: AbstractConditioner, step: Step, x: Array, condition: Array | None) -> tuple[Array, Array]:
    """As `solve_in_order`, for a network whose inside is not known: one pass of it for each coordinate."""

    def body(carry: tuple[Array, Array], place: Array) -> tuple[tuple[Array, Array], None]:
        y, total = carry
        raw = lax.dynamic_slice_in_dim(net(y, condition), place, 1, 1)
        coord, log_slope = step(raw, _rows(x, place, 1))
        return (lax.dynamic_update_slice_in_dim(y, coord, place, 0), total + log_slope[0]), None

    # Not `fori_loop`: a gradient goes through a scan alone.
    (y, total), _ = lax.scan(body, (jnp.zeros_like(x), jnp.zeros(x.shape[-1], x.dtype)), jnp.arange(x.shape[0]))
    return y, total


def solve_by_steps(net: AbstractCausal, step: Step, x: Array, condition: Array | None) -> tuple[Array, Array]:
    """As `solve_in_order`, for a network that remembers what it needs: one step of it for each coordinate."""

    def body(carry: tuple[Any, Array, Array], given: tuple[Array, Array]) -> tuple[tuple[Any, Array, Array], Array]:
        memory, before, total = carry
        place, z = given
        raw, memory = net.step(memory, before, place)
        y, log_slope = step(raw[:, None], z[None])
        return (memory, y[0], total + log_slope[0]), y[0]

    nothing = jnp.zeros(x.shape[-1], x.dtype)
    start = (net.begin(x.shape[-1], condition, x.dtype), nothing, nothing)
    (_, _, total), y = lax.scan(body, start, (jnp.arange(x.shape[0]), x))
    return y, total


def _start(net: MADE, condition: Array | None, batch: int) -> tuple[list[Array], list[Array]]:
    """Masked weights of the layers on coordinates and units, and biases `(units, 1 or batch)` with the condition in."""
    first, *rest = net.masked_weights()
    seen = net.dim * net.num_features
    biases = [bias[:, None] for bias in net.biases]
    if condition is not None and net.cond_dim is not None:
        biases[0] = biases[0] + first[:, seen:] @ condition
    return [first[:, :seen], *rest], biases


def _unrolled(net: MADE, step: Step, x: Array, condition: Array | None) -> tuple[Array, Array]:
    batch = x.shape[-1]
    weights, biases = _start(net, condition, batch)
    act, degrees, alike = ACTIVATIONS[net.activation], net.degrees, _alike(step)
    last = weights[-1].reshape(net.num_params, net.dim, -1)
    last_bias = biases[-1].reshape(net.num_params, net.dim, -1)
    # Each unit is written once where it stays; joined pieces would be computed again for every coordinate behind them.
    sizes = [net.dim * net.num_features, *[net.width] * (len(weights) - 1)]
    dtype = jnp.result_type(x, *weights, *biases)
    units = [jnp.zeros((size, batch), dtype) for size in sizes]
    y, total, low = jnp.zeros((net.dim, batch), dtype), jnp.zeros(batch, x.dtype), 0
    for start, end in net.steps:
        high, known = int(np.searchsorted(degrees, start, side="right")), start * net.num_features
        if high > low:
            for layer, (weight, bias) in enumerate(zip(weights[:-1], biases[:-1], strict=True)):
                grown = act(_affine(weight[low:high, :known], units[layer], bias[low:high]))
                units[layer + 1] = _put(units[layer + 1], grown, low)
                known = high
        low = high
        count = net.num_params * (end - start)
        rows = last[:, start:end, :high].reshape(count, high)
        raw = _affine(rows, units[-1], last_bias[:, start:end].reshape(count, -1))
        coords, log_slope = alike(raw.reshape(net.num_params, end - start, -1), x[start:end])
        y = _put(y, coords, start)
        units[0] = _put(units[0], net.features(coords), start * net.num_features)
        total = total + jnp.sum(log_slope, axis=0)
    return y, total


def _alike(step: Step) -> Step:
    """The same step from arrays of their own to others, so that XLA compiles it once for all coordinates."""

    def alike(raw: Array, x: Array) -> tuple[Array, Array]:
        y, log_slope = step(own_array(raw), own_array(x))
        return own_array(y), own_array(log_slope)

    return alike


def _affine(weight: Array, units: Array, bias: Array) -> Array:
    """`weight @ units + bias` of the first units, as many as the weight has columns."""
    known = weight.shape[1]
    product = weight @ units[:known] if known else jnp.zeros_like(units[:1])
    return product + bias


def _put(array: Array, rows: Array, start: int) -> Array:
    return lax.dynamic_update_slice_in_dim(array, rows, start, 0)


class _Plan(NamedTuple):
    """Static sizes of the blocked loop."""

    num_blocks: int
    window: int  # units of one layer handled with a block, the most over blocks
    starts: np.ndarray  # first unit of each block, one more at the end


def _plan(net: MADE) -> _Plan:
    num_blocks = -(-net.dim // BLOCK)
    starts = np.searchsorted(net.degrees, np.arange(num_blocks + 1) * BLOCK)
    starts[-1] = net.width
    return _Plan(num_blocks, max(int(np.diff(starts).max()), 1), starts)


def _blocked(net: MADE, step: Step, x: Array, condition: Array | None) -> tuple[Array, Array]:
    plan, batch, dtype = _plan(net), x.shape[-1], x.dtype
    coords, units = plan.num_blocks * BLOCK, net.width + plan.window
    weights, biases = _padded(net, condition, coords, units, batch)
    x = jnp.pad(x, ((0, coords - net.dim), *((0, 0),) * (x.ndim - 1)))
    starts = jnp.asarray(plan.starts)
    finish = _finish_block(net, step, plan)

    def body(block, carry):
        y, hidden, total = carry
        first, start, end = block * BLOCK, starts[block], starts[block + 1]
        inputs = [_seen(net, y, first), *hidden]
        ready = [
            _rows(weight, start, plan.window) @ h + _rows(bias, start, plan.window)
            for weight, bias, h in zip(weights[:-1], biases[:-1], inputs[:-1], strict=True)
        ]
        last = lax.dynamic_slice_in_dim(weights[-1], first, BLOCK, 1)  # (params, BLOCK, units)
        last_bias = lax.dynamic_slice_in_dim(biases[-1], first, BLOCK, 1)
        ready.append((last.reshape(-1, units) @ inputs[-1]).reshape(-1, BLOCK, batch) + last_bias)
        per_block = BLOCK * net.num_features
        inside = [_columns(_rows(weights[0], start, plan.window), block * per_block, per_block)]
        inside += [_columns(_rows(w, start, plan.window), start, plan.window) for w in weights[1:-1]]
        inside.append(lax.dynamic_slice_in_dim(last, start, plan.window, 2))
        y_block, h_block, log_slopes = finish(ready, inside, _rows(x, first, BLOCK))
        # The window may reach into the next block, whose units are not complete: they must read as zero until then.
        done = (jnp.arange(plan.window) < end - start)[:, None]
        hidden = [
            lax.dynamic_update_slice_in_dim(h, jnp.where(done, new, 0), start, 0)
            for h, new in zip(hidden, h_block, strict=True)
        ]
        for t, log_slope in enumerate(log_slopes):
            total = total + jnp.where(first + t < net.dim, log_slope, 0)
        return lax.dynamic_update_slice_in_dim(y, y_block, first, 0), hidden, total

    hidden = [jnp.zeros((units, batch), dtype) for _ in weights[:-1]]
    carry = (jnp.zeros((coords, batch), dtype), hidden, jnp.zeros(batch, dtype))
    y, _, total = lax.fori_loop(0, plan.num_blocks, body, carry)
    return y[: net.dim], total


def _finish_block(net: MADE, step: Step, plan: _Plan):
    """The coordinates of one block, one after another: `(y (BLOCK, batch), hidden windows, log-slopes (batch,))`."""
    act, alike = ACTIVATIONS[net.activation], _alike(step)

    def finish(ready: list[Array], inside: list[Array], x: Array) -> tuple[Array, list[Array], list[Array]]:
        y = jnp.zeros((BLOCK, x.shape[-1]), x.dtype)
        slopes: list[Array] = []
        hidden: list[Array] = []
        for t in range(BLOCK):
            h, hidden = net.features(y), []
            for base, weight in zip(ready[:-1], inside[:-1], strict=True):
                h = act(base + weight @ h)
                hidden.append(h)
            raw = ready[-1][:, t] + inside[-1][:, t] @ h
            y_t, log_slope = alike(raw[:, None], x[t : t + 1])
            y = y.at[t].set(y_t[0])
            slopes.append(log_slope[0])
        return y, hidden, slopes

    return finish


def _padded(net: MADE, condition: Array | None, coords: int, units: int, batch: int):
    """Weights and biases with rows and columns of zeros, so that no window reaches over an edge."""
    weights, biases = _start(net, condition, batch)
    more_coords, more_units = coords - net.dim, units - net.width
    last = weights[-1].reshape(net.num_params, net.dim, -1)
    last_bias = biases[-1].reshape(net.num_params, net.dim, -1)
    padded = [jnp.pad(weights[0], ((0, more_units), (0, more_coords * net.num_features)))]
    padded += [jnp.pad(w, ((0, more_units), (0, more_units))) for w in weights[1:-1]]
    padded.append(jnp.pad(last, ((0, 0), (0, more_coords), (0, more_units))))
    biases = [jnp.pad(b, ((0, more_units), (0, 0))) for b in biases[:-1]]
    return padded, [*biases, jnp.pad(last_bias, ((0, 0), (0, more_coords), (0, 0)))]


def _seen(net: MADE, y: Array, known: Array) -> Array:
    """What the network sees of the first `known` coordinates; the others must read as zero, as those of a block do."""
    if net.num_features == 1:
        return net.features(y)
    return jnp.where(
        (jnp.arange(y.shape[0] * net.num_features) < known * net.num_features)[:, None], net.features(y), 0
    )


def _rows(array: Array, start: Array, size: int) -> Array:
    return lax.dynamic_slice_in_dim(array, start, size, 0)


def _columns(array: Array, start: Array, size: int) -> Array:
    return lax.dynamic_slice_in_dim(array, start, size, 1)
