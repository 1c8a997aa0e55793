"""From rows to Gaussian noise and back."""

from typing import Any, Self

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from pushforward.estimators._base import FlowEstimator
from pushforward.estimators._chunks import to_data, to_latent
from pushforward.estimators._inputs import FLOATS, numbers, rows_to_score


class Gaussianizer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, FlowEstimator):
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

    _gaussian = True

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn the map; the arguments are those of `FlowDensity.fit`."""
        self._fit(X, None, sample_weight)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Where the rows come from: `(rows, columns)` of noise; integers are taken at their middle, n + 0.5."""
        check_is_fitted(self)
        return to_latent(self._model, rows_to_score(self, X))

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Rows in the units that the transformer was fitted on, from noise `(rows, columns)`."""
        check_is_fitted(self)
        return to_data(self._model, numbers(self, X, self.n_features_in_))

    @property
    def _n_features_out(self) -> int:
        return self.n_features_in_

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = [np.dtype(dtype).name for dtype in FLOATS]
        return tags
