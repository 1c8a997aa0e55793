"""Several devices: each has its share of the rows of a batch, and of the parameters all or its share (record 0050)."""

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, PRNGKeyArray

from pushforward.objectives import Batch
from pushforward.train._batches import Feed, Source

T = TypeVar("T")
ROWS = "rows"
LEAST = 4096
"""Numbers of an array that is worth a share on each device; smaller ones are whole everywhere."""
COPIES = 5
"""Of the parameters, that a step holds: themselves, their gradients, Adam's two, the best."""
OWN_SHARE = 0.5
"""Of a device's memory, that may be theirs; the rest is for what is between the layers."""


@dataclass(frozen=True)
class Devices:
    """Two devices or more, perhaps of several processes.

    Attributes:
        mesh: All of them in a row.
        sharded: Whether each has a share of the parameters, gradients and optimizer's state, instead of all.
    """

    mesh: Mesh
    sharded: bool = False

    @property
    def whole(self) -> NamedSharding:
        """The same on every device."""
        return NamedSharding(self.mesh, PartitionSpec())

    def share(self, shape: tuple[int, ...]) -> NamedSharding:
        """Of an array of the state: the longest axis that divides is spread, the last of these if several are."""
        axes = [axis for axis, length in enumerate(shape) if length and length % self.mesh.size == 0]
        if not self.sharded or not axes or math.prod(shape) < LEAST:
            return self.whole
        return self.rows(max(axes, key=lambda axis: (shape[axis], axis)))

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

    def hold_state(self, state: T) -> T:
        """Inside a compiled function: the same arrays, each where `share` says."""
        return jax.tree.map(lambda leaf: jax.lax.with_sharding_constraint(leaf, self.share(leaf.shape)), state)

    def divide(self, batch: Batch) -> bool:
        """Whether each has as many rows of a batch, and all parameters."""
        counts = [leaf.shape[0] for leaf in jax.tree.leaves(batch) if leaf.ndim]
        return not self.sharded and bool(counts) and not any(count % self.mesh.size for count in counts)

    def mean_of_shares(self, f: Callable[..., T], params: Any, frozen: Any, batch: Batch, key: PRNGKeyArray) -> T:
        """Inside a compiled function: the mean by weight of what `f` gives of the rows of each device.

        As one array: between processes a sum is one message after another for each array, 0.3 ms on a CPU, and a
        gradient has dozens (design record 0073).
        """

        def of_own(params: Any, frozen: Any, batch: Batch, key: PRNGKeyArray) -> T:
            weight = jnp.ones(()) if batch.weights is None else jnp.mean(batch.weights)
            numbers, back = ravel_pytree((f(params, frozen, batch, key), jnp.ones(())))
            total = jax.lax.psum(numbers * weight.astype(numbers.dtype), ROWS)
            return back(total / jnp.maximum(total[-1], jnp.finfo(total.dtype).tiny))[0]

        whole, rows = PartitionSpec(), jax.tree.map(lambda leaf: PartitionSpec(*[ROWS][: jnp.ndim(leaf)]), batch)
        own = jax.shard_map(
            of_own, mesh=self.mesh, in_specs=(whole, whole, rows, whole), out_specs=whole, check_vma=False
        )
        return own(params, frozen, batch, key)

    def everywhere(self, tree: T) -> T:
        """Arrays of this process, which are the same in all processes, whole on every device."""
        return jax.tree.map(lambda leaf: self._placed(leaf, self.whole), tree)

    def place_state(self, state: T) -> T:
        """Arrays of this process, which are the same in all processes, each where `share` says."""
        return jax.tree.map(lambda leaf: self._placed(leaf, self.share(leaf.shape)), state)

    def _spread(self, rows: Array) -> Array:
        count, size = rows.shape[0], self.mesh.size
        more = -count % size
        if more:
            rows = jnp.concatenate([rows, jnp.broadcast_to(rows[:1], (more, *rows.shape[1:]))])
        rows = jax.lax.with_sharding_constraint(rows, self.rows())
        return rows[:count] if more else rows

    def _placed(self, array: Any, where: NamedSharding) -> Any:
        # Not what is equivalent: the compiled step would be made again for it.
        if isinstance(array, jax.Array) and array.sharding == where:
            return array
        if jnp.issubdtype(array.dtype, jax.dtypes.prng_key):
            data = self._placed(jax.random.key_data(array), where)
            return jax.random.wrap_key_data(data, impl=jax.random.key_impl(array))
        if isinstance(array, jax.Array) and array.sharding.device_set == where.device_set:
            return _moved(where)(array)
        if jax.process_count() == 1:
            return jax.device_put(array, where)
        values = np.asarray(array)
        return jax.make_array_from_callback(values.shape, where, lambda index: values[index])


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


def chosen_devices(
    devices: Sequence[Any] | None, batch_size: int, *, shard_parameters: bool | None = False, parameters: int = 0
) -> Devices | None:
    """The devices to train on, no more than there are rows in a batch; None for one.

    Args:
        devices: The user's, or None for all, or for that of `jax.default_device`.
        batch_size: Rows of a step.
        shard_parameters: Whether each has a share of the parameters; None where their state would not fit one.
        parameters: Bytes of all of them.

    Raises:
        ValueError: If there is none, or one is no device, or named twice, or a process has none, or one is to share.
    """
    if devices is None:
        one = jax.config.jax_default_device is not None and jax.process_count() == 1  # pyright: ignore[reportAttributeAccessIssue]
        devices = [] if one else jax.devices()
        devices = devices[:batch_size] if jax.process_count() == 1 else devices
    else:
        devices = _checked(devices)
    if len(devices) < 2:
        if shard_parameters:
            raise ValueError("fit: `shard_parameters` needs two devices or more to share them, and there is one.")
        return None
    if shard_parameters is None:
        own = next(device for device in devices if device.process_index == jax.process_index())
        shard_parameters = outgrown(parameters, (own.memory_stats() or {}).get("bytes_limit"))
    return Devices(Mesh(np.array(devices), (ROWS,)), shard_parameters)


def outgrown(parameters: int, memory: int | None) -> bool:
    """Whether the state of so many bytes of parameters is too much for a device with so much memory.

    Args:
        parameters: Their bytes.
        memory: Of the device; None where it does not say, as a CPU.
    """
    return memory is not None and COPIES * parameters > OWN_SHARE * memory


def _checked(devices: Sequence[Any]) -> list[Any]:
    found = list(devices)
    if not found or not all(isinstance(device, jax.Device) for device in found) or len(set(found)) < len(found):
        raise ValueError(f"fit: `devices` must be different devices, such as `jax.devices()[:2]`, got {devices!r}.")
    if {device.process_index for device in found} != set(range(jax.process_count())):
        raise ValueError("fit: `devices` must hold at least one of each process; leave it out for all of them.")
    return found


@functools.lru_cache
def _moved(where: NamedSharding) -> Any:
    return jax.jit(lambda array: array, out_shardings=where)


def settled(tree: T) -> T:
    """Arrays that lie whole on several devices as arrays of this process alone; others as they are.

    Shares stay where they are, as one device may not hold them all, unless some lie in other processes: then every
    process, all of which have to ask, gets them in the memory of its own machine.
    """

    def one(array: Any) -> Any:
        several = isinstance(array, jax.Array) and len(array.sharding.device_set) > 1
        if not several:
            return array
        if jnp.issubdtype(array.dtype, jax.dtypes.prng_key):
            return jax.random.wrap_key_data(one(jax.random.key_data(array)), impl=jax.random.key_impl(array))
        if array.is_fully_replicated:
            return jnp.asarray(np.asarray(array))
        return array if array.is_fully_addressable else jax.device_put(_gathered(array), *_hosts())

    return jax.tree.map(one, tree)


def on_host(tree: Any) -> Any:
    """The values in NumPy; where shares lie in other processes, all processes have to ask."""
    return jax.tree.map(
        lambda leaf: _gathered(leaf) if isinstance(leaf, jax.Array) and not leaf.is_fully_replicated else leaf, tree
    )


def _gathered(array: jax.Array) -> np.ndarray:
    if array.is_fully_addressable:
        return np.asarray(array)
    from jax.experimental import multihost_utils

    return np.asarray(multihost_utils.process_allgather(array, tiled=True))


def _hosts() -> list[Any]:
    """The memory of this machine as a device, if JAX has it."""
    try:
        return jax.local_devices(backend="cpu")[:1]
    except RuntimeError:  # JAX_PLATFORMS names accelerators alone
        return []
