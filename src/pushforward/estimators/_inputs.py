"""What users give as X, y and weights, checked the way scikit-learn does, as tables with names."""

from typing import Any

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import _check_sample_weight, validate_data

from pushforward._errors import DataError
from pushforward.data import Table, match_columns
from pushforward.data._tables import default_names
from pushforward.estimators._rows import Rows

FLOATS: Any = [np.float64, np.float32]
"""Kept as they are; everything else becomes float64."""


def rows_to_fit(estimator: Any, X: Any, y: Any, sample_weight: Any, *, conditional: bool) -> Rows:
    """What is given to `fit`, checked; sets `n_features_in_` and, for named columns, `feature_names_in_`."""
    condition = condition_table(y) if conditional and y is not None else None
    options: dict[str, Any] = {"dtype": FLOATS, "ensure_min_samples": 2}
    values: Any
    if isinstance(X, Table):
        values = check_array(X.values, estimator=estimator, input_name="X", **options)
        estimator.n_features_in_ = X.num_columns
        estimator.feature_names_in_ = np.array(X.names, dtype=object)
    elif conditional:
        options |= {"y": None if condition is None else condition.values, "multi_output": True}
        values, _ = validate_data(estimator, X, **options)
    else:
        values = validate_data(estimator, X, **options)
    if (unseen := _polars_names(X)) is not None:
        estimator.feature_names_in_ = np.array(unseen, dtype=object)
    if condition is not None:
        _check_length(condition, len(values))
    names = getattr(estimator, "feature_names_in_", default_names(values.shape[1]))
    return Rows(Table(tuple(map(str, names)), values), condition, checked_weights(sample_weight, values))


def rows_to_score(estimator: Any, X: Any, names: tuple[str, ...]) -> np.ndarray:
    """The values of what is given to a fitted estimator; a `Table` is matched by name, a frame must be in order."""
    if isinstance(X, Table):
        return numbers(estimator, match_columns(X, names).values, len(names))
    if (given := _polars_names(X)) is not None and hasattr(estimator, "feature_names_in_"):
        if given != list(names):
            raise DataError(
                f"The feature names should match those that were passed during fit: {', '.join(names[:20])}; "
                f"got {', '.join(given[:20])}.",
                "select these columns in this order: `X.select(estimator.feature_names_in_.tolist())`",
            )
        return numbers(estimator, X, len(names))
    values: Any = validate_data(estimator, X, dtype=FLOATS, reset=False)
    return values


def numbers(estimator: Any, X: Any, num_columns: int) -> np.ndarray:
    """Finite numbers `(rows, num_columns)`, whatever the columns are called."""
    values = check_array(X, dtype=FLOATS, estimator=estimator, input_name="X")
    if values.shape[1] != num_columns:
        raise DataError(f"X has {values.shape[1]} columns, but the flow has {num_columns}.", "give one for each")
    return values


def condition_table(y: Any) -> Table:
    """Conditions as a table, whose names a frame, a series or a `Table` brings: `(rows,)`, `(rows, n)` or a number."""
    if isinstance(y, Table):
        return y
    array = np.asarray(y)
    if array.ndim < 2:
        array, names = array.reshape(-1, 1), [getattr(y, "name", None)]
    else:
        names = list(getattr(y, "columns", [None] * array.shape[1]))
    values = check_array(array, dtype=FLOATS, input_name="y")
    return Table(tuple(f"y{i}" if name in (None, "") else str(name) for i, name in enumerate(names)), values)


def given_conditions(y: Any, names: tuple[str, ...], num_rows: int | None = None) -> np.ndarray:
    """Conditions for a fitted model; a `Table` is matched by name.

    Args:
        y: As for `condition_table`.
        names: The conditions that the model was fitted with.
        num_rows: How many rows there must be; None for any.

    Raises:
        DataError: If the number of rows or of columns does not fit, or a name of a `Table` is missing.
    """
    table = match_columns(y, names) if isinstance(y, Table) else condition_table(y)
    if table.num_columns != len(names):
        raise DataError(
            f"y has {table.num_columns} column{'s' * (table.num_columns != 1)}, but the model is conditional on "
            f"{len(names)}: {', '.join(names)}.",
            f"give an array of shape (rows, {len(names)})",
        )
    if num_rows is not None:
        _check_length(table, num_rows)
    return table.values


def checked_weights(sample_weight: Any, values: np.ndarray) -> np.ndarray | None:
    """Weights as `(rows,)` float64, or None."""
    if sample_weight is None:
        return None
    return _check_sample_weight(sample_weight, values, dtype=np.float64, ensure_non_negative=True)


def mean_score(scores: np.ndarray, sample_weight: Any) -> float:
    """Mean of the scores; a row of weight 0 does not count, even at -inf."""
    weights = checked_weights(sample_weight, scores[:, None])
    if weights is None:
        return float(np.mean(scores))
    return float(np.average(scores[weights > 0], weights=weights[weights > 0]))


def num_draws(n_samples: int, temperature: float | None) -> int:
    """The number of draws, checked together with the temperature."""
    if not isinstance(n_samples, int | np.integer) or n_samples < 1:
        raise DataError(
            f"n_samples must be a whole number of at least 1, got {n_samples!r}.", "ask for one row or more"
        )
    if temperature is not None and not 0 < temperature < np.inf:
        raise DataError(f"temperature must be positive, got {temperature}.", "1 is the model itself")
    return int(n_samples)


def _polars_names(X: Any) -> list[str] | None:
    """The names of a polars frame, which scikit-learn sees only from 1.9 on; None for all else."""
    names = getattr(X, "columns", None)
    return names if isinstance(names, list) and all(isinstance(name, str) for name in names) else None


def _check_length(condition: Table, num_rows: int) -> None:
    if condition.num_rows != num_rows:
        raise DataError(
            f"y has {condition.num_rows} rows, but X has {num_rows}.", "give one row of conditions for each row of X"
        )
