"""The settings of a fit to a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, no_type_check

from pushforward.modalities._settings import Settings

AUTO = "auto"
"""In place of a flow's name: the best of a few, by a comparison."""


@no_type_check
@dataclass(repr=False, eq=False)
class TableSettings(Settings):
    """The settings of all fits, what columns can hold, how many flows, Gaussians behind, missing cells, privacy."""

    columns: str | Mapping[str, str] | None = None
    background: bool | None = None
    ensemble: int = 1
    incomplete: bool = False
    epsilon: float | None = None
    delta: float = 1e-5
    clip_norm: float = 1.0
    bounds: Mapping[str, Sequence[float]] | None = None
    categories: Mapping[str, Sequence[Any]] | None = None
