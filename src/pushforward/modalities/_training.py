"""How a training went, in a few lines."""

from collections.abc import Mapping
from typing import Any

from pushforward.modalities._talk import duration, plural
from pushforward.modalities._told import Figure


def training_facts(training: Mapping[str, Any], figure: Figure) -> list[tuple[str, object]]:
    """Names and values, from `FitResult.summary()`."""
    history = training["history"]
    if not history:
        return [("training", training["stopped_because"])]
    if all(epoch["train"] is None and epoch["validation"] is None for epoch in history):  # of a private fit
        return [("epochs", f"{len(history)}; the last is kept"), ("stopped", training["stopped_because"])]
    held_out = any(epoch["validation"] is not None for epoch in history)
    losses = (training[name] for name in ("best_loss", "start_loss"))
    best, start = ("not finite" if loss is None else f"{figure.scale * loss:.4f}" for loss in losses)
    return [
        ("validation" if held_out else "training", f"{best} {figure.unit}, lower is better; before training {start}"),
        ("epochs", f"{len(history)} in {duration(training['seconds'])}; {_kept(training['best_epoch'])}"),
        ("stopped", training["stopped_because"]),
        *([("skipped", plural(training["skipped_steps"], "step"))] if training["skipped_steps"] else []),
        *(("event", event) for event in training["events"]),
    ]


def _kept(epoch: int) -> str:
    return f"number {epoch} is kept" if epoch else "none was better than the flow before training, which is kept"
