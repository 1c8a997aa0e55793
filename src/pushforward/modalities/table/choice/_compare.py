"""Flows side by side, by cross-validation."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from pushforward._errors import DataError, PushforwardError, UsageError, did_you_mean
from pushforward.distributions import AbstractDistribution
from pushforward.flows import RECIPES
from pushforward.modalities._learn import plain, prepared, trained
from pushforward.modalities._model import Model, recipe_name
from pushforward.modalities._registry import modality_named
from pushforward.modalities.table._prepare import coded, facts_of
from pushforward.modalities.table._rows import Rows, in_order
from pushforward.modalities.table._settings import TableSettings
from pushforward.modalities.table.choice._comparison import GAUSSIAN, INDEPENDENT, Compared, Comparison, compared
from pushforward.modalities.table.choice._comparison import sorted_rows as best_first
from pushforward.modalities.table.choice._folds import check_folds, folds_of, rare_sentences, scores_of, with_schemas
from pushforward.modalities.table.choice._gaussian import one_gaussian
from pushforward.train import FitResult

FLOWS = ("maf", "nsf", "nsf-ar")
"""What is compared where nothing is named."""
FOLDS = 5
BASELINES = (GAUSSIAN, INDEPENDENT)
CLOSED_FORM = "one Gaussian has a closed form"
FAILURES = (PushforwardError, ValueError, ArithmeticError)
"""What ends one fit, and not the comparison."""

Tell = Callable[[str], None]


class Found(NamedTuple):
    """What the fits of one flow gave.

    Attributes:
        scores: Log-density of every row where it was held out, NaN where there is none.
        seconds: Of each fit.
        failure: The first, if there was one.
    """

    scores: np.ndarray
    seconds: list[float]
    failure: str = ""


def compare_rows(
    rows: Rows,
    candidates: Sequence[TableSettings],
    *,
    columns: Any = None,
    folds: int = FOLDS,
    seed: int = 0,
    tell: Tell | None = None,
    until: float | None = None,
) -> Comparison:
    """Fit each candidate to all folds but one, and score it on that one, for every fold.

    Args:
        rows: As the user has them.
        candidates: The settings of each.
        columns: What the columns can hold; for rows whose schemas are not known yet.
        folds: How many.
        seed: Decides which row is in which fold.
        tell: Is told of each fit.
        until: By `time.monotonic`, after which no further candidate is begun.

    Raises:
        UsageError: If a flow is not known, is not for rows, or the folds do not fit.
        DataError: If the columns cannot be used, or one Gaussian cannot be fitted.
    """
    candidates = [settings for settings in candidates if settings.flow not in BASELINES]
    conditional = rows.condition is not None
    check_flows([settings.flow for settings in candidates], conditional=conditional)
    rows = with_schemas(rows, columns)
    check_folds(folds, rows.x.num_rows)
    say = tell or _silent
    found = {name: _baseline(rows, folds, seed, name) for name in BASELINES}
    notes = list(rare_sentences(rows))
    for settings, name in zip(candidates, names_of(candidates), strict=True):
        if until is not None and time.monotonic() > until:
            notes.append(f"{name} was left out: the time for comparing was used up.")
            continue
        found[name] = _candidate(rows, folds, seed, settings, lambda text, name=name: say(f"{name}: {text}"))
    lines = [_line(name, each, found[GAUSSIAN].scores, rows.weights) for name, each in found.items()]
    return Comparison(best_first(lines), folds, rows.x.num_rows, tuple(notes))


def check_flows(flows: Sequence[Any], *, conditional: bool) -> None:
    """A UsageError for a name that no recipe has, or one that is not for rows of numbers."""
    table = modality_named("table")
    for flow in flows:
        if not isinstance(flow, str):
            continue
        if flow not in RECIPES:
            raise UsageError(f"no flow is called {flow!r}.", did_you_mean(flow, [*RECIPES, *BASELINES]))
        if not table.takes(flow) or RECIPES[flow].events == "sphere":
            what = "images" if not table.takes(flow) else "points of the sphere, whose density is one of another kind"
            raise UsageError(f"{flow} is for {what}.", "compare flows of rows, such as maf, nsf and nsf-ar")
        if conditional and not RECIPES[flow].conditional:
            able = ", ".join(name for name in RECIPES if RECIPES[name].conditional and table.takes(name))
            raise UsageError(f"{flow} cannot be conditional.", f"choose among {able}")


def names_of(candidates: Sequence[TableSettings]) -> list[str]:
    """A name for each, told apart by a number where two have the same flow."""
    given = [recipe_name(settings.flow) for settings in candidates]
    return [
        name if given.count(name) == 1 else f"{name} ({given[: place + 1].count(name)})"
        for place, name in enumerate(given)
    ]


def gaussian_model(rows: Rows, settings: TableSettings, *, independent: bool = False) -> Model:
    """The model of one Gaussian.

    Args:
        rows: As the user has them.
        settings: Of the fit that it stands in for.
        independent: As of `one_gaussian`.
    """
    rows, schema, conditions = coded(in_order(rows), settings.columns)
    alone = len(schema.categorical) == len(schema.columns)
    facts = facts_of(rows, schema, conditions, alone=alone)
    flow = one_gaussian(rows, facts, independent=independent)
    chosen = plain(settings) | {"flow": GAUSSIAN, "options": {}}
    return Model("table", flow, facts, chosen, closed_result(flow))


def _baseline(rows: Rows, folds: int, seed: int, name: str) -> Found:
    scores, seconds = np.full(rows.x.num_rows, np.nan), []
    for number, fold in enumerate(folds_of(rows, folds, seed), start=1):
        start = time.perf_counter()
        try:
            model = gaussian_model(fold.training, TableSettings(), independent=name == INDEPENDENT)
        except DataError as error:
            raise DataError(f"fold {number} of {folds}, without its rows: {error.message}", error.hint) from None
        seconds.append(time.perf_counter() - start)
        scores[fold.places] = scores_of(model, fold.held_out)
    return Found(scores, seconds)


def _candidate(rows: Rows, folds: int, seed: int, settings: TableSettings, tell: Tell) -> Found:
    scores, seconds = np.full(rows.x.num_rows, np.nan), []
    modality = modality_named("table")
    settings = _one_run_apart(settings)
    for number, fold in enumerate(folds_of(rows, folds, seed), start=1):
        start = time.perf_counter()
        try:
            ready, key = prepared(modality, fold.training, settings)
            model = trained(modality, ready, settings, key)
            scores[fold.places] = scores_of(model, fold.held_out)
        except FAILURES as error:
            text = getattr(error, "message", str(error)).strip().splitlines()[0]
            tell(f"fold {number} of {folds} failed: {text}")
            return Found(scores, seconds, f"fold {number}: {text}")
        seconds.append(time.perf_counter() - start)
        nats = -np.mean(scores[fold.places])
        tell(f"fold {number} of {folds}, {nats:.3f} nats per row, {seconds[-1]:.1f} s")
    return Found(scores, seconds)


def _one_run_apart(settings: TableSettings) -> TableSettings:
    """The settings without what belongs to one fit alone."""
    given = plain(settings) | {"checkpoint": None, "resume": False, "callbacks": (), "progress": False}
    return TableSettings(**given)


def closed_result(flow: AbstractDistribution) -> FitResult:
    """The result of a fit without epochs."""
    return FitResult(flow, (), 0, math.nan, math.nan, CLOSED_FORM, (), 0.0)


def _line(name: str, found: Found, baseline: np.ndarray, weights: np.ndarray | None) -> Compared:
    seconds = float(np.mean(found.seconds)) if found.seconds else 0.0
    if found.failure:
        return Compared(name, None, None, None, None, None, seconds, found.failure)
    return compared(name, found.scores, baseline, weights, seconds)


def _silent(text: str) -> None:
    return
