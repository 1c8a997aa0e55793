"""How many events lie in one array, how many go into one block, and what samplers are asked for."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from pushforward._errors import as_key, given, is_key
from pushforward._types import Kind, Shape


def sampling_key(name: str, method: str, key: Any, sample_shape: Any) -> PRNGKeyArray:
    """The first argument of a sampler; who writes the number of draws there is told the call that works."""
    if is_key(key) or not isinstance(key, int | np.integer | tuple | list):
        return as_key(f"{name}.{method}", key, f"{method}(jax.random.key(0), ...)")
    raise ValueError(
        f"{name}.{method}: the first argument is a key, the second the number of draws, got "
        f"{'them the other way round' if is_key(sample_shape) else given(key)}. "
        f"Write `{method}(jax.random.key(0), {key})`."
    )


def shape_of_draws(name: str, sample_shape: Any) -> Shape:
    """The shape of many draws, or a ValueError."""
    sizes = [sample_shape] if isinstance(sample_shape, int | np.integer) else sample_shape
    if not isinstance(sizes, tuple | list) or not all(isinstance(n, int | np.integer) and n >= 0 for n in sizes):
        raise ValueError(
            f"{name}: `sample_shape` must be the number of draws or a shape, got {given(sample_shape)}. "
            "Write `sample(key, 100)` or `sample(key, (10, 10))`."
        )
    return tuple(int(n) for n in sizes)


def batch_last(x: Array, batch: Shape, event_shape: Shape) -> Array:
    """`(*batch, *event) -> (*event, prod(batch))`; batch axes are broadcast to `batch` first."""
    return jnp.moveaxis(rows_of(x, batch, event_shape), 0, -1)


def rows_of(x: Array, batch: Shape, event_shape: Shape) -> Array:
    """`(*batch, *event) -> (prod(batch), *event)`; batch axes are broadcast to `batch` first."""
    return jnp.broadcast_to(x, (*batch, *event_shape)).reshape(math.prod(batch), *event_shape)


def batch_first(x: Array) -> Array:
    """`(*event, n) -> (n, *event)`."""
    return jnp.moveaxis(x, -1, 0)


BLOCK_CELLS, IMAGE_CELLS, BLOCK_CELLS_ELSEWHERE = 2**17, 3 * 2**16, 2**23
"""Rows times numbers of an event in one block, of vectors and of images on a CPU, and on an accelerator, which needs
large blocks to be busy."""
LEAST_ROWS, MOST_ROWS = 2_048, 4_096
"""Rows of a block of vectors on a CPU. More move temporaries out of the caches: 20,000 rows of 43 columns took a MAF
56 ms whole and 30 in blocks of 2,900, a spline flow 309 and 227; of 6 columns, 25 and 23, 53 and 44. Fewer read the
weights too often: of 784 columns, 2,000 rows took 207 ms whole and 477 in twelve pieces. Of images there is no least: a
convolutional network makes hundreds of numbers of each."""
DRAWN_BLOCKS = 16
"""Blocks that are drawn in one call: a million rows of 6 columns from a MAF at once took 1.5 GiB."""


ROWS_TOGETHER, IMAGES_TOGETHER = 64, 16
"""A block is a multiple of it, as the innermost axis is what a core takes many of at once: 20,000 draws of 43 columns
took a spline flow 180 ms in blocks of 2,858 and 158 in blocks of 2,880. The largest block of images is a power of two:
256 images of 32 x 32 x 3 took a Glow 125 ms in blocks of 37, 106 of 32, 112 of 48, 94 of 64, 119 of 96."""


def most_rows(event_shape: Shape) -> int:
    """How many events go into one block."""
    size, images, is_cpu = max(math.prod(event_shape), 1), _are_images(event_shape), jax.default_backend() == "cpu"
    cells = (IMAGE_CELLS if images else BLOCK_CELLS) if is_cpu else BLOCK_CELLS_ELSEWHERE
    rows = max(cells // size, 1)
    if images:
        return 1 << (rows.bit_length() - 1)
    rows = min(max(rows, LEAST_ROWS), MOST_ROWS) if is_cpu else rows
    return max(rows - rows % ROWS_TOGETHER, min(rows, ROWS_TOGETHER))


def in_blocks(n: int, event_shape: Shape) -> tuple[int, int]:
    """How many blocks `n` events make, and the size of each; the last may need to be filled up."""
    most = most_rows(event_shape)
    if n <= most:
        return 1, n
    size = math.ceil(n / math.ceil(n / most))
    size = min(size + -size % _together(event_shape), most)
    return math.ceil(n / size), size


def drawn_in_blocks(kind: Kind, event_shape: Shape) -> bool:
    """Whether many draws are made block by block: of few coordinates in sequence all arrays are small as it is."""
    return kind == "analytic" or (kind == "sequential" and math.prod(event_shape) > FEW_COORDINATES)


def most_of_a_call(kind: Kind, event_shape: Shape) -> int:
    """How many draws one call makes; of images that a solver draws all at once no more than a block."""
    in_one_block = _are_images(event_shape) and not drawn_in_blocks(kind, event_shape)
    return most_rows(event_shape) * (1 if in_one_block else DRAWN_BLOCKS)


FEW_COORDINATES = 8
"""20,000 draws of 6 columns took a sequential spline flow 31 ms whole and 34 to 40 in blocks; of 43 columns a MAF 108
and 87."""


def _together(event_shape: Shape) -> int:
    return IMAGES_TOGETHER if _are_images(event_shape) else ROWS_TOGETHER


def _are_images(event_shape: Shape) -> bool:
    """Whether an event has height, width and channels."""
    return len(event_shape) == 3


def even_size(n: int, most: int) -> int:
    """Rows of calls that are about equally long, one of 16 sizes at most: each is compiled."""
    step = math.ceil(most / 16)
    return min(math.ceil(math.ceil(n / math.ceil(n / most)) / step) * step, most)


def laid_out(distribution: Any, method: str, values: Array, wanted: Shape) -> Array:
    """What a method of a subclass gave, in the layout of the contract, or a ValueError."""
    if jnp.shape(values) != wanted:
        raise ValueError(
            f"{type(distribution).__name__}.{method}: must give shape {wanted}, got {jnp.shape(values)}. "
            "The axis of many events is the last one, behind those of the event."
        )
    return values


def broadcast_batches(name: str, a: Shape, b: Shape) -> Shape:
    """The shape of both batches, or a ValueError."""
    try:
        return jnp.broadcast_shapes(a, b)
    except ValueError as error:
        raise ValueError(f"{name}: the batch axes of `x`, {a}, and of `condition`, {b}, do not broadcast.") from error
