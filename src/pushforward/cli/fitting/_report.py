"""What `pushforward fit` says and prints when it is done."""

import math
from pathlib import Path
from typing import Any

from pushforward.cli.frame._layout import print_json
from pushforward.modalities import Figure, Modality
from pushforward.modalities._model import Model
from pushforward.modalities._talk import Talk, duration, plural
from pushforward.train import FitResult


def say_result(model: Model, modality: Modality, target: Path, talk: Talk) -> None:
    """The figures of the fit, and what they mean."""
    result = model.result
    if not result.history:
        talk.say(f"nothing was trained: {result.stopped_because}")
        talk.say(f"wrote {target} ({_size(target)})")
        return
    skipped = f"; {plural(result.skipped_steps, 'step')} skipped" if result.skipped_steps else ""
    took = f", {duration(result.seconds)}" if result.seconds else ""
    talk.say(f"stopped after {plural(len(result.history), 'epoch')}{took}: {result.stopped_because}{skipped}")
    if result.spent is None:
        for line in _figure(result, modality.figure(model), modality.row):
            talk.say(line)
    for line in modality.remarks(model):
        talk.say(line)
    if not model.flow.exact and result.spent is None:
        talk.say(
            "  the flow does not give exact log-densities: with noise the loss is a bound, above the value in the mean"
        )
    talk.say(f"wrote {target} ({_size(target)})")


def _figure(result: FitResult, figure: Figure, row: str) -> tuple[str, str]:
    held_out = _has_validation(result)
    name = "validation" if held_out else "training"
    best, start = (figure.scale * loss for loss in (result.best_loss, result.start_loss))
    kept = f"{figure.unit} at epoch {result.best_epoch}, which is kept; {start:.4f} before training"
    if result.best_epoch == 0:
        kept = f"{figure.unit} before training, which is kept: no epoch was better"
    rows = f"{row}s that were held out" if held_out else f"{row}s of training, as none were held out"
    return (
        f"{name} loss {best:.4f} {kept}",
        f"  this is the mean {figure.meaning} of the {rows}: lower is better",
    )


def _has_validation(result: FitResult) -> bool:
    return any(epoch.validation is not None for epoch in result.history)


def print_report(target: Path, model: Model, modality: Modality, data: Any) -> None:
    """The same for programs."""
    result, is_likelihood = model.result, modality.figure(model).is_likelihood
    training = result.summary()
    report: dict[str, Any] = {
        "model": str(target),
        "modality": modality.name,
        "flow": model.recipe,
        "options": model.settings["options"],
        **modality.report(data, model),
        "epochs": len(result.history),
        "validation_nats": training["best_loss"] if _has_validation(result) and is_likelihood else None,
        "train_nats": _train_nats(result) if is_likelihood else None,
    }
    names = ("best_epoch", "start_loss", "stopped_because", "skipped_steps", "events", "seconds")
    print_json(report | {name: training[name] for name in names})


def _train_nats(result: FitResult) -> float | None:
    if result.best_epoch == 0:
        return None
    train = result.history[result.best_epoch - 1].train
    return train if math.isfinite(train) else None


def _size(path: Path) -> str:
    size = path.stat().st_size
    return f"{size / 2**20:.1f} MiB" if size >= 2**20 else f"{size / 2**10:.0f} KiB"
