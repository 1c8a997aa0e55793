"""What the estimators of tables share."""

import warnings
from typing import Any, ClassVar

import numpy as np

from pushforward._errors import FileError
from pushforward.data import Schema, Table, column_warnings
from pushforward.estimators._base import FlowEstimator, require_modality
from pushforward.estimators._inputs import rows_to_fit
from pushforward.modalities._learn import Prepared
from pushforward.modalities._model import Model
from pushforward.modalities.table._chunks import TableFlow, log_prob
from pushforward.modalities.table._columns import schema_of
from pushforward.modalities.table._settings import TableSettings
from pushforward.modalities.table.choice._comparison import Comparison
from pushforward.modalities.table.parts._batch import batch_scores


class TableEstimator(TableSettings, FlowEstimator):
    """Fitting of the estimators of tables; see `FlowDensity` for what the settings mean."""

    n_features_in_: int
    feature_names_in_: np.ndarray

    _modality = "table"
    _conditional: ClassVar[bool] = False
    _any_rows: ClassVar[bool] = False
    _recurring: ClassVar[bool] = True
    """Whether few numbers that recur may be inferred to be categories."""

    @property
    def schema_(self) -> Schema:
        """The columns, with the kind of each and a note on how it was found."""
        return self._fitted.facts.schema

    @property
    def condition_schema_(self) -> Schema | None:
        """The columns of the conditions; None for a model without."""
        return self._fitted.facts.condition_schema

    @property
    def comparison_(self) -> Comparison | None:
        """With `flow="auto"`, the flows that were compared; else None."""
        compared = self._fitted.facts.compared
        return None if compared is None else Comparison.from_json(compared)

    def score_batch(self, batch: Any) -> Any:
        """Log-densities of the rows of an Arrow batch, as `score_samples` has them: what Spark, Ray and Dask map.

        Nothing but the fitted model is used, so that a copy, pickled or not, does the same in any process or thread.

        Args:
            batch: A `pyarrow.RecordBatch` or `pyarrow.Table`, or a frame that Arrow takes, of any number of rows, also
                none. Columns are matched by name, in any order, those of X and of y alike; others are not looked at.

        Returns:
            A `pyarrow.Array` of float64 with one value for each row, in the same order: nats, -inf for a row that the
            model cannot produce or with a category that was not seen in training, null where a cell is missing.

        Raises:
            DataError: If a column is missing or holds something else, or a condition was not seen in training.

        Example:
            >>> density = pf.FlowDensity("affine", max_epochs=2, random_state=0).fit(pf.data.moons(200))
            >>> import pyarrow
            >>> batch = pyarrow.table({"x1": [0.2, None], "x0": [0.5, 0.5], "name": ["a", "b"]})
            >>> density.score_batch(batch).is_null().to_pylist()
            [False, True]
        """
        conditions = self.condition_schema_ if self._conditional else None
        return batch_scores(self.schema_, conditions, batch, self._row_scores)

    def _row_scores(self, x: np.ndarray, condition: np.ndarray | None) -> np.ndarray:
        return log_prob(self._table_flow, x, condition)

    @property
    def _feature_schema(self) -> Schema:
        """The columns of `X`."""
        return self.schema_

    @property
    def _table_flow(self) -> TableFlow:
        return TableFlow.of(self._fitted)

    def _fit(self, X: Any, y: Any, sample_weight: Any) -> Prepared:
        """Fit the flow, and give back what it was fitted to."""
        rows = rows_to_fit(self, X, y, sample_weight, conditional=self._conditional)
        if not self._recurring and rows.schema is None:
            rows = rows._replace(schema=schema_of(rows.x, self.columns, recurring=False))
        # Who has a `Table` has `column_warnings` too, and shows them in its own way.
        return self._learn(rows, self._check if isinstance(X, Table) else self._check_and_warn)

    def _check(self, ready: Prepared) -> None:
        """Refuse, before training, what this estimator cannot use."""

    def _check_and_warn(self, ready: Prepared) -> None:
        self._check(ready)
        if ready.data.holes is not None or self.epsilon is not None:
            return
        for sentence in column_warnings(ready.data.x, ready.facts.schema):
            warnings.warn(sentence, stacklevel=6)

    def _set_fitted(self, model: Model) -> None:
        FlowEstimator._set_fitted(self, model)
        names = self._feature_schema.names
        self.n_features_in_ = len(names)
        if model.facts.named:
            self.feature_names_in_ = np.array(names, dtype=object)

    @classmethod
    def _require(cls, model: Model, source: str) -> None:
        require_modality(model, cls._modality, source)
        if "outlier" in model.settings:
            raise FileError(f"{source}: this model was fitted to tell outliers", "use `FlowOutlier.load`")
        conditions = model.facts.condition_schema
        if conditions is not None and not cls._conditional:
            names = ", ".join(conditions.names)
            raise FileError(f"{source}: this model is conditional on {names}", "use `ConditionalFlowDensity.load`")
        if conditions is None and cls._conditional:
            raise FileError(f"{source}: this model is not conditional", "use `FlowDensity.load`")
