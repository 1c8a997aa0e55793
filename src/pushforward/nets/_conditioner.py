"""What a network offers that predicts the parameters of a map."""

import abc
from typing import TYPE_CHECKING, Any

from jaxtyping import Array

from pushforward._types import Part, Shape

if TYPE_CHECKING:
    # To a type checker an abstract attribute must not be a field, or every constructor would seem to ask for it.
    from typing import ClassVar as AbstractVar
else:
    from equinox import AbstractVar


class AbstractConditioner(Part):
    """A network on many events at once, along the last axis: `(*in_shape, batch) -> (*out_shape, batch)`.

    It is what `Coupling`, `Autoregressive` and `Conditioned` hold. A network that is written for one event, such as
    an `equinox.nn.MLP`, becomes one by `PerEvent`, and they do that by themselves; write a subclass of this one where
    a network of your own should be as fast as ours. Its leaves are floating-point arrays and other fields are plain
    data, as those of any part.

    Attributes:
        in_shape: Shape of what it sees of one event.
        out_shape: Shape of the output for one event. A coupling asks for `(params, *moved)`, where `params` is
            `bijections.count_raw(inner)`; an autoregressive layer for `(params, dim)`, where output `[:, i]` must not
            depend on inputs from `i` on.
        cond_dim: Size or shape of the condition of one event, or None.
    """

    in_shape: AbstractVar[Shape]
    out_shape: AbstractVar[Shape]
    cond_dim: AbstractVar[int | Shape | None]

    @abc.abstractmethod
    def __call__(self, x: Array, condition: Array | None = None) -> Array:
        """`(*in_shape, batch)`, and a condition `(*cond, batch)` or None, to `(*out_shape, batch)`.

        A network without a `cond_dim` takes no notice of a condition, which is of another part of the flow.
        """


class AbstractCausal(AbstractConditioner):
    """A conditioner of an autoregressive layer that can also be asked for one coordinate after another.

    `Autoregressive` then samples at the cost of one `step` a coordinate, whatever lies before it. All steps together
    must give what `__call__` gives; that output `[:, i]` depends on nothing from `i` on is taken on trust, as a trial
    would take one pass for each coordinate of a long sequence.
    """

    @abc.abstractmethod
    def begin(self, batch: int, condition: Array | None, dtype: Any) -> Any:
        """What it remembers before the first coordinate, in arrays whose sizes stay; condition: `(*cond, batch)`."""

    @abc.abstractmethod
    def step(self, memory: Any, before: Array, place: Array) -> tuple[Array, Any]:
        """`(params, batch)` of one coordinate, and what it remembers from then on.

        Args:
            memory: What `begin` or the step before gave.
            before: The coordinate before, `(batch,)`; zeros for the first.
            place: Which coordinate, from 0 on.
        """
