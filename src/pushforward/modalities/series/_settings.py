"""The settings of a fit to series."""

from dataclasses import KW_ONLY, dataclass
from typing import no_type_check

from pushforward.modalities._settings import Settings


@no_type_check
@dataclass(repr=False, eq=False)
class SeriesSettings(Settings):
    """The settings of all fits, and what is forecast."""

    flow: str = "tempflow"
    _: KW_ONLY
    horizon: int = 24
    context: int | None = None
    calendar: bool = True
    batch_size: int | None = 64
