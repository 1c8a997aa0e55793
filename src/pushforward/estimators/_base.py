"""What the estimators share: settings, fitting, saving."""

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self, no_type_check

import jax
import numpy as np
from jaxtyping import PRNGKeyArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from pushforward.data import Schema, Table, column_warnings, encode
from pushforward.distributions import AbstractDistribution, Normal, Transformed
from pushforward.estimators._chunks import Model
from pushforward.estimators._columns import (
    ColumnKinds,
    binary_schema,
    condition_schema_of,
    embedding_of,
    schema_of,
    sphere_schema,
    split_kinds,
)
from pushforward.estimators._events import on_sphere, takes_binary
from pushforward.estimators._inputs import rows_to_fit
from pushforward.estimators._model_file import ModelFile, read_model, write_model
from pushforward.estimators._rows import Rows, in_order, with_weight
from pushforward.estimators._training import (
    FlowLike,
    build_flow,
    in_user_units,
    key_from,
    objective_of,
    on_device,
    recipe_name,
    training_of,
)
from pushforward.objectives import Objective
from pushforward.train import Epoch, FitResult, fit


class FlowEstimator(BaseEstimator):
    """Settings and fitting of all estimators; see `FlowDensity` for what the settings mean."""

    flow_: AbstractDistribution
    schema_: Schema
    condition_schema_: Schema | None
    result_: FitResult
    history_: tuple[Epoch, ...]
    n_features_in_: int
    feature_names_in_: np.ndarray

    _conditional: ClassVar[bool] = False
    _gaussian: ClassVar[bool] = False

    @no_type_check  # scikit-learn asks that everything is stored as it is, and refused by `fit` alone
    def __init__(
        self,
        flow: FlowLike = "nsf",
        *,
        options: Mapping[str, Any] | None = None,
        columns: ColumnKinds = None,
        learning_rate: float | None = None,
        batch_size: int | None = None,
        max_epochs: int | None = None,
        patience: int | None = None,
        validation: float | None = 0.1,
        ema: float | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        resume: bool = False,
        callbacks: Sequence[Callable[..., Any]] = (),
        progress: bool = False,
        random_state: Any = None,
    ):
        self.flow = flow
        self.options = options
        self.columns = columns
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.patience = patience
        self.validation = validation
        self.ema = ema
        self.checkpoint = checkpoint
        self.resume = resume
        self.callbacks = callbacks
        self.progress = progress
        self.random_state = random_state

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to one `.safetensors` file, whole or not at all.

        Args:
            path: The file to write or to replace.

        Raises:
            FileError: If it cannot be written.
        """
        check_is_fitted(self)
        named = hasattr(self, "feature_names_in_")
        params = self.get_params(deep=False)
        name = recipe_name(self.flow)
        write_model(
            path, ModelFile(self.flow_, self.schema_, self.condition_schema_, name, params, named, self.result_)
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """The estimator in a file from `save`; it scores and samples with the same bits.

        Raises:
            FileError: If the file is missing, damaged, of a newer version, or holds something else.
        """
        file = read_model(path)
        file.require(conditional=cls._conditional, source=str(path))
        return cls.from_file(file)

    @classmethod
    def from_file(cls, file: ModelFile) -> Self:
        """The estimator that a file holds."""
        estimator = cls(**file.params)
        estimator._set_fitted(file.result, file.schema, file.condition_schema)
        estimator.n_features_in_ = len(file.schema.columns)
        if file.named:
            estimator.feature_names_in_ = np.array(file.schema.names, dtype=object)
        return estimator

    @property
    def _model(self) -> Model:
        return Model(self.flow_, self.schema_)

    def _fit(self, X: Any, y: Any, sample_weight: Any) -> Rows:
        """Fit the flow, and give back the rows that it was fitted to."""
        if self.resume and not isinstance(self.random_state, int | np.integer):
            raise ValueError("`resume=True` needs a whole number as `random_state`, or the fit begins differently.")
        rows = in_order(with_weight(rows_to_fit(self, X, y, sample_weight, conditional=self._conditional)))
        build_key, fit_key = jax.random.split(key_from(self.random_state))
        columns, of_conditions = split_kinds(self.columns, rows.condition)
        conditions = None if rows.condition is None else condition_schema_of(rows.condition, of_conditions)
        schema = schema_of(rows.x, columns)
        rows = _encoded(rows, schema, conditions)
        if self._gaussian and (schema.circular or schema.categorical):
            kind = "circular" if schema.circular else "categorical"
            raise ValueError(f"Gaussianizer: a {kind} column cannot become Gaussian noise; leave it out.")
        seen = rows.condition
        embedding = None if conditions is None or seen is None else embedding_of(conditions, seen.values)
        cond_dim = None if embedding is None else embedding.in_shape[0]
        flow = build_flow(self.flow, self.options, schema, cond_dim, build_key)
        if self._gaussian and not (isinstance(flow, Transformed) and isinstance(flow.base, Normal)):
            raise ValueError(f"flow={self.flow!r} does not map rows to Gaussian noise; choose one like 'nsf' or 'maf'.")
        schema = binary_schema(rows.x) if takes_binary(flow) else schema
        if on_sphere(flow):
            schema = sphere_schema(rows.x, schema)
            rows = rows._replace(x=replace(rows.x, values=schema.turned(rows.x.values)))
        if not isinstance(X, Table):  # who has a `Table` has `column_warnings` too, and shows them in its own way
            for sentence in column_warnings(rows.x, schema):
                warnings.warn(sentence, stacklevel=3)
        flow = in_user_units(flow, schema.bijection(rows.x.values), embedding)
        self._set_fitted(self._train(flow, rows, objective_of(self.flow, schema), fit_key), schema, conditions)
        return rows

    def _train(self, flow: AbstractDistribution, rows: Rows, objective: Objective, key: PRNGKeyArray) -> FitResult:
        return fit(
            flow,
            on_device(rows.x.values),
            condition=None if rows.condition is None else on_device(rows.condition.values),
            weights=None if rows.weights is None else on_device(rows.weights),
            objective=objective,
            **training_of(self.flow, self.get_params(deep=False)),
            batch_size=self.batch_size,
            validation=self.validation,
            checkpoint=self.checkpoint,
            resume=self.resume,
            callbacks=tuple(self.callbacks),
            progress=self.progress,
            key=key,
        )

    def _set_fitted(self, result: FitResult, schema: Schema, condition_schema: Schema | None) -> None:
        self.flow_ = result.flow
        self.result_ = result
        self.history_ = result.history
        self.schema_ = schema
        self.condition_schema_ = condition_schema


def _encoded(rows: Rows, schema: Schema, conditions: Schema | None) -> Rows:
    """The rows with the codes of the schemas, and angles within the period."""
    rows = rows._replace(x=_in_codes(rows.x, schema))
    if rows.condition is None or conditions is None:
        return rows
    return rows._replace(condition=_in_codes(rows.condition, conditions))


def _in_codes(table: Table, schema: Schema) -> Table:
    coded = encode(table, schema)
    return replace(coded, values=schema.turned(coded.values))
