"""The flow `auto`: a few flows are compared, and the best is fitted."""

import time
from dataclasses import replace
from typing import NamedTuple

from pushforward._errors import UsageError
from pushforward.modalities._events import by_name
from pushforward.modalities._learn import Judge, Prepared, plain
from pushforward.modalities._model import Model
from pushforward.modalities._talk import Talk
from pushforward.modalities.table._rows import Rows
from pushforward.modalities.table._settings import AUTO, TableSettings
from pushforward.modalities.table.choice._compare import compare_rows, gaussian_model
from pushforward.modalities.table.choice._comparison import GAUSSIAN, Comparison
from pushforward.modalities.table.choice._folds import subset, with_schemas
from pushforward.modalities.table.choice._gain import gain

FLOWS = ("maf", "nsf")
"""What is compared, beside one Gaussian."""
FOLDS = 3
MOST_ROWS = 5_000
"""Rows to compare on, at random."""
SECONDS = 120.0
"""After so long no further flow is begun."""
LEAST_ROWS = 30
"""With fewer, one Gaussian is taken without a look at others: differences would be noise."""


class Choice(NamedTuple):
    """What was decided.

    Attributes:
        settings: With the name of the flow.
        comparison: By which it was decided.
    """

    settings: TableSettings
    comparison: Comparison | None


def choose(rows: Rows, settings: TableSettings) -> Choice:
    """Compare the candidates; one Gaussian stays unless another is better by more than a standard error.

    Raises:
        DataError: If options are no mapping.
        UsageError: If there are options, or the fit is to be resumed: both belong to one flow.
    """
    options = by_name(settings.options)
    if options:
        raise UsageError(
            f"flow={AUTO!r} takes no options of a flow, got {', '.join(options)}.",
            "name the flow that they are for, such as 'nsf'",
        )
    if settings.resume:
        raise UsageError(
            f"a fit of flow={AUTO!r} cannot be resumed: it begins with a comparison.", "name the flow, such as 'nsf'"
        )
    talk = Talk(quiet=not settings.progress)
    rows = with_schemas(rows, settings.columns)
    if rows.x.num_rows < LEAST_ROWS:
        talk.say(f"{rows.x.num_rows} rows are too few to compare flows: one Gaussian is taken")
        return Choice(_with_flow(settings, GAUSSIAN), None)
    alone = replace(settings, ensemble=1)  # which is best of one kind is so of several
    candidates = [_with_flow(alone, flow) for flow in FLOWS]
    until = time.monotonic() + SECONDS
    few = subset(rows, MOST_ROWS, 0)
    comparison = compare_rows(few, candidates, columns=settings.columns, folds=FOLDS, tell=talk.say, until=until)
    talk.say(repr(comparison))
    return Choice(_with_flow(settings, comparison.best), comparison)


def closed(rows: Rows, choice: Choice) -> Model:
    """The model of one Gaussian, with what it was compared to."""
    return _with_comparison(gaussian_model(rows, _with_flow(choice.settings, GAUSSIAN)), choice)


def judged(model: Model, ready: Prepared, rows: Rows, choice: Choice, first: Judge | None) -> Model:
    """The fitted model, or one Gaussian if it is worse than that by more than a standard error where it counts.

    Args:
        model: As it was fitted.
        ready: What it was fitted to.
        rows: The same as the user has them.
        choice: What was decided.
        first: What is done to the model before.
    """
    model = model if first is None else first(model, ready)
    found = gain(model, ready)
    if found is not None and found[0] < -found[1]:
        return closed(rows, choice)
    return _with_comparison(model, choice)


def _with_comparison(model: Model, choice: Choice) -> Model:
    compared = None if choice.comparison is None else choice.comparison.to_json()
    return replace(model, facts=replace(model.facts, compared=compared))


def _with_flow(settings: TableSettings, flow: str) -> TableSettings:
    chosen = replace(TableSettings(**plain(settings)), flow=flow)
    return replace(chosen, ensemble=1) if flow == GAUSSIAN else chosen  # of which there is one
