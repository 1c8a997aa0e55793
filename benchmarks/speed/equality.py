"""The comparison is of the same functions: a rival's weights, loaded into our parts, give the same densities.

Two small elementwise maps carry zuko's own way of making scales, widths and slopes; a map of your own needs no more
than this to work inside `Autoregressive` and `Coupling`.
"""

import math
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from pushforward._params import static
from pushforward.bijections import (
    AbstractElementwise,
    Autoregressive,
    Chain,
    Coupling,
    Inverse,
    Permute,
    RationalQuadraticSpline,
)
from pushforward.distributions import Normal, Transformed

MIN_SLOPE = 1e-3
"""zuko's least slope; it also limits how uneven its bins can be."""


class ZukoAffine(AbstractElementwise):
    r"""zuko's affine map, written from the data to the base: $z = e^a x + b$ with a softly clipped $a$."""

    shift: Array
    scale_raw: Array
    shape: tuple[int, ...] = static()
    forward_kind: ClassVar = "analytic"
    inverse_kind: ClassVar = "analytic"

    def __init__(self) -> None:
        self.shift, self.scale_raw, self.shape = jnp.zeros(()), jnp.zeros(()), ()

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        log_scale = _soft_clip(self.scale_raw, 1.0)
        return (x - self.shift) * jnp.exp(-log_scale), -log_scale

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        log_scale = _soft_clip(self.scale_raw, 1.0)
        return x * jnp.exp(log_scale) + self.shift, log_scale


class ZukoSpline(AbstractElementwise):
    """zuko's rational-quadratic spline: our spline with the raw numbers that give the same knots and slopes."""

    widths_raw: Array
    heights_raw: Array
    slopes_raw: Array
    bound: float = static()
    shape: tuple[int, ...] = static()
    forward_kind: ClassVar = "analytic"
    inverse_kind: ClassVar = "analytic"

    def __init__(self, num_bins: int, bound: float):
        self.widths_raw, self.heights_raw = jnp.zeros(num_bins), jnp.zeros(num_bins)
        self.slopes_raw = jnp.zeros(num_bins - 1)
        self.bound, self.shape = bound, ()

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        return self._ours()._inverse_pointwise(x)

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        return self._ours()._forward_pointwise(x)

    def _ours(self) -> RationalQuadraticSpline:
        spline = RationalQuadraticSpline(len(self.widths_raw), bound=self.bound)
        slopes = jnp.exp(_soft_clip(self.slopes_raw, 1.0))
        raw = (_our_sizes(self.widths_raw), _our_sizes(self.heights_raw), _our_slopes(slopes))
        return eqx.tree_at(lambda s: (s.widths_raw, s.heights_raw, s.slopes_raw), spline, raw)


def _soft_clip(raw: Array, steepness: float) -> Array:
    return raw / (1.0 + jnp.abs(steepness * raw / math.log(MIN_SLOPE)))


def _our_sizes(raw: Array) -> Array:
    """Raw sizes whose shares, after our least size is added, are zuko's."""
    shares = jax.nn.softmax(_soft_clip(raw, 2.0), axis=0)
    return jnp.log(shares - MIN_SLOPE)


def _our_slopes(slopes: Array) -> Array:
    """Raw slopes that our softplus, with its offset and least slope, maps to `slopes`."""
    return jnp.log(jnp.expm1(slopes - MIN_SLOPE)) - math.log(math.expm1(1.0 - MIN_SLOPE))


def from_zuko(flow) -> Transformed:
    """Zuko's MAF, NSF (autoregressive), RealNVP or spline coupling as a flow of ours."""
    layers = [_zuko_layer(layer) for layer in flow.transform.transforms]
    # zuko goes from the data to the base, and `forward` from the base to the data.
    return Transformed(Normal.standard(layers[0].in_shape), Chain(layers[::-1]))


def from_nflows(flow) -> Transformed:
    """Nflows' rational-quadratic coupling flow as a flow of ours: weights alone, no map of its own is needed."""
    layers = [_nflows_coupling(layer) for layer in flow._transform._transforms]
    return Transformed(Normal.standard(layers[0].in_shape), Chain(layers[::-1]))


def _zuko_layer(layer) -> Chain:
    num_bins = 0 if len(layer.shapes[0]) == 0 else layer.shapes[0][0]
    inner = ZukoSpline(num_bins, 5.0) if num_bins else ZukoAffine()
    linears = [(_array(_masked_weight(m)), _array(m.bias)) for m in list(layer.hyper)[::2]]
    if type(layer).__name__ == "GeneralCouplingTransform":
        moved = np.flatnonzero(~layer.mask.numpy())
        return _coupling(inner, linears, np.flatnonzero(layer.mask.numpy()), moved)
    order = np.argsort(layer.order.numpy())
    return _between(order, _autoregressive(inner, _in_order(linears, order, layer.total), len(order)))


def _masked_weight(linear):
    mask = dict(linear.named_buffers()).get("mask")
    return linear.weight if mask is None else linear.weight * mask


def _nflows_coupling(layer) -> Chain:
    inner = Inverse(RationalQuadraticSpline(layer.num_bins, bound=float(layer.tail_bound)))
    linears = [(_array(m.weight), _array(m.bias)) for m in layer.transform_net.net[::2]]
    weight, bias = linears[-1]
    total, sizes = 3 * layer.num_bins - 1, 2 * layer.num_bins
    scale = np.ones(total)
    scale[:sizes] = 1.0 / math.sqrt(layer.transform_net.hidden_features)
    offset = np.zeros(total)
    offset[sizes:] = -math.log(math.expm1(1.0 - MIN_SLOPE))
    repeats = len(bias) // total
    scale, offset = np.tile(scale, repeats), np.tile(offset, repeats)
    linears[-1] = (weight * scale[:, None], bias * scale + offset)
    return _coupling(inner, linears, layer.identity_features.numpy(), layer.transform_features.numpy())


def _coupling(inner, linears: list, kept: np.ndarray, moved: np.ndarray) -> Chain:
    dim, width = len(kept) + len(moved), len(linears[0][1])
    layer = Coupling(inner, dim, split=len(kept), width=width, depth=len(linears) - 1, key=jax.random.key(0))
    linears = [*linears[:-1], _parameters_first(linears[-1], len(moved))]
    return _between(np.concatenate([kept, moved]), _with_weights(layer, linears))


def _between(order: np.ndarray, layer) -> Chain:
    """A layer that sees the coordinates in `order`."""
    there = Permute(tuple(int(i) for i in order))
    back = Permute(tuple(int(i) for i in np.argsort(order)))
    return Chain([there, layer, back])


def _in_order(linears: list, order: np.ndarray, total: int) -> list:
    """The same network for coordinates in the order in which the layer sees them."""
    (first, first_bias), *hidden, (last, last_bias) = linears
    rows = (order[:, None] * total + np.arange(total)).reshape(-1)
    return [(first[:, order], first_bias), *hidden, (last[rows], last_bias[rows])]


def _autoregressive(inner, linears: list, dim: int) -> Autoregressive:
    """Our masked network is sorted by degree: each unit of theirs takes a place of its degree, the others stay at 0."""
    degrees = _degrees([weight for weight, _ in linears[:-1]])
    make = lambda width: Autoregressive(inner, dim, width=width, depth=len(linears) - 1, key=jax.random.key(0))  # noqa: E731
    width = len(linears[0][1])
    while (places := _places(make(width).net.degrees, degrees)) is None:
        width += 16
    layer, spread, seen = make(width), [], np.arange(dim)
    for (weight, bias), place in zip(linears[:-1], places, strict=True):
        wide, wide_bias = np.zeros((width, dim if not spread else width)), np.zeros(width)
        wide[np.ix_(place, seen)], wide_bias[place] = weight, bias
        spread.append((wide, wide_bias))
        seen = place
    weight, bias = _parameters_first(linears[-1], dim)
    last = np.zeros((len(bias), width))
    last[:, seen] = weight
    return _with_weights(layer, [*spread, (last, bias)])


def _degrees(weights: list[np.ndarray]) -> list[np.ndarray]:
    """How many coordinates each hidden unit sees."""
    seen, degrees = np.eye(weights[0].shape[1], dtype=bool), []
    for weight in weights:
        seen = ((weight != 0).astype(int) @ seen.astype(int)) > 0
        degrees.append(seen.sum(1))
    return degrees


def _places(ours: np.ndarray, theirs: list[np.ndarray]) -> list[np.ndarray] | None:
    """For every layer, which of our units stands for each of theirs; None if a degree has too few."""
    places = []
    for degrees in theirs:
        place = np.empty(len(degrees), int)
        for degree in np.unique(degrees):
            free, wanted = np.flatnonzero(ours == degree), np.flatnonzero(degrees == degree)
            if len(free) < len(wanted):
                return None
            place[wanted] = free[: len(wanted)]
        places.append(place)
    return places


def _parameters_first(linear: tuple[np.ndarray, np.ndarray], coordinates: int) -> tuple[np.ndarray, np.ndarray]:
    """Outputs by parameter and then coordinate, as ours are, instead of by coordinate and then parameter."""
    weight, bias = linear
    turn = np.arange(len(bias)).reshape(coordinates, -1).T.reshape(-1)
    return weight[turn], bias[turn]


def _with_weights(layer, linears: list):
    weights = tuple(jnp.asarray(weight) for weight, _ in linears)
    biases = tuple(jnp.asarray(bias) for _, bias in linears)
    return eqx.tree_at(lambda part: (part.net.weights, part.net.biases), layer, (weights, biases))


def _array(tensor) -> np.ndarray:
    return tensor.detach().double().numpy()
