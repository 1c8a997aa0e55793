"""Several devices: each has all parameters and its share of the rows of a batch (design record 0050)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, PRNGKeyArray

from pushforward.objectives import Batch
from pushforward.train._batches import Feed, Source

T = TypeVar("T")
ROWS = "rows"


@dataclass(frozen=True)
class Devices:
    """Two devices or more, perhaps of several processes.

    Attributes:
        mesh: All of them in a row.
    """

    mesh: Mesh

    @property
    def whole(self) -> NamedSharding:
        """The same on every device."""
        return NamedSharding(self.mesh, PartitionSpec())

    def rows(self, axis: int = 0) -> NamedSharding:
        """A part of an axis on each device, of as many entries on each."""
        return NamedSharding(self.mesh, PartitionSpec(*[None] * axis, ROWS))

    def own(self, length: int) -> range:
        """What devices of this process have of an axis that is spread, whose length the devices divide."""
        parts = self.rows().addressable_devices_indices_map((length,)).values()
        bounds = [index[0].indices(length) for index in parts if index is not None]
        return range(min(start for start, _, _ in bounds), max(stop for _, stop, _ in bounds))

    def spread(self, batch: Batch) -> Batch:
        """Inside a compiled function: the same rows, each on one device.

        What does not divide is filled up by copies of the first row, which are cut off again: the function that is
        compiled is the same, whatever it does with the rows, and only the work lies elsewhere.
        """
        return jax.tree.map(self._spread, batch)

    def hold(self, tree: T) -> T:
        """Inside a compiled function: the same arrays, whole on every device."""
        return jax.lax.with_sharding_constraint(tree, self.whole)

    def everywhere(self, tree: T) -> T:
        """Arrays of this process, which are the same in all processes, whole on every device."""
        return jax.tree.map(self._placed, tree)

    def _spread(self, rows: Array) -> Array:
        count, size = rows.shape[0], self.mesh.size
        more = -count % size
        if more:
            rows = jnp.concatenate([rows, jnp.broadcast_to(rows[:1], (more, *rows.shape[1:]))])
        rows = jax.lax.with_sharding_constraint(rows, self.rows())
        return rows[:count] if more else rows

    def _placed(self, array: Any) -> Any:
        if isinstance(array, jax.Array) and array.sharding.device_set == self.whole.device_set:
            return array
        if jnp.issubdtype(array.dtype, jax.dtypes.prng_key):
            return jax.random.wrap_key_data(self._placed(jax.random.key_data(array)), impl=jax.random.key_impl(array))
        if jax.process_count() == 1:
            return jax.device_put(array, self.whole)
        values = np.asarray(array)
        return jax.make_array_from_callback(values.shape, self.whole, lambda index: values[index])


class SpreadSource:
    """A source whose arrays are put on all devices, once for each of them."""

    def __init__(self, source: Source, devices: Devices):
        self.take, self.batch_size, self.steps_per_epoch = source.take, source.batch_size, source.steps_per_epoch
        self._source, self._devices = source, devices
        self._placed: dict[int, tuple[Any, Array]] = {}

    def feed(self, key: PRNGKeyArray, step: int) -> Feed | None:
        feed = self._source.feed(key, step)
        if feed is None:
            return None
        leaves, structure = jax.tree.flatten(feed.arrays)
        # By identity, and the arrays themselves are kept beside it: a name is not given to another while they live.
        self._placed = {id(leaf): self._placed.get(id(leaf)) or self._put(leaf) for leaf in leaves}
        return feed._replace(arrays=jax.tree.unflatten(structure, [self._placed[id(leaf)][1] for leaf in leaves]))

    def peek(self, key: PRNGKeyArray, rows: int) -> Batch:
        return self._source.peek(key, rows)

    def _put(self, leaf: Any) -> tuple[Any, Array]:
        return leaf, self._devices.everywhere(leaf)


def chosen_devices(devices: Sequence[Any] | None, batch_size: int) -> Devices | None:
    """The devices to train on, no more than there are rows in a batch; None for one.

    Args:
        devices: The user's, or None for all, or for that of `jax.default_device`.
        batch_size: Rows of a step.

    Raises:
        ValueError: If there is none, or one is no device, or named twice, or a process has none.
    """
    if devices is None:
        one = jax.config.jax_default_device is not None and jax.process_count() == 1  # pyright: ignore[reportAttributeAccessIssue]
        devices = [] if one else jax.devices()
        devices = devices[:batch_size] if jax.process_count() == 1 else devices
    else:
        devices = _checked(devices)
    if len(devices) < 2:
        return None
    return Devices(Mesh(np.array(devices), (ROWS,)))


def _checked(devices: Sequence[Any]) -> list[Any]:
    found = list(devices)
    if not found or not all(isinstance(device, jax.Device) for device in found) or len(set(found)) < len(found):
        raise ValueError(f"fit: `devices` must be different devices, such as `jax.devices()[:2]`, got {devices!r}.")
    if {device.process_index for device in found} != set(range(jax.process_count())):
        raise ValueError("fit: `devices` must hold at least one of each process; leave it out for all of them.")
    return found


def settled(tree: T) -> T:
    """Arrays that lie on several devices as arrays of this process alone; others as they are."""

    def one(array: Any) -> Any:
        several = isinstance(array, jax.Array) and len(array.sharding.device_set) > 1
        return jnp.asarray(np.asarray(array)) if several else array

    return jax.tree.map(one, tree)
