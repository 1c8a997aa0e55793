"""Paths of the future, and what is told of them."""

from collections.abc import Sequence

import jax
import numpy as np

from pushforward.data import Table, TableWriter
from pushforward.data._batches import ColumnKind
from pushforward.data.series._series import Item, SeriesData
from pushforward.distributions import SeriesFlow
from pushforward.modalities.series._facts import SeriesFacts
from pushforward.modalities.series._windows import future, to_draw, windows


def paths_of(
    flow: SeriesFlow,
    facts: SeriesFacts,
    data: SeriesData,
    count: int,
    key: jax.Array,
    temperature: float | None = None,
) -> tuple[np.ndarray, tuple[Item, ...]]:
    """Paths behind the end of every item, `(items, paths, horizon, series)`, and the steps that they are of."""
    longer, starts = future(facts, data, flow.horizon)
    drawn = paths_from(flow, facts, longer, starts, count, key, temperature)
    return drawn, tuple(item.part(start, start + flow.horizon) for item, (_, start) in zip(longer, starts, strict=True))


def paths_from(
    flow: SeriesFlow,
    facts: SeriesFacts,
    items: Sequence[Item],
    starts: Sequence[tuple[int, int]],
    count: int,
    key: jax.Array,
    temperature: float | None = None,
) -> np.ndarray:
    """Paths that begin at some steps of some items, `(starts, paths, horizon, series)`."""
    found = windows(facts, items, starts, flow.past, flow.horizon)
    drawn = flow.sample(key, count, to_draw(found, flow.past), temperature=temperature)
    return np.swapaxes(np.asarray(drawn, np.float64), 0, 1)


def quantile_names(names: Sequence[str], levels: Sequence[float]) -> tuple[str, ...]:
    """`USD_0.1`, `USD_0.5`, ... of each series."""
    return tuple(f"{name}_{level:.15g}" for name in names for level in levels)


def write_forecast(
    target: str, facts: SeriesFacts, paths: np.ndarray, ahead: tuple[Item, ...], levels: Sequence[float]
) -> int:
    """Write quantiles, a row for each step, or the paths themselves, a row for each step of each; how many rows."""
    blocks = []
    for place, item in enumerate(ahead):
        if levels:
            found = np.quantile(paths[place], levels, axis=0)  # (levels, horizon, series)
            cells = np.moveaxis(found, 0, -1).reshape(len(item), -1)
            blocks.append(_rows(facts, item, place, cells))
            continue
        for number, path in enumerate(paths[place]):
            cells = np.column_stack([np.full(len(item), number + 1.0), path])
            blocks.append(_rows(facts, item, place, cells))
    values = np.concatenate(blocks)
    own = quantile_names(facts.names, levels) if levels else ("path", *facts.names)
    write_rows(target, facts, values, own, tuple(item.name for item in ahead), whole=() if levels else ("path",))
    return len(values)


def _rows(facts: SeriesFacts, item: Item, place: int, cells: np.ndarray) -> np.ndarray:
    times = item.times if facts.moment is None else facts.moment.of_clock(item.times)
    head = [times] if not facts.item else [np.full(len(item), float(place)), times]
    return np.column_stack([*head, cells])


def write_rows(
    target: str,
    facts: SeriesFacts,
    values: np.ndarray,
    own: Sequence[str],
    items: tuple[str, ...],
    *,
    whole: Sequence[str] = (),
) -> None:
    """Write a table whose first columns are the item, where there are some, and the time."""
    head = (facts.time,) if not facts.item else (facts.item, facts.time)
    names = (*head, *own)
    whole = (*whole, facts.time) if facts.moment is None else whole
    kinds: tuple[ColumnKind, ...] = tuple("int" if name in whole else "float" for name in names)
    types = {} if facts.moment is None else {facts.time: facts.moment}
    categories = {facts.item: items} if facts.item else {}
    table = Table(names, values, kinds, categories=categories, types=types)
    with TableWriter(target, table.names, table.kinds, table.categories, table.types) as writer:
        writer.write(table.values)
