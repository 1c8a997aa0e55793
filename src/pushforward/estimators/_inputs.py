"""What users give as X, y and weights, checked the way scikit-learn does, as arrays with names."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_array
from sklearn.utils.validation import _check_sample_weight, validate_data

from pushforward._errors import DataError
from pushforward.data import Table, match_columns
from pushforward.data._tables import default_names

FLOATS = [np.float64, np.float32]
"""Kept as they are; everything else becomes float64."""


def rows_to_fit(estimator: BaseEstimator, X: Any, y: Any = None, *, conditional: bool = False) -> tuple[Table, Any]:
    """`(table, y)` of what is given to `fit`; sets `n_features_in_` and, for named columns, `feature_names_in_`."""
    if isinstance(X, Table):
        values = check_array(X.values, dtype=FLOATS, ensure_min_samples=2, estimator=estimator, input_name="X")
        estimator.n_features_in_ = X.num_columns
        estimator.feature_names_in_ = np.array(X.names, dtype=object)
        return Table(X.names, values, X.kinds), y
    options = {"dtype": FLOATS, "ensure_min_samples": 2}
    if conditional:
        values, _ = validate_data(estimator, X, _without_names(y), multi_output=True, y_numeric=True, **options)
    else:
        values = validate_data(estimator, X, **options)
    names = getattr(estimator, "feature_names_in_", default_names(values.shape[1]))
    return Table(tuple(map(str, names)), values), y


def rows_to_score(estimator: BaseEstimator, X: Any, names: tuple[str, ...]) -> np.ndarray:
    """The values of what is given to a fitted estimator; a `Table` is matched by name, a frame must be in order."""
    if isinstance(X, Table):
        return check_array(match_columns(X, names).values, dtype=FLOATS, estimator=estimator, input_name="X")
    return validate_data(estimator, X, dtype=FLOATS, reset=False)


def checked_array(estimator: BaseEstimator, X: Any, num_columns: int) -> np.ndarray:
    """Finite numbers `(rows, num_columns)` whose names do not matter."""
    values = check_array(X, dtype=FLOATS, estimator=estimator, input_name="X")
    if values.shape[1] != num_columns:
        raise DataError(f"X has {values.shape[1]} columns, but the flow has {num_columns}.", "give one for each")
    return values


def condition_table(y: Any, num_rows: int | None, names: tuple[str, ...] | None = None) -> Table:
    """Conditions as a table: a number per row, or rows of numbers.

    Args:
        y: Shape `(rows,)` or `(rows, conditions)`; a frame, series or `Table` brings its names.
        num_rows: How many rows there must be; None for any.
        names: The names that the model was fitted with; a `Table` is matched with them.

    Raises:
        DataError: If the number of rows or of columns does not fit.
    """
    table = y if isinstance(y, Table) else _named(y)
    if names is not None:
        table = match_columns(table, names) if isinstance(y, Table) else _same_columns(table, names)
    if num_rows is not None and table.num_rows != num_rows:
        raise DataError(f"y has {table.num_rows} rows, but X has {num_rows}.", "give one condition for each row of X")
    return table


def checked_weights(sample_weight: Any, values: np.ndarray) -> np.ndarray | None:
    """Weights as `(rows,)` float64, or None."""
    if sample_weight is None:
        return None
    return _check_sample_weight(sample_weight, values, dtype=np.float64, ensure_non_negative=True)


def _without_names(y: Any) -> Any:
    return y.values if isinstance(y, Table) else y


def _named(y: Any) -> Table:
    array = np.asarray(y)
    if array.ndim < 2:
        name = getattr(y, "name", None)
        array, names = array.reshape(-1, 1), (str(name),) if name is not None else None
    else:
        columns = getattr(y, "columns", None)
        names = tuple(map(str, columns)) if columns is not None else None
    values = check_array(array, dtype=FLOATS, input_name="y")
    return Table(names or tuple(f"y{i}" for i in range(values.shape[1])), values)


def _same_columns(table: Table, names: tuple[str, ...]) -> Table:
    if table.num_columns != len(names):
        raise DataError(
            f"y has {table.num_columns} column(s), but the model is conditional on {len(names)}: {', '.join(names)}.",
            f"give an array of shape (rows, {len(names)})",
        )
    return Table(names, table.values)
