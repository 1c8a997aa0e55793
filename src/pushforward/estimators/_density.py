"""The density of rows."""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import DensityMixin

from pushforward.conditionals import Estimate
from pushforward.data import Table
from pushforward.diagnostics.goodness._case import Case
from pushforward.estimators._inputs import mean_score, rows_to_score
from pushforward.estimators._tables import TableEstimator
from pushforward.modalities._draws import num_draws
from pushforward.modalities._learn import key_from
from pushforward.modalities.table._chunks import iter_draws, iter_log_prob, log_prob
from pushforward.modalities.table._mixed import in_user_values, joined
from pushforward.modalities.table._reading import inside
from pushforward.modalities.table.conditionals._condition import (
    TableConditional,
    TableMarginal,
    condition_table,
    score_holes,
)
from pushforward.modalities.table.conditionals._holes import encode_with_holes, table_with_holes
from pushforward.modalities.table.conditionals._impute import doubts_sentence, impute_rows
from pushforward.modalities.table.conditionals._rows import TableJoint
from pushforward.modalities.table.goodness._case import case_of


class FlowDensity(DensityMixin, TableEstimator):
    """A density learned from the rows of a table by a normalizing flow.

    Args:
        flow: A name in `pushforward.flows.RECIPES`, or a function like the ones there. Or `"auto"`: maf, nsf and one
            Gaussian in closed form are compared in three folds of at most 5,000 rows, within about two minutes, and the
            best is fitted. The Gaussian stays unless another is better by more than a standard error.
        options: Of the recipe, such as `{"num_layers": 5, "width": 64}`.
        columns: What columns can hold: a kind for all, such as `"positive"`, or a mapping from names (`x0, x1, ...`
            for arrays) to kinds, in which `"*"` stands for all others. The kinds are those of `data.parse_kind`,
            and `"infer"`, which looks at the data. By default text, truth values and categories of a data frame are
            `"categorical"`, dates, times and durations are whole days, hours, minutes or seconds or as `"infer"` finds
            them, and every other column is `"unbounded"`.
        learning_rate: Of Adam, at its highest; None for the flow's own, `RECIPES[flow].training`.
        batch_size: Rows per step; None for a power of two of at most a tenth of the rows, from 32 to 256.
        max_epochs: Passes through the data at most; None for the flow's own.
        patience: Epochs without a better held-out loss before training ends; None for the flow's own.
        validation: Share of the rows that is held out to find the best epoch; 0 or None for none.
        ema: Decay of a running mean of the parameters, such as 0.999; None for the flow's own, 0 for none.
        weight_decay: Share of the weights of networks, times the learning rate, that a step takes away (AdamW); None
            for the flow's own.
        checkpoint: A file to which training is saved every few seconds.
        resume: Go on from `checkpoint`; needs a whole number as `random_state`.
        callbacks: Called after every epoch, see `pushforward.fit`.
        progress: Whether to report on stderr.
        random_state: A seed, a `numpy.random.RandomState`, or None for NumPy's global one.
        background: Whether the density is a mixture of the flow with one Gaussian and one twice as wide, so that a row
            far from all others costs no more than by these and the logarithm of their share. The rows that are held
            out say how much of each, and how wide the flow's own noise is. None for tables of numbers, without
            conditions, of at most 5,000 rows, 80 or more where a tenth is held out.
        ensemble: How many flows are fitted, each from other first weights and with the same rows held out; the density
            is the mean of theirs. It is better than that of one flow on rows that were not learned, and takes as many
            times as long to fit, to score and to condition. Callbacks run in each fit; nothing is kept on the way.
        incomplete: Whether cells may be missing (NaN, None), at random: whether one is may depend on those that are
            there, not on its own value. They are drawn by the model, again and again while it is trained, and no row is
            left out but those without any cell.
        epsilon: With a number, the fit is private: see `train.Privacy`. Every column is then declared by its kind,
            `bounds` or `categories`; nothing is held out, and no statistic of the rows is kept. Rows and noise are
            drawn by a secret key, so that `random_state` decides the first weights alone.
        delta: Of a private fit, far below one over the number of rows.
        clip_norm: Of a private fit, the longest gradient of a row.
        bounds: Of a private fit, by name the least and the greatest value, `{"age": (0, 120)}`; beyond, values are
            moved there.
        categories: Of a private fit, by name all categories, `{"sex": ["F", "M"]}`; rows with others are left out.

    Attributes:
        flow_: The fitted `Transformed`, from noise to rows in the units of `X`; with a background its base is the
            `Mixture`, whose first component is the flow.
        schema_: The columns, with the kind of each and a note on how it was found.
        result_: The `FitResult`.
        history_: One `Epoch` for each epoch; of an ensemble those of the best flow.
        comparison_: With `"auto"`, the flows that were compared; else None.
        n_features_in_: Number of columns.
        feature_names_in_: Their names, if `X` had any.

    Example:
        >>> X = pf.data.moons(500)
        >>> density = pf.FlowDensity("affine", max_epochs=3, random_state=0).fit(X)
        >>> density.score_samples(X).shape, density.sample(10, random_state=1).shape
        ((500,), (10, 2))
    """

    _any_rows = True

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn the density of the rows of `X`.

        Args:
            X: `(rows, columns)`: an array, a frame of pandas, polars or Arrow, or a `pushforward.data.Table`. Text
                and truth values may stand beside numbers in a frame or in an array of objects. With `incomplete=True`
                NaN and None stand for missing cells.
            y: Ignored.
            sample_weight: `(rows,)`, not negative; a weight of 2 counts like the row twice, 0 leaves it out.

        Raises:
            ValueError: If the data, the flow or a setting cannot be used.
        """
        self._fit(X, None, sample_weight)
        return self

    def score_samples(self, X: Any) -> np.ndarray:
        """Log-density of every row in nats and in the units of `X`, `(rows,)`; -inf outside a column's support.

        With categorical columns it is the log of a probability of the categories times a density of the numbers given
        them; a category that was not seen in training gives -inf, and a warning. A column at one of its atoms counts
        as a category does: with a probability, and no density.

        With integer columns it is an estimate: the density is averaged over 16 draws of the noise that makes
        them continuous, and its logarithm is in the mean a little too low. The draws are a function of the row.
        """
        return log_prob(self._table_flow, rows_to_score(self, X))

    def score(  # pyright: ignore[reportIncompatibleMethodOverride]: the mixin's returns nothing
        self, X: Any, y: Any = None, sample_weight: Any = None
    ) -> float:
        """Mean log-density per row in nats, weighted if weights are given."""
        return mean_score(self.score_samples(X), sample_weight)

    def sample(self, n_samples: int = 1, random_state: Any = None, temperature: float | None = None) -> np.ndarray:
        """Draw rows, `(n_samples, columns)`, inside the support of every column.

        With categorical columns they are objects: text, truth values, whole numbers and floats, as in the data;
        `sample_table` gives columns with types.

        Args:
            n_samples: How many.
            random_state: A seed, a `numpy.random.RandomState`, or None for NumPy's global one.
            temperature: Scale of the noise; below 1 for rows nearer to the mode, None or 1 for the model itself.
        """
        return np.concatenate(list(self.iter_samples(n_samples, random_state, temperature)))

    def sample_table(self, n_samples: int = 1, random_state: Any = None, temperature: float | None = None) -> Table:
        """The rows of `sample` as a table, whose columns have names and the types of the data.

        `pyarrow.table(...)` and `polars.DataFrame(...)` take it as it is, and pandas through
        `pyarrow.table(...).to_pandas()`.
        """
        return joined(list(self.iter_tables(n_samples, random_state, temperature)))

    def iter_scores(self, batches: Iterable[Any]) -> Iterator[np.ndarray]:
        """`score_samples` for each batch of a stream, such as `pushforward.data.read_batches` gives."""
        return iter_log_prob(self._table_flow, ((rows_to_score(self, X), None) for X in batches))

    def iter_samples(
        self, n_samples: int, random_state: Any = None, temperature: float | None = None
    ) -> Iterator[np.ndarray]:
        """The rows of `sample` in chunks, for more of them than memory holds."""
        draws = self._iter_draws(n_samples, random_state, temperature)
        return (in_user_values(self.schema_, chunk) for chunk in draws)

    def iter_tables(
        self, n_samples: int, random_state: Any = None, temperature: float | None = None
    ) -> Iterator[Table]:
        """The rows of `sample_table` in chunks."""
        return map(self.schema_.table, self._iter_draws(n_samples, random_state, temperature))

    def condition(self, given: Mapping[str, Any], num_particles: int = 2048, random_state: Any = 0) -> TableConditional:
        """The distribution of the other columns given what is known of some, by this one model of all columns.

        Args:
            given: By name: a value, `{"age": 50, "sex": "F"}`; a pair of limits, None where there is none,
                `{"income": (40_000, None)}`; or a list of categories. Columns of arrays are called `x0, x1, ...`.
            num_particles: Draws that are kept and moved, where nothing is exact.
            random_state: A seed, a `numpy.random.RandomState`, or None for NumPy's global one.

        Raises:
            DataError: If what is given has probability zero, contradicts itself or leaves no column free, or if what
                was found is not to be trusted: it says how far out it lies.

        Example:
            >>> X = pf.data.moons(500)
            >>> density = pf.FlowDensity("affine", max_epochs=3, random_state=0).fit(X)
            >>> given = density.condition({"x0": 0.5})
            >>> given.sample(5, random_state=1).shape
            (5, 2)
        """
        found = condition_table(self._fitted, given, num_particles, key_from(random_state))
        if found.far:
            warnings.warn(found.far, stacklevel=2)
        return found

    def marginal(self, columns: str | Sequence[str]) -> TableMarginal:
        """The distribution of some columns alone, or of one, with draws and log-densities that have errors.

        Raises:
            DataError: If a column is not there, or none is named.
        """
        return TableMarginal(self._fitted, columns)

    def impute(self, X: Any, draws: int = 1, random_state: Any = 0) -> np.ndarray:
        """Rows whose missing cells (NaN, None) are filled by draws given the cells that are there.

        Args:
            X: `(rows, columns)`, frames and tables matched by name.
            draws: How often; the mean over draws is the best single guess of a number.
            random_state: A seed, a `numpy.random.RandomState`, or None for NumPy's global one.

        Returns:
            `(draws, rows, columns)`, in the precision of `X` if it is an array of floats; objects where there are
            categories or dates.

        Raises:
            DataError: If there is a value that the model cannot produce.
        """
        num_draws(draws, None)
        schema = self.schema_
        table = table_with_holes(X, schema.names, list(schema.text_columns), list(schema.moments))
        filled = impute_rows(
            TableJoint.of(self._fitted, "impute"), encode_with_holes(table, schema), draws, key_from(random_state)
        )
        if filled.doubts:
            warnings.warn(doubts_sentence(filled), stacklevel=2)
        found = np.stack([in_user_values(schema, rows) for rows in filled.draws])
        is_float = isinstance(X, np.ndarray) and np.issubdtype(X.dtype, np.floating) and found.dtype != object
        return found.astype(X.dtype) if is_float else found

    def score_incomplete(self, X: Any, num_particles: int = 512, random_state: Any = 0) -> Estimate:
        """Log-density of what is there of each row in nats, `(rows,)`, and its standard error.

        Args:
            X: `(rows, columns)` with NaN or None where a cell is missing.
            num_particles: For each row, where it is not exact.
            random_state: A seed, a `numpy.random.RandomState`, or None for NumPy's global one.
        """
        schema = self.schema_
        table = table_with_holes(X, schema.names, list(schema.text_columns), list(schema.moments))
        joint = TableJoint.of(self._fitted, "score_incomplete")
        return score_holes(joint, encode_with_holes(table, schema), num_particles, key_from(random_state))

    def _iter_draws(self, n_samples: int, random_state: Any, temperature: float | None) -> Iterator[np.ndarray]:
        return iter_draws(self._table_flow, num_draws(n_samples, temperature), key_from(random_state), temperature)

    def _case(self, data: Any, train: Any, *, level: float, seed: int) -> Case:
        """The rows and what the model says of them, for `diagnostics.check`."""
        found = [
            None if rows is None else inside(name, rows_to_score(self, rows), self.schema_)
            for name, rows in (("data", data), ("train", train))
        ]
        assert found[0] is not None  # the data are given
        return case_of(self._fitted, found[0], found[1], level=level, seed=seed)
