"""The loss while a flow is trained."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pushforward._errors import DataError
from pushforward.plots._axes import finished
from pushforward.plots._style import DATA, FAINT, INK, MODEL, Size, new_figure, styled
from pushforward.train import Epoch, FitResult


@styled
def loss_curve(
    history: FitResult | Mapping[str, Any] | Sequence[Epoch | Mapping[str, Any]],
    *,
    reference: float | None = None,
    reference_label: str = "entropy of the data",
    label: str = "negative log-likelihood (nats)",
    size: Size | None = None,
    title: str | None = None,
    xlabel: str | None = None,
    ylabel: str | None = None,
) -> Figure:
    """Training and validation loss by epoch, with the epoch that was kept.

    Where the flow before training is kept, because no epoch was better, its loss is marked at epoch 0.

    Args:
        history: A `FitResult`; or its `history`; or the plain data of its `summary()`, as a model file keeps it.
        reference: A loss to compare with, drawn as a line: such as the true entropy, which no model can beat.
        reference_label: What the reference is.
        label: What the loss is, with its unit.
        size: Width and height of the picture in inches.
        title: Above the picture.
        xlabel: In place of "epoch".
        ylabel: In place of `label`.

    Returns:
        A Matplotlib figure; `save` writes it to a file.

    Raises:
        DataError: If there is no epoch with a finite loss.

    Example:
        >>> epochs = [{"number": i, "train": 2 / i, "validation": 1 + 1 / i} for i in (1, 2, 3)]
        >>> pf.plots.loss_curve(epochs).axes[0].get_xlabel()
        'epoch'
    """
    number, train, validation = _curves(history)
    figure = new_figure(*(size or (4.2, 2.9)))
    axes = figure.subplots()
    axes.plot(number, train, color=MODEL, label="training")
    start = None
    if np.isfinite(validation).any():
        start = _kept_start(history)
        axes.plot(number, validation, color=DATA, linestyle="--", label="validation")
        _mark_kept(axes, number, validation, start)
    if reference is not None:
        axes.axhline(reference, color=FAINT, linewidth=0.9, linestyle=":", label=reference_label)
    axes.set(xlabel="epoch", ylabel=label, ylim=_span(train, validation, [reference, start]))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    return finished(figure, title=title, xlabel=xlabel, ylabel=ylabel)


def _curves(history: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if isinstance(history, FitResult):
        history = history.history
    elif isinstance(history, Mapping):
        history = history["history"]
    rows = [entry if isinstance(entry, Mapping) else vars(entry) for entry in history]
    columns = [np.array([_number(row.get(name)) for row in rows]) for name in ("number", "train", "validation")]
    if not np.isfinite(columns[1:]).any():
        raise DataError("loss_curve: there is no epoch with a finite loss.", "train for at least one epoch")
    return columns[0], columns[1], columns[2]


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _kept_start(history: Any) -> float | None:
    """The loss before training where that is what was kept, and known; else None."""
    found = vars(history) if isinstance(history, FitResult) else history if isinstance(history, Mapping) else {}
    start = _number(found.get("start_loss"))
    return start if found.get("best_epoch") == 0 and math.isfinite(start) else None


def _mark_kept(axes: Axes, number: np.ndarray, validation: np.ndarray, start: float | None) -> None:
    best = int(np.nanargmin(validation))
    epoch, loss, when = number[best], validation[best], f"at epoch {number[best]:.0f}"
    if start is not None:
        epoch, loss, when = 0, start, "before training"
    axes.plot(epoch, loss, "o", color=INK, markersize=4, label=f"kept: {loss:.3f} {when}", zorder=3)


def _span(train: np.ndarray, validation: np.ndarray, marked: Sequence[float | None]) -> tuple[float, float]:
    """From the lowest to the highest loss; a first epoch far above all others runs out of the picture."""
    losses = np.concatenate([train, validation])
    losses = losses[np.isfinite(losses)]
    low, high = losses.min(), losses.max()
    usual = np.quantile(losses, 0.95)
    if len(losses) >= 20 and high - low > EARLY_SPIKE * (usual - low) > 0:
        high = low + EARLY_SPIKE * (usual - low)
    low = min([low, *(loss for loss in marked if loss is not None)])
    margin = 0.06 * (high - low) or 0.5
    return low - margin, high + margin


EARLY_SPIKE = 4.0
"""The picture is at most this many times as high as the lower 95 % of the losses."""
