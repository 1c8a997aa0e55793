"""The settings of a fit to sound."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, no_type_check

from pushforward.modalities._settings import Settings


@no_type_check
@dataclass(repr=False, eq=False)
class SoundSettings(Settings):
    """The settings of all fits, and what training makes of the clips."""

    flow: str = "waveglow"
    _: KW_ONLY
    conditional: bool = False
    mel: bool | Mapping[str, Any] = False
    length: int | None = None
    pad: bool = False
    batch_size: int | None = 8
