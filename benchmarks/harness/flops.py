"""Arithmetic of a case's matrix products: the part of the work that no layout can remove."""

import itertools

from benchmarks.cases import Case, Operation, work_of

FORWARD, FORWARD_AND_BACKWARD = 1, 3


def matmul_flops(case: Case, operation: Operation) -> float:
    """Floating point operations of the products in one training step or call, counted dense: masks save nothing."""
    times = FORWARD_AND_BACKWARD if operation == "train" else FORWARD
    products = _convolutions(case) if case.image is not None else _products(case)
    return 2.0 * times * work_of(case, operation) * case.layers * products


def _products(case: Case) -> int:
    """Multiplications per row and layer."""
    moved = case.dim if case.family in ("maf", "nsf-ar") else case.dim - case.dim // 2
    seen = case.dim if case.family in ("maf", "nsf-ar") else case.dim // 2
    per_coordinate = 3 * case.bins - 1 if case.family.startswith("nsf") else 2
    sizes = (seen, *case.hidden, moved * per_coordinate)
    return sum(a * b for a, b in itertools.pairwise(sizes))


def _convolutions(case: Case) -> int:
    """Multiplications per image for one step of flow at each scale: 3x3, 1x1 and 3x3, and the map of the channels."""
    height, width, channels = case.image or (0, 0, 0)
    total = 0
    for scale in range(1, case.scales + 1):
        pixels, seen = (height >> scale) * (width >> scale), channels << scale  # half of 4c, 8c, ... channels
        first, second = case.hidden
        total += pixels * (9 * seen * first + first * second + 9 * second * 2 * seen + (2 * seen) ** 2)
    return total
