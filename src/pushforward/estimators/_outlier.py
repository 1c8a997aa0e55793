"""Odd rows, at a known share of false alarms."""

import dataclasses
from typing import Any, ClassVar, Self, no_type_check

import numpy as np

from pushforward.data import Table, encode
from pushforward.estimators._calibrated import CalibratedOutlier
from pushforward.estimators._inputs import rows_to_fit, rows_to_score
from pushforward.estimators._tables import TableEstimator
from pushforward.modalities.table._chunks import TableFlow
from pushforward.modalities.table._rows import Rows, taken
from pushforward.modalities.table._settings import TableSettings
from pushforward.modalities.table.oddity._calibration import MOST_ROWS, Calibration
from pushforward.modalities.table.oddity._columns import column_gains
from pushforward.modalities.table.oddity._far import far_rows
from pushforward.modalities.table.oddity._places import Places
from pushforward.modalities.table.oddity._scores import Oddity, check_score

TRIES = 100
"""Divisions that are drawn at most."""
LEAST_TRAINING = 3
"""Rows that are left to learn from, whatever is asked for."""


@no_type_check
@dataclasses.dataclass(repr=False, eq=False)
class OutlierSettings(TableSettings):
    """The settings of all fits to tables, and what counts as odd."""

    contamination: Any = "auto"
    alpha: float = 0.05
    calibration: float = 0.2
    trim: bool = True
    score_by: str = "all"


class FlowOutlier(CalibratedOutlier, OutlierSettings, TableEstimator):
    """Tells odd rows by their density and their distance to others, at a share of false alarms that is known.

    Some rows are set apart before the fit, and nothing is learned from them. The p-value of a row is the share of them
    that is as odd, and holds in finite samples (`diagnostics.oddity.conformal_p_values`), provided that they, and the
    ordinary rows to come, are drawn alike. Odd rows among those of the fit make it flag fewer.

    The settings are those of `FlowDensity`, and five more.

    Args:
        contamination: `"auto"`: a row is an outlier where its p-value is at most `alpha`. Or the share of the rows of
            the fit that are outliers, at most 0.5: the threshold is then their quantile of the score.
        alpha: Share of ordinary rows that are flagged, between 0 and 1, where `contamination` is `"auto"`.
        calibration: Share of the rows that is set apart for p-values, from 0 to below 1. 1 / alpha - 1 rows are needed;
            with fewer a warning tells, and the smallest share that they can tell is taken.
        trim: Whether rows far from all others, of which there are few among ordinary rows, are left out of what the
            flow learns from: they may be the outliers that are looked for. p-values hold with it and without.
        score_by: `"density"`, `"distance"` to draws of the model, `"both"`, or `"all"`: both and the distance to rows
            of the fit, which told outliers best in the mean over twelve tables. Then a file keeps at most 1,024 of
            these rows; with the others it keeps none.

    Attributes:
        offset_: The score below which a row is an outlier.
        calibration_scores_: Scores of the rows that were set apart, `(rows,)`.

    Example:
        >>> X = np.random.default_rng(0).normal(size=(500, 2))
        >>> outlier = pf.FlowOutlier("affine", max_epochs=5, random_state=0).fit(X)
        >>> outlier.predict([[0.0, 0.0], [0.0, 9.0]]).tolist()
        [1, -1]
        >>> outlier.odd_columns([[0.0, 9.0]]).argmax(axis=1).tolist()
        [1]

    Reference:
        Bates, Candès, Lei, Romano & Sesia (2023), Testing for outliers with conformal p-values.
    """

    _own = ("contamination", "alpha", "calibration", "trim", "score_by")
    _before: ClassVar[dict[str, Any]] = {"score_by": "density"}

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the density of most rows, and keep the scores of the others.

        Args:
            X: `(rows, columns)`, as of `FlowDensity`.
            y: Ignored.

        Raises:
            ValueError: If the data, the flow or a setting cannot be used.
        """
        self._check_settings()
        check_score(self.score_by)
        rows = rows_to_fit(self, X, None, None, conditional=False)
        learned, apart = self._divided(rows)
        ordinary = taken(learned, ~self._far(learned)) if self.trim else learned
        self._learn(ordinary, self._check if isinstance(X, Table) else self._check_and_warn)
        model = self.model_
        places = self._places(ordinary)
        score = Oddity(TableFlow.of(model), self.score_by, places)

        def scores(rows: Rows) -> np.ndarray:
            return score(encode(rows.x, model.facts.schema).values) if rows.x.num_rows else np.zeros(0)

        known = Calibration.of(scores(apart), unseen=True, by=self.score_by, rows=places)
        self._calibrate(dataclasses.replace(model.facts, calibration=known), lambda: scores(learned))
        return self

    def score_samples(self, X: Any) -> np.ndarray:
        """A score of every row, `(rows,)`; small is odd. With `score_by="density"` the log-density in nats."""
        return self._row_scores(rows_to_score(self, X), None)

    def odd_columns(self, X: Any) -> np.ndarray:
        r"""By how many nats the score rises with the nearest likely row's value in a column, `(rows, columns)`.

        Likely are, of 2,048 draws of the model, those of the denser half. Columns with large values make a row odd: one
        for a single wrong value, two where two values do not go together. The values do not add up.
        """
        return column_gains(self._table_flow, rows_to_score(self, X))

    def _row_scores(self, x: np.ndarray, condition: np.ndarray | None) -> np.ndarray:
        known = self.model_.facts.calibration  # what was calibrated decides, whatever the setting says now
        return Oddity(self._table_flow, known.by, known.rows)(x)

    def _places(self, learned: Rows) -> Places | None:
        """Rows that a score takes distances to."""
        if self.score_by != "all":
            return None
        schema = self.model_.facts.schema
        return Places.of(schema, encode(learned.x, schema).values).few(seed=0)

    @property
    def _settings(self) -> TableSettings:
        return TableSettings(**{field.name: getattr(self, field.name) for field in dataclasses.fields(TableSettings)})

    def _known(self, facts: Any) -> np.ndarray:
        return np.array(facts.calibration.scores)

    def _far(self, learned: Rows) -> np.ndarray:
        """Which rows are left out; none where a column that varies would not."""
        far = far_rows(learned, self._rng())
        cells = learned.x.values
        varying = np.ptp(cells, axis=0) > 0
        return far & bool((np.ptp(cells[~far], axis=0) > 0)[varying].all())

    def _divided(self, rows: Rows) -> tuple[Rows, Rows]:
        """The rows that are learned from, and those that are set apart, drawn at random.

        Drawn anew, a few times, where a column that varies would not in what is learned from.
        """
        count = rows.x.num_rows
        most = max(0, min(round(self.calibration * count), MOST_ROWS, count - LEAST_TRAINING))
        rng = self._rng()
        varying = np.ptp(rows.x.values, axis=0) > 0
        order, learned = np.arange(count), rows
        for _ in range(TRIES):
            order = rng.permutation(count)
            learned = taken(rows, np.sort(order[most:]))
            if (np.ptp(learned.x.values, axis=0) > 0)[varying].all():
                break
        return learned, taken(rows, np.sort(order[:most]))
