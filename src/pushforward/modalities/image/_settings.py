"""The settings of a fit to images."""

from dataclasses import KW_ONLY, dataclass
from typing import no_type_check

from pushforward.modalities._settings import Settings


@no_type_check
@dataclass(repr=False, eq=False)
class ImageSettings(Settings):
    """The settings of all fits, and what training makes of the images."""

    flow: str = "glow"
    _: KW_ONLY
    conditional: bool = False
    flip: bool = False
    shift: int = 0
    drop_labels: float = 0.0
    batch_size: int | None = None
