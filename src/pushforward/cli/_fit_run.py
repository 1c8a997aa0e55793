"""The work of `pushforward fit`: read, learn, save, report."""

import inspect
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax

from pushforward._errors import DataError, FileError, did_you_mean
from pushforward.bijections._one_hot import one_hot_size
from pushforward.cli._failures import Stopped, WrongUsage
from pushforward.cli._fit_input import Rows, read_rows
from pushforward.cli._fit_report import print_report, say_result
from pushforward.cli._talk import Talk, plural
from pushforward.data import Schema
from pushforward.estimators import ConditionalFlowDensity, FlowDensity
from pushforward.estimators._training import build_flow
from pushforward.flows import RECIPES


@dataclass(frozen=True)
class Request:
    """What the command line asks for; the fields are the options of `pushforward fit`."""

    source: str
    model: Path
    flow: str
    settings: tuple[tuple[str, Any], ...]
    condition: tuple[str, ...]
    weights: str | None
    drop: tuple[str, ...]
    kinds: tuple[str, ...]
    drop_missing: bool
    max_epochs: int | None
    batch_size: int | None
    learning_rate: float | None
    patience: int | None
    validation: float
    ema: float | None
    seed: int
    checkpoint: Path
    resume: bool
    as_json: bool


def run(request: Request, talk: Talk) -> None:
    """Fit, save and report; nothing of an older model is lost if any of it fails."""
    for path in (request.model, request.checkpoint):
        check_target(path)
        if path.exists() and os.path.exists(request.source) and os.path.samefile(path, request.source):
            raise WrongUsage(f"{path} is the data: it would be replaced.", "give the model a name of its own with -o")
    check_recipe(request)
    rows = read_rows(
        request.source,
        condition=request.condition,
        weights=request.weights,
        drop=request.drop,
        kinds=request.kinds,
        drop_missing=request.drop_missing,
        talk=talk,
    )
    _check_settings(request, rows)
    _say_plan(request, rows, talk)
    estimator = _fitted(request, rows, talk)
    say_result(estimator, request.model, talk)
    if request.as_json:
        print_report(request.model, estimator, rows)


def _fitted(request: Request, rows: Rows, talk: Talk) -> FlowDensity | ConditionalFlowDensity:
    settings: dict[str, Any] = {
        "options": dict(request.settings),
        "columns": {"*": "infer"} | rows.kinds,
        "learning_rate": request.learning_rate,
        "max_epochs": request.max_epochs,
        "patience": request.patience,
        "validation": request.validation or None,
        "ema": request.ema,
        "checkpoint": request.checkpoint,
        "resume": request.resume,
        "progress": not talk.quiet,
        "random_state": request.seed,
    }
    if request.batch_size is not None:
        settings["batch_size"] = request.batch_size
    with kept(request.checkpoint):
        if rows.condition is None:
            estimator = FlowDensity(request.flow, **settings).fit(rows.x, sample_weight=rows.weights)
        else:
            estimator = ConditionalFlowDensity(request.flow, **settings)
            estimator.fit(rows.x, rows.condition, sample_weight=rows.weights)
    saved(estimator, request)
    request.checkpoint.unlink(missing_ok=True)
    return estimator


def saved(estimator: Any, request: Any) -> None:
    """Save the model; if that fails, say how the training is not lost."""
    try:
        estimator.save(request.model)
    except FileError as error:
        again = f"; then add `--resume --checkpoint {request.checkpoint}`: the training is kept there"
        raise FileError(error.message, f"{error.hint}{again}") from None


@contextmanager
def kept(checkpoint: Path) -> Iterator[None]:
    """Ctrl-C becomes a sentence that says what is kept."""
    before = _written_at(checkpoint)
    try:
        yield
    except KeyboardInterrupt:
        if _written_at(checkpoint) == before:
            raise Stopped("training had just begun, and nothing was saved.", "run the same command again") from None
        raise Stopped(
            f"training is kept in {checkpoint}.", "run the same command with --resume to go on from there"
        ) from None


def _written_at(path: Path) -> int | None:
    return path.stat().st_mtime_ns if path.exists() else None


def check_target(path: Path) -> None:
    """Find out before the training what would make saving fail after it."""
    if path.is_dir():
        raise FileError(f"{path}: this is a folder.", f"give a file name, such as {path / 'model.safetensors'}")
    if not path.parent.is_dir():
        raise FileError(f"{path}: there is no folder {path.parent}.", "make the folder first")
    if path.exists() and not path.is_file():
        raise FileError(f"{path}: this is a device or a pipe.", "give the name of a plain file")
    try:
        with tempfile.NamedTemporaryFile(prefix=".pushforward-", suffix=".tmp", dir=path.parent):
            pass
    except OSError as error:
        hint = "choose another folder, or change its permissions"
        raise FileError(f"{path}: nothing can be written to the folder ({error.strerror}).", hint) from None


def check_recipe(request: Any) -> None:
    """A usage error if the flow has no such option, or cannot be conditional and should be."""
    recipe = RECIPES[request.flow]
    parameters = inspect.signature(recipe.build).parameters
    for name, value in request.settings:
        if name not in recipe.options():
            raise WrongUsage(f"--set {name}: {request.flow} has no such option.", did_you_mean(name, recipe.options()))
        _check_type(name, value, parameters[name].default)
    if request.condition and not recipe.conditional:
        able = ", ".join(name for name, other in RECIPES.items() if other.conditional)
        raise WrongUsage(f"--flow {request.flow} cannot be conditional.", f"choose one of {able}")


def _check_type(name: str, value: Any, default: Any) -> None:
    """An option holds what its default does; a whole number may stand for a decimal one."""
    kinds = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}
    wanted = type(default)
    fits = type(value) is wanted or (wanted is float and type(value) is int)
    if wanted in kinds and not fits:
        raise WrongUsage(f"--set {name}={value}: {name} is {kinds[wanted]}.", f"write for example {name}={default}")


def _check_settings(request: Request, rows: Rows) -> None:
    """Build the flow without numbers, so that a wrong `--set` is told as what it is."""
    if not request.settings:
        return
    cond_dim = None if rows.conditions is None else one_hot_size(rows.conditions.sizes)
    try:
        jax.eval_shape(
            lambda key: build_flow(request.flow, dict(request.settings), rows.schema, cond_dim, key), jax.random.key(0)
        )
    except DataError:
        raise
    except (ValueError, TypeError, KeyError, ZeroDivisionError) as error:
        given = " ".join(f"--set {name}={value}" for name, value in request.settings)
        reason = str(error).strip().splitlines()[0]
        raise WrongUsage(f"{given}: {reason}", f"see `pushforward flows {request.flow}`") from None


def _say_plan(request: Request, rows: Rows, talk: Talk) -> None:
    if request.resume and not request.checkpoint.exists():
        talk.say(f"no checkpoint {request.checkpoint}: training starts from the beginning")
    elif request.resume:
        talk.say(f"going on from {request.checkpoint}")
    elif request.checkpoint.exists():
        talk.warn(f"{request.checkpoint} of an unfinished fit will be replaced; --resume would go on from it")
    given = "" if rows.condition is None else f" given {', '.join(rows.condition.names)}"
    size = f"{plural(rows.x.num_rows, 'row')} of {plural(rows.x.num_columns, 'column')}"
    talk.say(f"fitting {request.flow} to {size}{given}{_how(request.flow, rows.schema)}")


def _how(flow: str, schema: Schema) -> str:
    """How columns are fitted that are not by the flow alone that was asked for."""
    count = len(schema.categorical)
    if not count or RECIPES[flow].events == "categories":
        return _how_angles(flow, schema)
    others = [place for place in range(len(schema.columns)) if place not in schema.categorical]
    if not others:
        return ": all are categorical, so it is a masked network of their probabilities alone"
    law = f": {plural(count, 'categorical column')} by a masked network, the others by {flow} given them"
    return law + _how_angles(flow, schema.select(others))


def _how_angles(flow: str, schema: Schema) -> str:
    """How circular columns are fitted, where it is not by the flow that was asked for."""
    angles, events = len(schema.circular), RECIPES[flow].events
    if not angles or events == "sphere" or (events == "circle" and angles == len(schema.columns)):
        return ""
    if angles == len(schema.columns):
        return ": all are circular, so it is circular-nsf"
    other = "nsf" if events == "circle" else flow
    return f": {plural(angles, 'circular column')} by circular-nsf, the others by {other} given cosine and sine"
