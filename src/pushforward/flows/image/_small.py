"""What image flows are where nobody says how large: sizes that a few CPU cores train in minutes.

Each takes the shape of the pictures, and by name what the user has said, which it need not look at.
"""

import math
from collections.abc import Mapping
from typing import Any

from pushforward._types import Shape
from pushforward.flows._recipe import Small, Training

TRAINING = Training(learning_rate=2e-3, max_epochs=200, patience=10, ema=0.99)
MNIST = 28 * 28


def small(shape: Shape, options: Mapping[str, Any], steps: int, most: int = 5_000) -> Small:
    """These options, and as many steps as take about as long for pictures of this size as `steps` do for MNIST's."""
    return Small(options, TRAINING, max(1, min(most, round(steps * MNIST / math.prod(shape)))))


def in_small_batches(found: Small, shape: Shape) -> Small:
    """As many pictures in a quarter of the batch, if they are so large that a step costs what its pictures do."""
    if math.prod(shape) < MNIST:
        return found
    return found._replace(steps=4 * found.steps, batch_size=found.batch_size // 4)


def grey(said: Mapping[str, Any], **options: Any) -> dict[str, Any]:
    """The options, and a first map that evens out the histogram of grey values where nothing is said of another."""
    is_said = said.keys() & {"alpha", "equalize"} or said.get("noise")
    return options if is_said else options | {"equalize": True}


def levels(shape: Shape, most: int) -> int:
    """How often the sides can be halved before the picture is narrower than two pixels; at least once."""
    *sides, _ = shape
    even = min((side & -side).bit_length() - 1 for side in sides)
    return max(1, min(most, even, min(sides).bit_length() - 2))


def small_glow(shape: Shape, **said: Any) -> Small:
    """Two levels of 8 steps, three from 32 pixels on."""
    most = 3 if min(shape[:2]) >= 32 else 2
    found = small(shape, grey(said, num_levels=levels(shape, most), num_steps=8, width=64), 5_000)
    return in_small_batches(found, shape)


def small_nsf(shape: Shape, **said: Any) -> Small:
    """Two levels of 4 steps, three from 32 pixels on."""
    most = 3 if min(shape[:2]) >= 32 else 2
    found = small(shape, grey(said, num_levels=levels(shape, most), num_steps=4, width=32, depth=2), 5_000)
    return in_small_batches(found, shape)


def small_realnvp(shape: Shape, **said: Any) -> Small:
    """One level for pictures up to 16 pixels wide, two above."""
    most = 1 if min(shape[:2]) <= 16 else 2
    return small(shape, grey(said, num_levels=levels(shape, most), width=32, depth=2), 1_300)


def small_flowpp(shape: Shape, **said: Any) -> Small:
    """Two couplings of checkerboards and two of channels, each with one block."""
    options = grey(said, num_checkers=2, num_channels=2, num_coarse=0, num_noise=2, num_components=4)
    options |= {"width": 32, "depth": 1, "num_heads": 2 if min(shape[:2]) <= 16 else 1}
    return small(shape, options, 800, most=1_800)


def small_tarflow(shape: Shape, **said: Any) -> Small:
    """Four blocks of two layers, on patches of 2 pixels, of 4 from 16 on."""
    patch = 4 if min(shape[:2]) > 16 and levels(shape, 2) == 2 else 2
    options = grey(said, patch=patch, num_layers=4, width=64, depth=2, num_heads=4 if patch == 4 else 2)
    return small(shape, options, 2_500, most=2_000)


def small_nice(shape: Shape, **said: Any) -> Small:
    """Narrower layers than the paper's, of which there are fewer."""
    return small(shape, grey(said, width=256, depth=3), 20_000)


def small_iunet(shape: Shape, **said: Any) -> Small:
    """Two levels of two couplings."""
    return small(shape, grey(said, num_levels=levels(shape, 2), num_steps=2, width=32), 3_000)


def small_mintnet(shape: Shape, **said: Any) -> Small:
    """Two scales of four layers."""
    return small(shape, grey(said, num_levels=_scales(shape, 2), num_layers=4, width=16), 800, most=2_000)


def small_residual(shape: Shape, **said: Any) -> Small:
    """Two scales of four blocks."""
    return small(shape, grey(said, num_levels=_scales(shape, 2), num_layers=4, width=32), 300, most=700)


def small_idf(shape: Shape, **_: Any) -> Small:
    """Two levels of four couplings."""
    return small(shape, {"num_levels": levels(shape, 2), "num_steps": 4, "width": 32, "depth": 2}, 1_000, most=2_000)


def _scales(shape: Shape, most: int) -> int:
    """The number of scales with a halving between each two."""
    *sides, _ = shape
    return 1 if any(side % 2 for side in sides) else 1 + levels(shape, most - 1)
