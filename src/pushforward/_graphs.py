"""Directed acyclic graphs over coordinates: who depends on whom, in an order in which all can be computed."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import ArrayLike

Parents = tuple[tuple[int, ...], ...]
"""For each coordinate those that it depends on, all of them before it."""


class Graph(NamedTuple):
    """A graph whose coordinates have been put in order, level by level.

    Attributes:
        order: `order[k]` is the coordinate that comes `k`-th; its parents come before it.
        parents: Of the `k`-th coordinate, as places in the order.
    """

    order: tuple[int, ...]
    parents: Parents


def graph(name: str, adjacency: ArrayLike | Sequence[Sequence[int]], dim: int) -> Graph:
    """The graph of an adjacency matrix, whose diagonal is ignored.

    Args:
        name: Of whoever asks, for messages.
        adjacency: `adjacency[i, j]` is true where coordinate `i` depends on coordinate `j`. Shape `(dim, dim)`.
        dim: Number of coordinates.

    Raises:
        ValueError: If the shape does not fit, or there is a cycle, which is named.
    """
    given = np.asarray(adjacency)
    if given.shape != (dim, dim):
        raise ValueError(f"{name}: `adjacency` must have shape {(dim, dim)}, got {given.shape}.")
    depends = (given != 0) & ~np.eye(dim, dtype=bool)
    order: list[int] = []
    waiting = set(range(dim))
    while waiting:
        ready = [i for i in sorted(waiting) if not depends[i, sorted(waiting)].any()]
        if not ready:
            raise ValueError(
                f"{name}: `adjacency` has a cycle: {_cycle(depends, sorted(waiting))}. "
                "Coordinates must depend on each other in one direction only; take one of these links out."
            )
        order += ready
        waiting -= set(ready)
    place = {coordinate: k for k, coordinate in enumerate(order)}
    parents = tuple(tuple(sorted(place[int(j)] for j in np.flatnonzero(depends[i]))) for i in order)
    return Graph(tuple(order), parents)


def levels(parents: Parents) -> list[tuple[int, int]]:
    """Ranges `(start, end)` of neighbours that do not depend on each other, as long as can be."""
    ranges, start = [], 0
    for end in range(1, len(parents) + 1):
        if end == len(parents) or any(j >= start for j in parents[end]):
            ranges.append((start, end))
            start = end
    return ranges


def spread_sets(parents: Parents, width: int, *, conditional: bool) -> np.ndarray:
    """For each hidden unit the coordinates that it sees, `(width, dim)`, sorted by the last of them.

    The distinct sets of parents share the units evenly.

    Raises:
        ValueError: If there are more sets than units.
    """
    sets = sorted({p for p in parents if p or conditional}, key=lambda p: (max(p, default=-1), p)) or [()]
    if width < len(sets):
        raise ValueError(
            f"MADE: `width` must be at least {len(sets)}, one unit for each different set of parents, got {width}."
        )
    chosen = np.round(np.linspace(0, len(sets) - 1, width)).astype(int)
    return members([sets[i] for i in chosen], len(parents))


def members(sets: Sequence[tuple[int, ...]], dim: int) -> np.ndarray:
    """Sets as rows of booleans, `(len(sets), dim)`."""
    rows = np.zeros((len(sets), dim), dtype=bool)
    for row, chosen in zip(rows, sets, strict=True):
        row[list(chosen)] = True
    return rows


def contained(small: np.ndarray, large: np.ndarray) -> np.ndarray:
    """Whether each set of `small` is a part of each set of `large`, `(large, small)`."""
    return (~large).astype(int) @ small.T.astype(int) == 0


def _cycle(depends: np.ndarray, within: list[int]) -> str:
    """A cycle among coordinates each of which depends on another of them, in words."""
    path = [within[0]]
    while path[-1] not in path[:-1]:
        path.append(next(j for j in within if depends[path[-1], j]))
    path = path[path.index(path[-1]) :]
    return ", ".join(f"{i} depends on {j}" for i, j in itertools.pairwise(path))
