"""What `pushforward fit` says and prints when it is done."""

import math
from pathlib import Path
from typing import Any

from pushforward.cli._columns import column_facts
from pushforward.cli._fit_input import Rows
from pushforward.cli._layout import print_json
from pushforward.cli._talk import Talk, duration, plural
from pushforward.estimators import ConditionalFlowDensity, FlowDensity
from pushforward.estimators._training import objective_of
from pushforward.objectives import nll
from pushforward.train import FitResult


def say_result(estimator: FlowDensity | ConditionalFlowDensity, model: Path, talk: Talk) -> None:
    """The figures of the fit, and what they mean."""
    result = estimator.result_
    skipped = f"; {plural(result.skipped_steps, 'step')} skipped" if result.skipped_steps else ""
    talk.say(
        f"stopped after {plural(len(result.history), 'epoch')}, {duration(result.seconds)}: "
        f"{result.stopped_because}{skipped}"
    )
    for line in _figure(result, is_likelihood=_is_likelihood(estimator)):
        talk.say(line)
    if not estimator.flow_.exact:
        talk.say(
            "  the flow does not give exact log-densities: with noise the loss is a bound, above the value in the mean"
        )
    talk.say(f"wrote {model} ({_size(model)})")


def _figure(result: FitResult, *, is_likelihood: bool) -> tuple[str, str]:
    held_out = _has_validation(result)
    name = "validation" if held_out else "training"
    unit = "nats per row" if is_likelihood else "per row"
    kept = f"{unit} at epoch {result.best_epoch}, which is kept; {result.start_loss:.4f} before training"
    if result.best_epoch == 0:
        kept = f"{unit} before training, which is kept: no epoch was better"
    rows = "that were held out" if held_out else "of training, as none were held out"
    what = "negative log-density" if is_likelihood else "squared error of the velocity, not a likelihood,"
    return (
        f"{name} loss {result.best_loss:.4f} {kept}",
        f"  this is the mean {what} of the rows {rows}: lower is better",
    )


def _is_likelihood(estimator: FlowDensity | ConditionalFlowDensity) -> bool:
    return objective_of(estimator.flow, estimator.schema_) is nll


def _has_validation(result: FitResult) -> bool:
    return any(epoch.validation is not None for epoch in result.history)


def print_report(model: Path, estimator: FlowDensity | ConditionalFlowDensity, rows: Rows) -> None:
    """The same for programs."""
    result = estimator.result_
    training = result.summary()
    report: dict[str, Any] = {
        "model": str(model),
        "rows": rows.x.num_rows,
        "dropped_rows": rows.x.dropped,
        "flow": estimator.flow,
        "options": estimator.options,
        "columns": column_facts(estimator.schema_),
        "condition": [] if rows.condition is None else list(rows.condition.names),
        "epochs": len(result.history),
        "validation_nats": training["best_loss"] if _has_validation(result) and _is_likelihood(estimator) else None,
        "train_nats": _train_nats(result) if _is_likelihood(estimator) else None,
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
