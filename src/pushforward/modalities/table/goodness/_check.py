"""`pushforward check` of a table: whether the fit is good, by rows that it was not made from."""

from collections.abc import Mapping
from typing import Any

from pushforward.diagnostics import Calibration, Check
from pushforward.diagnostics.goodness._check import judged
from pushforward.modalities._model import Model
from pushforward.modalities.table._reading import read_pairs
from pushforward.modalities.table.goodness._case import case_of
from pushforward.modalities.table.goodness._given import calibrated


def checked(
    model: Model, source: str, train: str | None, given: Mapping[str, Any], *, level: float, seed: int
) -> Check | Calibration:
    """What the tests say of the rows of a source; of a conditional model, of the ranks of its values.

    Raises:
        DataError: If the rows cannot be used.
    """
    data = read_pairs(model.facts, source, given)
    known = None if train is None else read_pairs(model.facts, train, given)
    if data.given is not None:
        return calibrated(model, data, known, level=level, seed=seed)
    rows = None if known is None else known.rows.values
    return judged(case_of(model, data.rows.values, rows, level=level, seed=seed))
