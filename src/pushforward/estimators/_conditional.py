"""The density of rows given others."""

from collections.abc import Iterable, Iterator
from typing import Any, Self

import numpy as np
from sklearn.utils import Tags

from pushforward._errors import DataError
from pushforward.data import Schema, Table
from pushforward.estimators._inputs import given_conditions, mean_score, num_draws, rows_to_score
from pushforward.estimators._tables import TableEstimator
from pushforward.modalities._learn import key_from
from pushforward.modalities.table._chunks import iter_draws, iter_log_prob, log_prob
from pushforward.modalities.table._mixed import in_user_values, joined
from pushforward.modalities.table._rows import spread_rows

NUM_CONDITIONS = 64


class ConditionalFlowDensity(TableEstimator):
    """The density of the rows of `X` given those of `y`, learned by a conditional normalizing flow.

    The settings and attributes are those of `FlowDensity`. Conditions that are numbers are standardised inside the
    flow; text, truth values and what `columns` calls categorical become zeros and ones.

    Attributes:
        condition_schema_: The columns of `y`.
        conditions_: Up to 64 of its rows, evenly spread over those of the fit; they are not saved.

    Example:
        >>> y = np.linspace(0, 1, 500)
        >>> X = np.random.default_rng(0).normal(y[:, None], 0.1, (500, 2))
        >>> density = pf.ConditionalFlowDensity("affine", max_epochs=3, random_state=0).fit(X, y)
        >>> density.score_samples(X, y).shape, density.sample(y[:2], n_samples=5).shape
        ((500,), (10, 2))
    """

    conditions_: np.ndarray

    _conditional = True

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn the density of the rows of `X` given those of `y`.

        Args:
            X: `(rows, columns)`: an array, a frame of pandas or polars, or a `pushforward.data.Table`.
            y: `(rows,)` or `(rows, conditions)`, of the same kinds.
            sample_weight: `(rows,)`, not negative; a weight of 2 counts like the row twice, 0 leaves it out.

        Raises:
            ValueError: If the data, the flow or a setting cannot be used.
        """
        ready = self._fit(X, y, sample_weight)
        self.conditions_ = spread_rows(ready.data, NUM_CONDITIONS)
        return self

    def score_samples(self, X: Any, y: Any = None) -> np.ndarray:
        """Log-density in nats of every row of `X` given the same row of `y`, `(rows,)`; see `FlowDensity`.

        Args:
            X: `(rows, columns)`.
            y: `(rows,)` or `(rows, conditions)`. Without it, the marginal density of `X`: the mean density over
                `conditions_`, at the cost of one pass for each of them.
        """
        if y is None:
            return self._marginal(rows_to_score(self, X))
        return log_prob(self._table_flow, *self._pair(X, y))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Mean log-density per row in nats, weighted if weights are given."""
        return mean_score(self.score_samples(X, y), sample_weight)

    def sample(
        self, y: Any, n_samples: int = 1, random_state: Any = None, temperature: float | None = None
    ) -> np.ndarray:
        """Draw `n_samples` rows for each row of `y`, `(rows * n_samples, columns)`, one condition after the other.

        Args:
            y: Conditions, `(rows,)` or `(rows, conditions)`; a number is one row.
            n_samples: Draws for each of them; `.reshape(rows, n_samples, columns)` sets them apart.
            random_state: A seed, a `numpy.random.RandomState`, or None for NumPy's global one.
            temperature: Scale of the noise; below 1 for rows nearer to the mode, None or 1 for the model itself.
        """
        return np.concatenate(list(self.iter_samples(y, n_samples, random_state, temperature)))

    def sample_table(
        self, y: Any, n_samples: int = 1, random_state: Any = None, temperature: float | None = None
    ) -> Table:
        """The rows of `sample` as a table, without the conditions; see `FlowDensity.sample_table`."""
        return joined(list(self.iter_tables(y, n_samples, random_state, temperature)))

    def iter_scores(self, batches: Iterable[tuple[Any, Any]]) -> Iterator[np.ndarray]:
        """`score_samples` for each `(X, y)` of a stream."""
        return iter_log_prob(self._table_flow, (self._pair(X, y) for X, y in batches))

    def iter_samples(
        self, y: Any, n_samples: int = 1, random_state: Any = None, temperature: float | None = None
    ) -> Iterator[np.ndarray]:
        """The rows of `sample` in chunks, for more of them than memory holds."""
        draws = self._iter_draws(y, n_samples, random_state, temperature)
        return (in_user_values(self.schema_, chunk) for chunk in draws)

    def iter_tables(
        self, y: Any, n_samples: int = 1, random_state: Any = None, temperature: float | None = None
    ) -> Iterator[Table]:
        """The rows of `sample_table` in chunks."""
        return map(self.schema_.table, self._iter_draws(y, n_samples, random_state, temperature))

    def _iter_draws(self, y: Any, n_samples: int, random_state: Any, temperature: float | None) -> Iterator[np.ndarray]:
        given = given_conditions(y, self._conditions)
        return iter_draws(
            self._table_flow, num_draws(n_samples, temperature), key_from(random_state), temperature, given
        )

    @property
    def _conditions(self) -> Schema:
        return self._fitted.facts.condition_schema

    def _pair(self, X: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
        x = rows_to_score(self, X)
        return x, given_conditions(y, self._conditions, len(x))

    def _marginal(self, x: np.ndarray) -> np.ndarray:
        if not hasattr(self, "conditions_"):
            raise DataError(
                "y is missing: a model from a file knows no conditions to average over, because a file holds no data.",
                "give the conditions as y, or use the estimator that was fitted",
            )
        scores = np.full(len(x), -np.inf)
        for condition in self.conditions_:
            scores = np.logaddexp(scores, log_prob(self._table_flow, x, np.tile(condition, (len(x), 1))))
        return scores - np.log(len(self.conditions_))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        return tags
