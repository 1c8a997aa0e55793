"""What is read of files before a fit begins: the rows that are held out, and some to begin with."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pushforward._errors import DataError, check_condition
from pushforward._types import Shape
from pushforward.data.shards._rows import Block, RowGroups, apart, held_out
from pushforward.distributions._base import AbstractDistribution
from pushforward.objectives import Batch
from pushforward.train._batches import stored_as
from pushforward.train._inputs import monitor_blocks

HELD_OUT_NUMBERS = 2**22
"""That are held out at most: half a million rows of 8 columns tell a loss to a thousandth of a nat."""


class Look(NamedTuple):
    """What was read, the same in all processes and for every seed.

    Attributes:
        held_out: Numbers of the rows that are held out, by group.
        monitor: These rows in blocks, or None.
        head: Some of the others.
    """

    held_out: dict[int, np.ndarray]
    monitor: Batch | None
    head: Batch


def look(flow: AbstractDistribution, data: RowGroups, fraction: float, batch_size: int, rows: int) -> Look:
    """Read the rows that are held out, and others.

    Args:
        flow: Says what shapes are wanted.
        data: The groups.
        fraction: Share of the rows that is held out.
        batch_size: Rows of a step.
        rows: How many others, at most.

    Raises:
        DataError: If there are fewer than two rows, or none of the others is whole.
        ValueError: If the numbers of columns are not those of the flow.
    """
    total = int(data.sizes.sum())
    if total < 2:
        raise DataError(f"fit: needs at least 2 rows to train on, got {total}.", "Give more rows.")
    held = held_out(data.sizes, fraction, most_held_out(flow))
    wanted = apart(data.sizes, min(sum(map(len, held.values())) + rows, total))
    sides: tuple[list[Block], list[Block]] = ([], [])
    for group, numbers in wanted.items():
        out = held.get(group, np.empty(0, int))
        numbers = np.union1d(numbers, out)
        if len(numbers):
            block, chosen = data.read(group).take(numbers), np.isin(numbers, out)
            sides[0].append(block.take(chosen))
            sides[1].append(block.take(~chosen))
    apart_, others = (_whole(flow, side) for side in sides)
    if not len(others.x):
        raise DataError("fit: no row that was looked at is whole.", "Fill missing cells, or leave their column out.")
    monitor = monitor_blocks(apart_, np.arange(len(apart_.x)), batch_size) if len(apart_.x) else None
    return Look(held, monitor, jax.tree.map(lambda a: a[:rows], others))


def most_held_out(flow: AbstractDistribution) -> int:
    """How many rows are held out at most."""
    return HELD_OUT_NUMBERS // max(int(np.prod(flow.event_shape)), 1)


def batch_of(block: Block, event: Shape, given: Shape | None) -> Batch:
    """A block in the shapes of a flow and the types of its device, without weights.

    Raises:
        ValueError: If the numbers of columns are not those of the flow.
    """

    def shaped(name: str, values: np.ndarray, shape: Shape) -> np.ndarray:
        if values.shape[1] != int(np.prod(shape)):
            raise ValueError(
                f"fit: the flow takes `{name}` of shape {shape}, and the files have {values.shape[1]} columns for it. "
                "Name them: `pf.data.ParquetRows(source, columns=[...], condition=[...])`."
            )
        return values.reshape(len(values), *shape).astype(stored_as(values.dtype), copy=False)

    check_condition("fit", block.condition, given)
    condition: Any = None if block.condition is None or given is None else shaped("condition", block.condition, given)
    log_det: Any = None if block.log_det is None else block.log_det.astype(jnp.result_type(float), copy=False)
    return Batch(shaped("x", block.x, event), condition, None, log_det)


def _whole(flow: AbstractDistribution, blocks: list[Block]) -> Batch:
    """The rows of some blocks that are not left out."""
    batches = [batch_of(block.take(_counted(block)), flow.event_shape, flow.cond_shape) for block in blocks]
    return jax.tree.map(lambda *parts: np.concatenate(parts), *batches)


def _counted(block: Block) -> np.ndarray:
    return np.ones(len(block.x), bool) if block.weights is None else block.weights > 0
