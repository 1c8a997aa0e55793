"""Which flow for a table: the same question as `pushforward compare`, for arrays and frames."""

from collections.abc import Mapping, Sequence
from typing import Any

from pushforward._errors import UsageError
from pushforward.estimators._conditional import ConditionalFlowDensity
from pushforward.estimators._density import FlowDensity
from pushforward.estimators._inputs import rows_to_fit
from pushforward.modalities._learn import plain
from pushforward.modalities._talk import Talk
from pushforward.modalities.table._settings import TableSettings
from pushforward.modalities.table.choice._compare import FLOWS, FOLDS, compare_rows
from pushforward.modalities.table.choice._comparison import Comparison


def compare(
    X: Any,
    y: Any = None,
    *,
    flows: Sequence[str | FlowDensity | ConditionalFlowDensity] = FLOWS,
    columns: str | Mapping[str, str] | None = None,
    sample_weight: Any = None,
    folds: int = FOLDS,
    max_epochs: int | None = None,
    learning_rate: float | None = None,
    batch_size: int | None = None,
    patience: int | None = None,
    validation: float | None = 0.1,
    progress: bool = False,
    random_state: int = 0,
) -> Comparison:
    """Cross-validate flows on a table, beside one Gaussian and beside independent columns.

    The rows are divided into folds, the same for all; each flow is fitted without one fold and scored on it, in turn.
    What columns can hold is found once, in all rows, so that all densities are in the same units, and the baselines
    stand behind the same supports. Differences are of the same rows, and known better than the means themselves.

    Args:
        X: `(rows, columns)`, as `FlowDensity.fit` takes it; with `y` what is known, as of `ConditionalFlowDensity.fit`.
        y: What is wanted given X; None for the density of X.
        flows: Names in `pushforward.flows.RECIPES`, or estimators with settings of their own, which are not changed.
            The baselines `gaussian` and `independent` are always there.
        columns: What the columns can hold, as in `FlowDensity`.
        sample_weight: `(rows,)`, not negative.
        folds: In how many parts the rows are divided, at least 2.
        max_epochs: Of the flows that are given by name, as in `FlowDensity`; likewise the next four.
        learning_rate: See there.
        batch_size: See there.
        patience: See there.
        validation: Share of the training rows of a fold that finds the best epoch.
        progress: Whether to say each fit on stderr.
        random_state: A seed, of the folds and the fits.

    Raises:
        UsageError: If a flow is not known, or the folds do not fit.
        DataError: If the data cannot be used.

    Example:
        >>> X = pf.data.moons(200)
        >>> found = pf.compare(X, flows=["realnvp"], folds=2, max_epochs=2)
        >>> sorted(row.flow for row in found.rows)
        ['gaussian', 'independent', 'realnvp']
    """
    if isinstance(flows, str):
        raise UsageError(f"flows={flows!r} must be a list of names.", f"write flows=[{flows!r}]")
    common = {
        "columns": columns,
        "max_epochs": max_epochs,
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "patience": patience,
        "validation": validation,
        "random_state": random_state,
    }
    estimator = (FlowDensity if y is None else ConditionalFlowDensity)(columns=columns)
    rows = rows_to_fit(estimator, X, y, sample_weight, conditional=y is not None)
    candidates = [_settings(flow, common) for flow in flows]
    talk = Talk(quiet=not progress)
    return compare_rows(rows, candidates, columns=columns, folds=folds, seed=random_state, tell=talk.say)


def _settings(flow: Any, common: Mapping[str, Any]) -> TableSettings:
    if isinstance(flow, TableSettings):
        return TableSettings(**plain(flow) | {"columns": common["columns"], "random_state": common["random_state"]})
    return TableSettings(flow, **common)
