"""Sizes that programs are compiled for: few of them, so that data of another length need no new one."""


def power_of_two(rows: int) -> int:
    """The least power of two that is not below `rows`, at least 1."""
    return 1 << max(rows - 1, 0).bit_length()
