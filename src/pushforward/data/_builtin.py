"""Tables that need no file: toy densities and the sets bundled with scikit-learn."""

from typing import Any

import numpy as np

from pushforward._errors import DataError, did_you_mean
from pushforward.data._source import Selection, Source
from pushforward.data._toy import TOYS
from pushforward.data.files._numpy import open_array

TOY_ROWS = 10_000
"""Rows of a toy when its source does not say."""

SKLEARN_SETS = ("breast_cancer", "diabetes", "digits", "iris", "wine")
"""Sets that come with scikit-learn itself: nothing is downloaded."""


def open_toy(text: str, selection: Selection) -> Source:
    """Open `toy:NAME[:rows[:seed]]`."""
    _, name, *numbers = text.split(":")
    if name not in TOYS:
        raise DataError(f"{text}: no toy density is called {name!r}.", did_you_mean(name, TOYS))
    if len(numbers) > 2 or not all(number.isdecimal() for number in numbers) or numbers[:1] == ["0"]:
        raise DataError(
            f"{text}: rows and seed must be whole numbers.", f"write `toy:{name}:5000` or `toy:{name}:5000:1`"
        )
    rows, seed = (int(numbers[0]) if numbers else TOY_ROWS), (int(numbers[1]) if len(numbers) > 1 else 0)
    return open_array(TOYS[name].sample(rows, seed=seed), selection, label=text)


def open_sklearn(text: str, selection: Selection) -> Source:
    """Open `sklearn:NAME`, or `sklearn:NAME:target` for the features with the target as the last column."""
    _, name, *extra = text.split(":")
    if name not in SKLEARN_SETS:
        raise DataError(f"{text}: no bundled set is called {name!r}.", did_you_mean(name, SKLEARN_SETS))
    if extra not in ([], ["target"]):
        raise DataError(f"{text}: only `:target` may follow the name.", f"write `sklearn:{name}`")
    from sklearn import datasets

    bunch: Any = getattr(datasets, f"load_{name}")()
    names, values = [str(feature) for feature in bunch.feature_names], bunch.data
    if extra:
        names, values = [*names, "target"], np.column_stack([values, bunch.target])
    return open_array(values, selection, label=text, names=names)
