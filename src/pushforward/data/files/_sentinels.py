"""Values that stand for missing cells, in a source of any format."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pushforward.data._categories import is_number
from pushforward.data._source import Source


def without_missing(source: Source, values: Sequence[str]) -> Source:
    """The same source with NaN where a cell is one of the values: as a number, or as the text of a category."""
    if not values:
        return source
    numbers = np.array([float(value) for value in values if is_number(value)])
    whole = source.whole
    return replace(
        source,
        blocks=(_marked(source, block, numbers, values) for block in source.blocks),
        whole=None if whole is None else lambda: _marked(source, whole(), numbers, values),
    )


def _marked(source: Source, block: np.ndarray, numbers: np.ndarray, values: Sequence[str]) -> np.ndarray:
    block = np.array(block)
    for place, name in enumerate(source.names):
        if name in source.vocabularies:
            labels = source.vocabularies[name].labels
            wanted = [code for code, label in enumerate(labels) if str(label) in values]
        else:
            wanted = numbers.astype(block.dtype)
        block[np.isin(block[:, place], wanted), place] = np.nan
    return block
