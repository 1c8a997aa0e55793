"""How a model is fitted: the settings that every estimator and `pushforward fit` share, once."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, no_type_check

from pushforward.modalities._options import COUNT, SHARE, Number, Option


@no_type_check
@dataclass(repr=False, eq=False)
class Settings:
    """The settings of a fit; see `pushforward.FlowDensity` for what they mean.

    They are stored as they are, and refused by the fit alone, as scikit-learn asks of its estimators.
    """

    flow: Any = "nsf"
    _: KW_ONLY
    options: Mapping[str, Any] | None = None
    learning_rate: float | None = None
    batch_size: int | None = None
    max_epochs: int | None = None
    patience: int | None = None
    validation: float | None = 0.1
    ema: float | None = None
    weight_decay: float | None = None
    checkpoint: str | os.PathLike[str] | None = None
    resume: bool = False
    callbacks: Sequence[Callable[..., Any]] = ()
    progress: bool = False
    random_state: Any = None


OF_ONE_RUN = ("callbacks", "checkpoint", "resume", "progress")
"""Settings that belong to one run, not to the model."""

TRAINING = (
    Option(
        name="max_epochs",
        commands=("fit",),
        metavar="N",
        parse=COUNT,
        help="Passes through the data, at most.",
        shown="the flow's own, mostly 100",
    ),
    Option(
        name="batch_size",
        commands=("fit",),
        metavar="N",
        parse=COUNT,
        help="Rows or images per step.",
        shown="a power of two up to a tenth of the rows, 32 to 256; 64 images, or 16; 8 segments of sound; "
        "64 windows of series",
    ),
    Option(
        name="learning_rate",
        commands=("fit",),
        metavar="NUMBER",
        parse=Number(0, above=True),
        help="Of Adam, at its highest.",
        shown="the flow's own, mostly 0.003",
    ),
    Option(
        name="patience",
        commands=("fit",),
        metavar="N",
        parse=COUNT,
        help="Epochs without a better validation loss before training ends.",
        shown="the flow's own, mostly 10",
    ),
    Option(
        name="validation",
        commands=("fit",),
        metavar="SHARE",
        parse=SHARE,
        default=0.1,
        help="Share of the rows that is held out to find the best epoch; 0 for none.",
    ),
    Option(
        name="ema",
        commands=("fit",),
        metavar="SHARE",
        parse=SHARE,
        help="Keep a running mean of the parameters with this decay, such as 0.999; 0 for none.",
        shown="the flow's own, mostly 0",
    ),
    Option(
        name="weight_decay",
        commands=("fit",),
        metavar="NUMBER",
        parse=Number(0),
        help="Share of the weights of networks, times the learning rate, that a step takes away, such as 0.1.",
        shown="the flow's own, mostly 0",
    ),
)
"""The settings of training that `pushforward fit` takes, whatever the data are."""
