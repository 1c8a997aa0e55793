"""The work of `pushforward fit`: read, learn, save, report."""

import os
from dataclasses import dataclass

import jax

from pushforward._errors import DataError
from pushforward.cli._failures import WrongUsage
from pushforward.cli._fit_input import Rows, read_rows
from pushforward.cli._fit_report import print_report, say_result
from pushforward.cli._talk import Talk, plural
from pushforward.cli._training import TrainingRequest, check_recipe, check_target, learn
from pushforward.data import Schema
from pushforward.estimators import ConditionalFlowDensity, FlowDensity
from pushforward.estimators._columns import seen_size
from pushforward.estimators._training import build_flow
from pushforward.flows import RECIPES


@dataclass(frozen=True, kw_only=True)
class Request(TrainingRequest):
    """The same of a table."""

    condition: tuple[str, ...]
    weights: str | None
    drop: tuple[str, ...]
    kinds: tuple[str, ...]
    drop_missing: bool


def run(request: Request, talk: Talk) -> None:
    """Fit, save and report; nothing of an older model is lost if any of it fails."""
    for path in (request.model, request.checkpoint):
        check_target(path)
        if path.exists() and os.path.exists(request.source) and os.path.samefile(path, request.source):
            raise WrongUsage(f"{path} is the data: it would be replaced.", "give the model a name of its own with -o")
    check_recipe(request, conditional=bool(request.condition))
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
    settings = request.of_estimator(progress=not talk.quiet) | {"columns": {"*": "infer"} | rows.kinds}
    if rows.condition is None:
        estimator = FlowDensity(request.flow, **settings)
        learn(estimator, request, rows.x, sample_weight=rows.weights)
    else:
        estimator = ConditionalFlowDensity(request.flow, **settings)
        learn(estimator, request, rows.x, rows.condition, sample_weight=rows.weights)
    return estimator


def _check_settings(request: Request, rows: Rows) -> None:
    """Build the flow without numbers, so that a wrong `--set` is told as what it is."""
    if not request.settings:
        return
    cond_dim = None if rows.conditions is None else seen_size(rows.conditions)
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
