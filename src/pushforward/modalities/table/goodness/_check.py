"""`pushforward check` of a table: whether the fit is good, by rows that it was not made from."""

from collections.abc import Mapping
from typing import Any

from pushforward.diagnostics import Calibration, Check
from pushforward.diagnostics.goodness._check import judged
from pushforward.modalities._model import Model
from pushforward.modalities.table.goodness._case import case_of, rows_of
from pushforward.modalities.table.goodness._given import calibrated, pairs_of


def checked(
    model: Model, source: str, train: str | None, given: Mapping[str, Any], *, level: float, seed: int
) -> Check | Calibration:
    """What the tests say of the rows of a source; of a conditional model, of the ranks of its values.

    Raises:
        DataError: If the rows cannot be used.
    """
    if model.facts.condition_schema is not None:
        known = None if train is None else pairs_of(model, train, given)
        return calibrated(model, pairs_of(model, source, given), known, level=level, seed=seed)
    rows = None if train is None else rows_of(model, train, given).values
    return judged(case_of(model, rows_of(model, source, given).values, rows, level=level, seed=seed))
