"""What users give as X, y and weights, checked the way scikit-learn does, as tables with names."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import _check_sample_weight, validate_data

from pushforward._errors import DataError
from pushforward.data import Schema, Table, encode, unseen_categories
from pushforward.data._coding import unseen_sentence
from pushforward.data._given import plain
from pushforward.data._missing import refuse_missing
from pushforward.data._source import Selection
from pushforward.data._tables import default_names
from pushforward.modalities.table._columns import schema_of
from pushforward.modalities.table._given import condition_values
from pushforward.modalities.table._mixed import column_names, mixed_table, table_of
from pushforward.modalities.table._rows import Rows
from pushforward.modalities.table.conditionals._holes import source_in_memory
from pushforward.modalities.table.incomplete._prepare import counted
from pushforward.modalities.table.incomplete._read import holed, schema_of_holed

FLOATS: Any = [np.float64, np.float32]
"""Kept as they are; everything else becomes float64."""


def rows_to_fit(estimator: Any, X: Any, y: Any, sample_weight: Any, *, conditional: bool) -> Rows:
    """What is given to `fit`, checked; sets `n_features_in_` and, for named columns, `feature_names_in_`.

    For a conditional estimator the columns whose density is learned are those of `y`, and `X` is the condition.
    """
    for name, given in {"incomplete": estimator.incomplete, "epsilon": estimator.epsilon is not None}.items():
        if given and not estimator._any_rows:
            raise DataError(
                f"{type(estimator).__name__} has no `{name}`: it is by FlowDensity alone.",
                f"leave `{name}` out, or fit a `FlowDensity`",
            )
    if estimator.incomplete:
        return _incomplete_rows(estimator, X, sample_weight)
    X = plain(X, "X")
    text = _asked_for(estimator.columns)
    target = None
    if conditional:
        if y is None:
            raise DataError(
                f"{type(estimator).__name__} requires y to be passed, but the target y is None.",
                "give X, what is known, and y, what is wanted given it; `FlowDensity` is for X alone",
            )
        target = target_table(y, text)
        # "*" stands for columns, not for conditions.
        text = [name for name in text if name != "*"]
    features = _features(estimator, X, text, target)
    named = hasattr(estimator, "feature_names_in_")
    weights = checked_weights(sample_weight, features.values)
    if target is None:
        return Rows(features, None, weights, named=named)
    _check_length(target, features.num_rows)
    return Rows(target, features, weights, named=named)


def _incomplete_rows(estimator: Any, X: Any, sample_weight: Any) -> Rows:
    """Rows of which some lack cells."""
    source = source_in_memory(X, Selection(text=tuple(_asked_for(estimator.columns))))
    found = holed(source)
    weights = checked_weights(sample_weight, np.zeros((len(found.present), 1)))
    weights = None if weights is None else weights[found.present]
    rows = Rows(found.table, None, weights, named=isinstance(X, Table) or column_names(X) is not None)
    if not found.holes.any():
        return rows
    schema = schema_of(found.table, estimator.columns, partial(schema_of_holed, found))
    return rows._replace(schema=schema, holes=found.holes, completed=counted(found))


def _features(estimator: Any, X: Any, text: list[str], target: Table | None) -> Table:
    """`X` as a table, after scikit-learn's checks."""
    options: dict[str, Any] = {"dtype": FLOATS, "ensure_min_samples": 2, "ensure_all_finite": False}
    values: Any
    mixed = table_of(X, text)
    if mixed is not None:
        values = check_array(mixed.values, estimator=estimator, input_name="X", **options)
        estimator.n_features_in_ = mixed.num_columns
        _set_names(estimator, mixed.names if isinstance(X, Table) else column_names(X))
    elif target is not None:
        values, _ = validate_data(estimator, X, **options | {"y": target.values, "multi_output": True})
    else:
        values = validate_data(estimator, X, **options)
    if (unseen := _polars_names(X)) is not None:
        _set_names(estimator, unseen)
    names = getattr(estimator, "feature_names_in_", default_names(values.shape[1]))
    refuse_missing("X", list(map(str, names)), values)
    if mixed is None:
        return Table(tuple(map(str, names)), values)
    return Table(tuple(map(str, names)), values, mixed.kinds, categories=mixed.categories, types=mixed.types)


def _set_names(estimator: Any, names: Any) -> None:
    """Remember the names of columns that have any, and forget those of an earlier fit."""
    if names is not None:
        estimator.feature_names_in_ = np.array(names, dtype=object)
    elif hasattr(estimator, "feature_names_in_"):
        del estimator.feature_names_in_


def rows_to_score(estimator: Any, X: Any) -> np.ndarray:
    """The features of what is given to a fitted estimator; a `Table` is matched by name, a frame must be in order.

    Categories become codes. Of those that were not seen in training a density is 0 and a warning tells (not for a
    `Table`, whose owner has `unseen_categories` too); given them nothing is known, and they are refused.
    """
    schema: Schema = estimator._feature_schema
    values: Any
    names = schema.names
    X = plain(X, "X")
    if isinstance(X, Table) or schema.categorical or schema.moments:
        table = X if isinstance(X, Table) else _mixed_rows(estimator, X, schema)
        if estimator._conditional:
            return condition_values(table, schema)
        if not isinstance(X, Table):
            _warn_of_unseen(table, schema)
        values = encode(table, schema).values
        return numbers(estimator, values, len(names)) if isinstance(X, Table) else values
    if (given := _polars_names(X)) is not None and hasattr(estimator, "feature_names_in_"):
        if given != list(names):
            raise DataError(
                f"The feature names should match those that were passed during fit: {', '.join(names[:20])}; "
                f"got {', '.join(given[:20])}.",
                "select these columns in this order: `X.select(estimator.feature_names_in_.tolist())`",
            )
        values = numbers(estimator, X, len(names))
    else:
        values = validate_data(estimator, X, dtype=FLOATS, reset=False, ensure_all_finite=False)
        refuse_missing("X", names, values)
    return schema.turned(values) if estimator._conditional else values


def _warn_of_unseen(table: Table, schema: Schema) -> None:
    for name, counts in unseen_categories(table, schema).items():
        warnings.warn(f"{unseen_sentence(name, counts)}: the log-density is -inf there.", stacklevel=4)


def _mixed_rows(estimator: Any, X: Any, schema: Schema) -> Table:
    """The rows for a model with categorical columns, whatever type the categories have."""
    given, names = column_names(X), schema.names
    own = given or default_names(len(names))
    table = mixed_table(X, [own[place] for place, column in enumerate(schema.columns[: len(own)]) if column.is_text])
    if table is None:
        values = check_array(X, dtype=FLOATS, estimator=estimator, input_name="X", ensure_all_finite=False)
        table = Table(tuple(column_names(X) or default_names(values.shape[1])), values)
        refuse_missing("X", table.names, values)
    if table.num_columns != len(names):
        raise DataError(
            f"X has {table.num_columns} features, but {type(estimator).__name__} is expecting {len(names)} features "
            "as input.",
            f"give the columns {', '.join(names[:20])}",
        )
    if given is not None and hasattr(estimator, "feature_names_in_") and tuple(given) != names:
        raise DataError(
            f"The feature names should match those that were passed during fit: {', '.join(names[:20])}; "
            f"got {', '.join(map(str, given[:20]))}.",
            "select these columns in this order",
        )
    return _renamed(table, names)


def _renamed(table: Table, names: tuple[str, ...]) -> Table:
    own = list(zip(names, table.names, strict=True))
    categories = {new: table.categories[old] for new, old in own if old in table.categories}
    types = {new: table.types[old] for new, old in own if old in table.types}
    return replace(table, names=names, categories=categories, types=types)


def numbers(estimator: Any, X: Any, num_columns: int) -> np.ndarray:
    """Finite numbers `(rows, num_columns)`, whatever the columns are called."""
    values = check_array(plain(X, "X"), dtype=FLOATS, estimator=estimator, input_name="X", ensure_all_finite=False)
    if values.shape[1] != num_columns:
        raise DataError(f"X has {values.shape[1]} columns, but the flow has {num_columns}.", "give one for each")
    refuse_missing("X", column_names(X) or default_names(num_columns), values)
    return values


def target_table(y: Any, text: Sequence[str] = ()) -> Table:
    """Targets as a table, whose names a frame, a series or a `Table` brings: `(rows,)`, `(rows, n)` or a number.

    In the columns of `text` text is categories even where it looks like numbers.
    """
    if isinstance(y, Table):
        return y
    if hasattr(y, "to_frame"):  # a series has a type, which may be one of categories
        y = y.to_frame(name="y0" if y.name in (None, "") else y.name)
    y = plain(y, "y")
    frame = mixed_table(y, text)
    if frame is not None and column_names(y) is not None:
        return frame
    array = np.asarray(y)
    if array.ndim < 2:
        array, names = array.reshape(-1, 1), [None]
    else:
        names = list(getattr(y, "columns", [None] * array.shape[1]))
    named = tuple(f"y{i}" if name in (None, "") else str(name) for i, name in enumerate(names))
    whole = "*" in text
    asked = [own for own, name in zip(default_names(len(named)), named, strict=True) if whole or name in text]
    if (mixed := mixed_table(array, asked)) is not None:
        return _renamed(mixed, named)
    values = check_array(array, dtype=FLOATS, input_name="y", ensure_all_finite=False)
    refuse_missing("y", named, values)
    return Table(named, values)


def _asked_for(columns: Any) -> list[str]:
    """The columns that are said to be categorical, in which `"*"` stands for all others."""
    kinds = columns if isinstance(columns, Mapping) else {"*": columns}
    return [str(name) for name, kind in kinds.items() if str(kind).strip().lower() == "categorical"]


def given_targets(y: Any, schema: Schema, num_rows: int) -> np.ndarray:
    """Targets for a fitted model, categories as codes; a `Table` is matched by name.

    Args:
        y: As for `target_table`.
        schema: The columns that the model was fitted to.
        num_rows: How many rows there must be.

    Raises:
        DataError: If the number of rows or of columns does not fit, or a name of a `Table` is missing.
    """
    names = schema.names
    table = y if isinstance(y, Table) else _in_order(y, schema)
    if not isinstance(y, Table) and table.num_columns != len(names):
        raise DataError(
            f"y has {table.num_columns} column{'s' * (table.num_columns != 1)}, but the model is of "
            f"{len(names)}: {', '.join(names)}.",
            f"give an array of shape (rows, {len(names)}); what is known goes into X",
        )
    _check_length(table, num_rows)
    if not isinstance(y, Table):
        table = _renamed(table, names)
        _warn_of_unseen(table, schema)
    return encode(table, schema).values


def _in_order(y: Any, schema: Schema) -> Table:
    """Targets whose columns are those of the schema in order, whatever they are called."""
    given = [str(y.name or "y0")] if hasattr(y, "to_frame") else column_names(y)
    own = given or [f"y{place}" for place in range(len(schema.columns))]
    return target_table(y, [own[place] for place, column in enumerate(schema.columns[: len(own)]) if column.is_text])


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


def _polars_names(X: Any) -> list[str] | None:
    """The names of a polars frame, which scikit-learn sees only from 1.9 on; None for all else."""
    names = getattr(X, "columns", None)
    return names if isinstance(names, list) and all(isinstance(name, str) for name in names) else None


def _check_length(target: Table, num_rows: int) -> None:
    if target.num_rows != num_rows:
        raise DataError(f"y has {target.num_rows} rows, but X has {num_rows}.", "give one row of y for each row of X")
