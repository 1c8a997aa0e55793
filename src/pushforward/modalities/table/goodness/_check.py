"""`pushforward check` of a table: whether the fit is good, by rows that it was not made from."""

from collections.abc import Mapping
from typing import Any

from pushforward._errors import UsageError
from pushforward.diagnostics import Check
from pushforward.diagnostics.goodness._check import judged
from pushforward.modalities._model import Model
from pushforward.modalities.table.goodness._case import case_of, rows_of


def checked(
    model: Model, source: str, train: str | None, given: Mapping[str, Any], *, level: float, seed: int
) -> Check:
    """What the tests say of the rows of a source.

    Raises:
        UsageError: If the model is conditional.
        DataError: If the rows cannot be used.
    """
    facts = model.facts
    if facts.condition_schema is not None:
        raise UsageError(
            f"the model is conditional on {', '.join(facts.condition_schema.names)}, and `check` is for densities of "
            "whole rows.",
            "fit one without --condition, or look at `predict`, whose intervals say what they promise",
        )
    known = None if train is None else rows_of(model, train, given).values
    return judged(case_of(model, rows_of(model, source, given).values, known, level=level, seed=seed))
