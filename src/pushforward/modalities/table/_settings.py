"""The settings of a fit to a table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import no_type_check

from pushforward.modalities._settings import Settings

AUTO = "auto"
"""In place of a flow's name: the best of a few, by a comparison."""


@no_type_check
@dataclass(repr=False, eq=False)
class TableSettings(Settings):
    """The settings of all fits, what the columns can hold, Gaussians behind the flow, and cells that may be missing."""

    columns: str | Mapping[str, str] | None = None
    background: bool | None = None
    incomplete: bool = False
