"""The density of columns given others."""

import warnings
from collections.abc import Iterable, Iterator
from typing import Any, Self

import jax
import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import Tags

from pushforward._errors import DataError
from pushforward.data import Schema, Table
from pushforward.estimators._inputs import given_targets, mean_score, rows_to_score
from pushforward.estimators._tables import TableEstimator
from pushforward.modalities._draws import num_draws
from pushforward.modalities._learn import key_from
from pushforward.modalities._model import Model
from pushforward.modalities.table._chunks import iter_draws, iter_log_prob, log_prob
from pushforward.modalities.table._far import FarConditions
from pushforward.modalities.table._mixed import in_user_values, joined
from pushforward.modalities.table.prediction import _predict

NUM_SAMPLES = 1000
"""Draws for each row of X where an answer is drawn."""
ENTROPY_SAMPLES = 128


class ConditionalFlowDensity(RegressorMixin, TableEstimator):
    """The density of y given X, learned by a conditional normalizing flow: a whole distribution for each row of X.

    `predict` gives its mean, `quantile` and `interval` its quantiles, `cdf` its distribution function, `score_samples`
    its log-density, `sample` draws. With one column of numbers as y, quantiles and distribution function are exact, by
    one pass of the flow; with several they are drawn, each column apart, and `return_error` tells how well they are
    known.

    The settings and attributes are those of `FlowDensity`; `columns` says what y can hold. Columns of X that are
    numbers are standardised; text, truth values and what `columns` calls categorical become zeros and ones.

    Attributes:
        schema_: The columns of y.
        condition_schema_: The columns of X.

    Example:
        >>> X = np.linspace(0, 1, 500)[:, None]
        >>> y = np.random.default_rng(0).normal(X[:, 0], 0.1)
        >>> density = pf.ConditionalFlowDensity("affine", max_epochs=3, random_state=0).fit(X, y)
        >>> density.predict(X).shape, density.interval(X, 0.9).shape, density.score_samples(X, y).shape
        ((500,), (500, 2), (500,))
        >>> density.sample(X[:2], 5).shape
        (10, 1)
    """

    _conditional = True

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn the density of y given X.

        Args:
            X: What is known, `(rows, features)`: an array, a frame of pandas or polars, or a `pushforward.data.Table`.
            y: What is wanted given it, `(rows,)` or `(rows, columns)`, of the same kinds.
            sample_weight: `(rows,)`, not negative; a weight of 2 counts like the row twice, 0 leaves it out.

        Raises:
            ValueError: If the data, the flow or a setting cannot be used.
        """
        self._fit(X, y, sample_weight)
        return self

    def score_samples(self, X: Any, y: Any = None) -> np.ndarray:
        """Log-density in nats of every row of y given the same row of X, `(rows,)`; see `FlowDensity.score_samples`.

        Args:
            X: `(rows, features)`.
            y: `(rows,)` or `(rows, columns)`. Without it, what is to be expected: the mean log-density of 128 draws of
                the model given each row, which is minus the entropy.
        """
        given = self._given(X)
        if y is None:
            return _predict.expected_log_prob(self._table_flow, given, ENTROPY_SAMPLES, _noise())
        return log_prob(self._table_flow, given_targets(y, self.schema_, len(given)), given)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Mean log-density of y given X per row in nats, weighted if weights are given.

        It is not R²: `sklearn.model_selection.cross_val_score(..., scoring="r2")` gives that of `predict`.
        """
        return mean_score(self.score_samples(X, y), sample_weight)

    def predict(self, X: Any, n_samples: int = NUM_SAMPLES, *, return_error: bool = False) -> Any:
        """The mean of y given each row of X: `(rows,)` for one column, else `(rows, columns)`.

        Of one column of numbers it is an integral over the noise; else the mean of draws, the mean direction of angles,
        and the commonest of the categories. Of dates it is a date, with its error in the unit of the column.

        Args:
            X: `(rows, features)`.
            n_samples: Draws for each row, the same noise for all of them.
            return_error: Whether to return the standard error of the draws too; 0 for an integral.
        """
        given = self._given(X)
        found = _predict.mean(self._table_flow, given, n_samples, _noise())
        return self._told(found._replace(value=in_user_values(self.schema_, found.value)), return_error)

    def quantile(self, X: Any, q: Any = 0.5, n_samples: int = NUM_SAMPLES, *, return_error: bool = False) -> Any:
        """The value below which y lies with probability `q`, given each row of X.

        Args:
            X: `(rows, features)`.
            q: A level in (0, 1), or several.
            n_samples: As of `predict`, where y has several columns.
            return_error: As of `predict`.

        Returns:
            `(rows,)`, or `(rows, levels)` for several; with a last axis `columns` where y has several.

        Raises:
            DataError: If a level is not in (0, 1), or y has a circular or categorical column.
        """
        levels = np.asarray(q, np.float64)
        found = _predict.quantiles(self._table_flow, self._given(X), np.atleast_1d(levels), n_samples, _noise())
        if self.schema_.moments:
            flat = in_user_values(self.schema_, found.value.reshape(-1, found.value.shape[-1]))
            found = found._replace(value=flat.reshape(found.value.shape))
        if levels.ndim == 0:
            found = _predict.Estimate(found.value[:, 0], found.error[:, 0])
        return self._told(found, return_error)

    def interval(self, X: Any, level: float = 0.9, n_samples: int = NUM_SAMPLES, *, return_error: bool = False) -> Any:
        """Where y lies with probability `level`, as much of the rest below as above, given each row of X.

        Args:
            X: `(rows, features)`.
            level: In (0, 1).
            n_samples: As of `predict`, where y has several columns, each of which then has its own interval.
            return_error: As of `predict`.

        Returns:
            `(rows, 2)`: the lower and the upper end; with a last axis `columns` where y has several.
        """
        if not 0 < level < 1:
            raise DataError(f"interval: `level` must be between 0 and 1, got {level}.", "0.9 holds nine rows of ten")
        return self.quantile(X, [0.5 - 0.5 * level, 0.5 + 0.5 * level], n_samples, return_error=return_error)

    def cdf(self, X: Any, y: Any, n_samples: int = NUM_SAMPLES, *, return_error: bool = False) -> Any:
        """The probability of a value at or below y, given the same row of X, `(rows,)` or `(rows, columns)`.

        If the model is right, these are spread evenly over [0, 1] on rows that it has not seen.

        Args:
            X: `(rows, features)`.
            y: `(rows,)` or `(rows, columns)`.
            n_samples: As of `predict`, where y has several columns.
            return_error: As of `predict`.
        """
        given = self._given(X)
        values = given_targets(y, self.schema_, len(given)).astype(np.float64)
        return self._told(_predict.distribution(self._table_flow, given, values, n_samples, _noise()), return_error)

    def sample(
        self, X: Any, n_samples: int = 1, random_state: Any = None, temperature: float | None = None
    ) -> np.ndarray:
        """Draw `n_samples` rows of y for each row of X, `(rows * n_samples, columns)`, one condition after the other.

        Args:
            X: `(rows, features)`.
            n_samples: Draws for each of them; `.reshape(rows, n_samples, columns)` sets them apart.
            random_state: A seed, a `numpy.random.RandomState`, or None for NumPy's global one.
            temperature: Scale of the noise; below 1 for rows nearer to the mode, None or 1 for the model itself.
        """
        return np.concatenate(list(self.iter_samples(X, n_samples, random_state, temperature)))

    def sample_table(
        self, X: Any, n_samples: int = 1, random_state: Any = None, temperature: float | None = None
    ) -> Table:
        """The rows of `sample` as a table, without the conditions; see `FlowDensity.sample_table`."""
        return joined(list(self.iter_tables(X, n_samples, random_state, temperature)))

    def iter_scores(self, batches: Iterable[tuple[Any, Any]]) -> Iterator[np.ndarray]:
        """`score_samples` for each `(X, y)` of a stream."""
        return iter_log_prob(self._table_flow, (self._pair(X, y) for X, y in batches))

    def iter_samples(
        self, X: Any, n_samples: int = 1, random_state: Any = None, temperature: float | None = None
    ) -> Iterator[np.ndarray]:
        """The rows of `sample` in chunks, for more of them than memory holds."""
        draws = self._iter_draws(X, n_samples, random_state, temperature)
        return (in_user_values(self.schema_, chunk) for chunk in draws)

    def iter_tables(
        self, X: Any, n_samples: int = 1, random_state: Any = None, temperature: float | None = None
    ) -> Iterator[Table]:
        """The rows of `sample_table` in chunks."""
        return map(self.schema_.table, self._iter_draws(X, n_samples, random_state, temperature))

    @classmethod
    def from_model(cls, model: Model) -> Self:
        """The estimator that has fitted a model; a warning tells of files in which X and y had changed places.

        Until pushforward 0.1 `fit(X, y)` learned the density of X given y. Its files hold the same kind of model: what
        was y then is X now.
        """
        estimator = super().from_model(model)
        if model.facts.condition_units is None:
            given, wanted = ", ".join(estimator._feature_schema.names), ", ".join(estimator.schema_.names)
            warnings.warn(
                "this file was written when `fit(X, y)` learned the density of X given y. Now X is what is given "
                f"({given}), and y what the density is of ({wanted}).",
                stacklevel=3,
            )
        return estimator

    @property
    def _feature_schema(self) -> Schema:
        return self._fitted.facts.condition_schema

    def _iter_draws(self, X: Any, n_samples: int, random_state: Any, temperature: float | None) -> Iterator[np.ndarray]:
        given = self._given(X)
        return iter_draws(
            self._table_flow, num_draws(n_samples, temperature), key_from(random_state), temperature, given
        )

    def _pair(self, X: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
        given = self._given(X)
        return given_targets(y, self.schema_, len(given)), given

    def _given(self, X: Any) -> np.ndarray:
        """What is known, after a warning of what is far outside the training rows."""
        given, far = rows_to_score(self, X), FarConditions(self._fitted.facts)
        far.add(given)
        for sentence in far.sentences():
            warnings.warn(sentence, stacklevel=3)
        return given

    def _told(self, found: _predict.Estimate, return_error: bool) -> Any:
        """The values, without the axis of columns where there is one; with their errors if these are asked for."""
        value, error = (part[..., 0] if len(self.schema_.columns) == 1 else part for part in found)
        return (value, error) if return_error else value

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        assert tags.regressor_tags is not None
        tags.regressor_tags.poor_score = True  # `score` is no R²
        return tags


def _noise() -> jax.Array:
    """The same for every call, so that an answer does not change when it is asked for again."""
    return jax.random.key(0)
