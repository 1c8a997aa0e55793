"""Stacks of autoregressive layers in a chosen order, or along a graph."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import PRNGKeyArray

from pushforward._errors import did_you_mean
from pushforward._graphs import Graph, graph
from pushforward.bijections import AbstractBijection, Chain, Flip, Permute, repeat

Order = str | tuple[int, ...]
Adjacency = tuple[tuple[int, ...], ...] | None
MakeLayer = Callable[[PRNGKeyArray, dict[str, Any]], AbstractBijection]
"""A layer from a key and the options `order` and `adjacency` of `Autoregressive`."""


def ordered_stack(
    make: MakeLayer,
    dim: int,
    num_layers: int,
    *,
    order: Order,
    adjacency: Adjacency,
    key: PRNGKeyArray,
    between: Callable[[PRNGKeyArray], Sequence[AbstractBijection]] = lambda key: (),
) -> AbstractBijection:
    """Layers `make(key, options)`, with a way of changing the order between them.

    Args:
        make: A layer; it passes the options on to its `Autoregressive`.
        dim: Number of coordinates.
        num_layers: Layers.
        order: "reversed" from layer to layer; "random" in each layer; or a permutation, in which the layer next to the
            data takes the coordinates, and which is reversed from layer to layer.
        adjacency: A graph that all layers follow, in place of an order; nothing then stands between them.
        key: For the initial weights and random orders.
        between: What follows a layer besides the change of order.

    Raises:
        ValueError: If the order is not known or no permutation, if there is a graph beside it, or if several layers
            would add links to the graph.
    """
    if adjacency is not None:
        if order != "reversed":
            raise ValueError(
                f"got `adjacency` and order={order!r}: a graph has an order of its own, so leave one of them out."
            )
        if num_layers > 1:
            _refuse_longer_paths(graph("adjacency", adjacency, dim))
        return repeat(lambda k: make(k, {"adjacency": adjacency}), num_layers, key)
    if order == "random":
        return repeat(lambda k: Chain([make(k, {"order": "random"}), *between(k)]), num_layers, key)
    if isinstance(order, str) and order != "reversed":
        raise ValueError(f"unknown order {order!r}; {did_you_mean(order, ['reversed', 'random'])}.")
    if not isinstance(order, str) and sorted(np.ravel(np.asarray(order)).tolist()) != list(range(dim)):
        raise ValueError(
            f"`order` must be 'reversed', 'random' or hold each of 0 .. {dim - 1} once, got {order}; "
            "number the columns from 0 on."
        )
    layers = repeat(lambda k: Chain([make(k, {}), *between(k), Flip((dim,))]), num_layers, key)
    if isinstance(order, str):
        return layers
    # The layer next to the data sees it behind a flip.
    return Chain([layers, Permute(np.argsort(np.asarray(order)[::-1]))])


def _refuse_longer_paths(links: Graph) -> None:
    for child, near in enumerate(links.parents):
        for middle in near:
            for far in links.parents[middle]:
                if far not in near:
                    i, j, k = (links.order[place] for place in (child, far, middle))
                    raise ValueError(
                        f"adjacency: {i} depends on {j} through {k}, so two layers would link {i} with {j}. "
                        "Add that link, or use num_layers=1."
                    )
