"""How far a flow of sound sees."""

import jax

from pushforward._types import Shape
from pushforward.distributions import AbstractDistribution
from pushforward.nets import WaveNet


def reach(flow: AbstractDistribution) -> int:
    """Samples to either side that decide what becomes of one: those of all networks of the flow together."""
    (length,) = flow.event_shape
    nets = [net for net in jax.tree.leaves(flow, is_leaf=_is_net) if _is_net(net)]
    return sum(_copies(net) * (max(net.reach) + _frame(net)) * (length // net.in_shape[0]) for net in nets)


def _is_net(part: object) -> bool:
    return isinstance(part, WaveNet)


def _copies(net: WaveNet) -> int:
    """Networks that stand in one, one for each layer of a `Scan`."""
    stacked: Shape = net.first.shape[:-2]
    return stacked[0] if stacked else 1


def _frame(net: WaveNet) -> int:
    """Steps of a frame of its condition, between whose middles it may interpolate, and the step it stands on."""
    hop = net.in_shape[0] // net.cond_dim[0] if isinstance(net.cond_dim, tuple) else 0
    return hop + 1
