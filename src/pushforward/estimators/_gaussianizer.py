"""From rows to Gaussian noise and back."""

from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags

from pushforward.distributions import Normal, Transformed
from pushforward.estimators._inputs import FLOATS, numbers, rows_to_score
from pushforward.estimators._tables import TableEstimator
from pushforward.modalities._learn import Prepared, plain
from pushforward.modalities.table._chunks import to_data, to_latent
from pushforward.modalities.table._settings import TableSettings


class Gaussianizer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, TableEstimator):
    """A transformer that turns rows into independent standard normal numbers, and back.

    The settings and attributes are those of `FlowDensity`, without the flows that are no map of Gaussian noise
    (`"made"` and its sisters).

    Example:
        >>> X = pf.data.moons(500)
        >>> gaussianizer = pf.Gaussianizer("affine", max_epochs=3, random_state=0)
        >>> Z = gaussianizer.fit_transform(X)
        >>> bool(np.abs(gaussianizer.inverse_transform(Z) - X).max() < 1e-4)
        True
    """

    _recurring = False  # noise is of numbers with a density

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn the map; the arguments are those of `FlowDensity.fit`."""
        self._fit(X, None, sample_weight)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Where the rows come from: `(rows, columns)` of noise; integers are taken at their middle, n + 0.5."""
        return to_latent(self._table_flow, rows_to_score(self, X))

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Rows in the units that the transformer was fitted on, from noise `(rows, columns)`."""
        return to_data(self._table_flow, numbers(self, X, self.n_features_in_))

    def _check(self, ready: Prepared) -> None:
        schema, flow = ready.facts.schema, ready.flow
        if schema.atomic:
            name = schema.columns[schema.atomic[0]].name
            raise ValueError(f"Gaussianizer: {name!r} has atoms, which cannot become Gaussian noise; leave it out.")
        if schema.circular or schema.categorical:
            kind = "circular" if schema.circular else "categorical"
            raise ValueError(f"Gaussianizer: a {kind} column cannot become Gaussian noise; leave it out.")
        if not (isinstance(flow, Transformed) and isinstance(flow.base, Normal)):
            raise ValueError(f"flow={self.flow!r} does not map rows to Gaussian noise; choose one like 'nsf' or 'maf'.")

    @property
    def _settings(self) -> TableSettings:
        """Without a background: the noise of a row is that of one map."""
        if self.background:
            raise ValueError("Gaussianizer: with a background there is no one map to Gaussian noise; leave it out.")
        if self.ensemble != 1:
            raise ValueError("Gaussianizer: several flows have no one map to Gaussian noise; leave `ensemble` out.")
        return replace(TableSettings(**plain(self)), background=False)

    @property
    def _n_features_out(self) -> int:
        return self.n_features_in_

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = [np.dtype(dtype).name for dtype in FLOATS]
        return tags
