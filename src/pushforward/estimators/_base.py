"""What the estimators share: settings, fitting, saving."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self

import jax
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from pushforward.data import Column, Schema, Table
from pushforward.distributions import AbstractDistribution
from pushforward.estimators._chunks import Model
from pushforward.estimators._columns import ColumnKinds, schema_of
from pushforward.estimators._inputs import checked_weights
from pushforward.estimators._model_file import ModelFile, read_model, write_model
from pushforward.estimators._rows import Rows, merged, with_weight
from pushforward.estimators._training import FlowLike, build_flow, device_array, in_user_units, key_from, recipe_name
from pushforward.train import Epoch, FitResult, fit


class FlowEstimator(BaseEstimator):
    """Settings and fitting of all estimators; see `FlowDensity` for what the settings mean."""

    flow_: AbstractDistribution
    schema_: Schema
    condition_schema_: Schema | None
    column_notes_: tuple[str, ...]
    result_: FitResult
    history_: tuple[Epoch, ...]
    n_features_in_: int
    feature_names_in_: np.ndarray

    def __init__(
        self,
        flow: FlowLike = "nsf",
        *,
        options: Mapping[str, Any] | None = None,
        columns: ColumnKinds = None,
        learning_rate: float = 1e-3,
        batch_size: int = 256,
        max_epochs: int = 100,
        patience: int | None = 10,
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
        write_model(
            path,
            ModelFile(
                flow=self.flow_,
                schema=self.schema_,
                condition_schema=self.condition_schema_,
                recipe=recipe_name(self.flow),
                params=self.get_params(deep=False),
                named=hasattr(self, "feature_names_in_"),
                result=self.result_,
            ),
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

    _conditional: ClassVar[bool] = False

    @property
    def _model(self) -> Model:
        return Model(self.flow_, self.schema_)

    def _fit(self, table: Table, condition: Table | None, sample_weight: Any) -> None:
        rows = with_weight(Rows(table, condition, checked_weights(sample_weight, table.values)))
        table, condition, weights = merged(rows) if rows.x.num_rows <= self.batch_size else rows
        if self.resume and not isinstance(self.random_state, int | np.integer):
            raise ValueError("`resume=True` needs a whole number as `random_state`, or the fit begins differently.")
        schema, self.column_notes_ = schema_of(table, self.columns)
        conditions = None if condition is None else _plain_schema(condition).standardize(condition.values)
        build_key, fit_key = jax.random.split(key_from(self.random_state))
        cond_dim = None if condition is None else condition.num_columns
        flow = build_flow(self.flow, self.options, table.num_columns, cond_dim, build_key)
        result = fit(
            in_user_units(flow, schema.bijection(table.values), conditions),
            device_array(table.values),
            condition=None if condition is None else device_array(condition.values),
            weights=None if weights is None else device_array(weights),
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            max_epochs=self.max_epochs,
            patience=self.patience,
            validation=self.validation,
            ema=self.ema,
            checkpoint=self.checkpoint,
            resume=self.resume,
            callbacks=tuple(self.callbacks),
            progress=self.progress,
            key=fit_key,
        )
        self._set_fitted(result, schema, None if condition is None else _plain_schema(condition))

    def _set_fitted(self, result: FitResult, schema: Schema, condition_schema: Schema | None) -> None:
        self.flow_ = result.flow
        self.result_ = result
        self.history_ = result.history
        self.schema_ = schema
        self.condition_schema_ = condition_schema


def _plain_schema(condition: Table) -> Schema:
    return Schema([Column(name, "unbounded") for name in condition.names])
