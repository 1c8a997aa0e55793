"""Classes by their densities."""

import dataclasses
from typing import Any, Self, no_type_check

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted, column_or_1d

from pushforward._errors import DataError, FileError
from pushforward.data import Table
from pushforward.distributions import AbstractDistribution, Transformed
from pushforward.estimators._class_labels import check_all_known, check_way, labels_in
from pushforward.estimators._class_start import begun, seeing_classes
from pushforward.estimators._inputs import rows_to_fit, rows_to_score
from pushforward.estimators._tables import TableEstimator
from pushforward.flows import RECIPES
from pushforward.modalities import modality_named
from pushforward.modalities._classes import ClassReport, judged, log_prior_of, posterior, stored_classes
from pushforward.modalities._draws import num_draws
from pushforward.modalities._learn import Prepared, key_from, plain, prepared, trained
from pushforward.modalities._model import Model, recipe_name
from pushforward.modalities.table._chunks import iter_draws
from pushforward.modalities.table._flow import check_flow
from pushforward.modalities.table._mixed import in_user_values
from pushforward.modalities.table._settings import TableSettings
from pushforward.modalities.table.prediction._classify import log_given
from pushforward.objectives import ByClass

LABEL = "class"
"""The name of the condition."""


@no_type_check
@dataclasses.dataclass(repr=False, eq=False)
class ClassifierSettings(TableSettings):
    """The settings of all fits to tables, and how classes are told apart."""

    classes: str = "latent"
    generative_weight: float = 1.0
    class_prior: Any = None


class FlowClassifier(ClassifierMixin, ClassifierSettings, TableEstimator):
    r"""A density for each class, and by Bayes' rule the probability of each: $p(c \mid x) \propto \pi_c\, p(x \mid c)$.

    Beside a probability it has a density: `score_samples` tells a row that is like none of the classes. Rows without a
    label, `y = -1`, are learned from as well.

    The settings are those of `FlowDensity`, and three more.

    Args:
        classes: What depends on the class. `"latent"`: one flow for all, whose noise is a Gaussian for each class
            (FlowGMM): quick, and good with few labels. `"conditional"`: the whole flow sees the class.
        generative_weight: $w > 0$ in the loss $-w \log p(x) - \log p(y \mid x)$. 1 is the likelihood of row and label;
            smaller values make a better classifier and a worse density, as does 1 divided by the number of columns.
        class_prior: Probabilities of the classes, in the order of `classes_`; `"uniform"`; or None for their shares
            among the rows with a label.

    Attributes:
        classes_: The classes, `(classes,)`, in order.
        class_log_prior_: Log-probabilities of the classes, `(classes,)`.

    Example:
        >>> X = np.concatenate([np.random.default_rng(0).normal(c, 0.5, (100, 2)) for c in (-1, 1)])
        >>> y = np.repeat(["low", "high"], 100)
        >>> model = pf.FlowClassifier("affine", max_epochs=5, random_state=0).fit(X, y)
        >>> bool(model.score(X, y) > 0.95), model.predict_proba(X).shape, model.score_samples(X).shape
        (True, (200, 2), (200,))

    Reference:
        Izmailov, Kirichenko, Finzi & Wilson (2020), Semi-supervised learning with normalizing flows. Nalisnick et al.
        (2019), Hybrid models with deep and invertible features.
    """

    classes_: np.ndarray
    class_log_prior_: np.ndarray

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn a density for each class.

        Args:
            X: `(rows, features)`, as of `FlowDensity`.
            y: `(rows,)`: whole numbers or text; -1, in text too, for a row without a label.
            sample_weight: `(rows,)`, not negative.

        Raises:
            ValueError: If the data, the flow or a setting cannot be used; if no row has a label, or all have the same.
        """
        self._check_settings()
        found = labels_in(_given(y), "FlowClassifier", "row")
        self.classes_, labels, known = found.classes, found.codes, found.known
        rows = rows_to_fit(self, X, None, sample_weight, conditional=False)
        if len(labels) != rows.x.num_rows:
            raise DataError(f"y has {len(labels)} rows, but X has {rows.x.num_rows}.", "give one label for each row")
        weights = np.ones(len(labels)) if rows.weights is None else rows.weights
        counts = np.bincount(labels[known], weights[known], len(self.classes_))
        self.class_log_prior_ = log_prior_of(self.class_prior, counts)
        names = tuple(range(len(self.classes_) + (not known.all())))
        codes = np.where(known, labels, len(self.classes_)).astype(np.float64)
        condition = Table((LABEL,), codes[:, None], categories={LABEL: names})
        settings = TableSettings(**_common(self, _by_class(self)))
        table = modality_named(self._modality)
        ready, key = prepared(table, rows._replace(condition=condition), settings)
        ready = begun(ready, self.class_log_prior_) if self.classes == "latent" else ready
        # What a fit of a density looks at afterwards knows nothing of rows without a label.
        ready = ready._replace(objective=self._objective(ready, everywhere=bool(known.all())), judge=None)
        model = trained(table, ready, settings, key)
        self._set_fitted(dataclasses.replace(model, settings=plain(self) | {"fitted": self._to_plain()}))
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The likeliest class of each row, `(rows,)`."""
        joint = self._joint(X)
        return self.classes_[np.argmax(joint, axis=1)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class, `(rows, classes)`, in the order of `classes_`."""
        return np.exp(self.predict_log_proba(X))

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """The logarithm of `predict_proba`; that of the prior where no class can have a row."""
        return posterior(self._given(rows_to_score(self, X)), self.class_log_prior_).log_proba

    def score_samples(self, X: Any) -> np.ndarray:
        r"""Log-density of every row in nats, $\log \sum_c \pi_c\, p(x \mid c)$, `(rows,)`."""
        return np.logaddexp.reduce(self._joint(X), axis=1)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Share of the rows whose likeliest class is the right one.

        Raises:
            ValueError: If a row has no label.
        """
        return super().score(X, self._known(y), sample_weight)

    def report(self, X: Any, y: Any) -> ClassReport:
        """Accuracy, log loss and calibration error of the probabilities, on rows with labels.

        Raises:
            ValueError: If a row has no label, or one that is not a class.
        """
        log_proba, y = self.predict_log_proba(X), self._known(y)
        if len(y) != len(log_proba):
            raise DataError(f"y has {len(y)} rows, but X has {len(log_proba)}.", "give one label for each row")
        return judged(log_proba, np.array([self._code(one) for one in y]))

    def sample(self, n_samples: int = 1, y: Any = None, random_state: Any = None) -> np.ndarray:
        """Draw rows, `(n_samples, features)`.

        Args:
            n_samples: How many.
            y: The class of all of them; None for classes drawn by their probabilities.
            random_state: A seed, a `numpy.random.RandomState`, or None for NumPy's global one.
        """
        count, key = num_draws(n_samples, None), key_from(random_state)
        if y is None:
            class_key, key = jax.random.split(key)
            codes = jax.random.categorical(class_key, jnp.asarray(self.class_log_prior_), shape=(count,))
        else:
            codes = np.full(count, self._code(y))
        draws = iter_draws(self._table_flow, 1, key, None, np.asarray(codes, np.float64)[:, None])
        return in_user_values(self.schema_, np.concatenate(list(draws)))

    @classmethod
    def from_model(cls, model: Model) -> Self:
        """The classifier that has fitted a model."""
        settings = {name: value for name, value in model.settings.items() if name != "fitted"}
        estimator = cls(**settings)
        found = model.settings["fitted"]
        values, estimator.class_log_prior_ = stored_classes(found)
        estimator.classes_ = np.array(values, dtype=found["dtype"])
        estimator._set_fitted(model)
        return estimator

    @classmethod
    def _require(cls, model: Model, source: str) -> None:
        if "fitted" not in model.settings or model.modality != cls._modality:
            raise FileError(f"{source}: this model is no classifier of rows", "`load_estimator` loads any model")

    def _joint(self, X: Any) -> np.ndarray:
        """Log-density of row and class, `(rows, classes)`."""
        return self._joint_of(rows_to_score(self, X))

    def _row_scores(self, x: np.ndarray, condition: np.ndarray | None) -> np.ndarray:
        return np.logaddexp.reduce(self._joint_of(x), axis=1)

    def _joint_of(self, x: np.ndarray) -> np.ndarray:
        return self._given(x) + self.class_log_prior_

    def _given(self, x: np.ndarray) -> np.ndarray:
        """Log-density of each row given each class, `(rows, classes)`."""
        return log_given(self._table_flow, x, len(self.classes_))

    def _check_settings(self) -> None:
        check_way(self.classes)
        if self.ensemble != 1:
            raise DataError(
                f"a classifier is of one flow, got ensemble={self.ensemble!r}.",
                "leave `ensemble` out, and take the mean of several with scikit-learn's `VotingClassifier`",
            )
        if not isinstance(self.generative_weight, int | float) or not 0 < self.generative_weight < np.inf:
            raise DataError(
                f"generative_weight must be a positive number, got {self.generative_weight!r}.",
                "1 is the likelihood; 1 divided by the number of columns tells classes apart better",
            )

    def _known(self, y: Any) -> np.ndarray:
        """Labels to compare with, `(rows,)`, each of which is one."""
        check_is_fitted(self, "model_")
        labels = column_or_1d(y, warn=True)
        check_all_known(labels, self.classes_, "row")
        return labels

    def _objective(self, ready: Prepared, *, everywhere: bool) -> ByClass:
        names = ready.facts.condition_schema.columns[0].categories
        assert list(names) == list(range(len(names)))  # codes are those of `classes_`
        prior = tuple(float(value) for value in self.class_log_prior_)
        return ByClass(prior, float(self.generative_weight), None if everywhere else len(prior))

    def _code(self, y: Any) -> int:
        found = np.flatnonzero(self.classes_ == y) if np.ndim(y) == 0 else ()
        if len(found) != 1:
            y = y.item() if isinstance(y, np.generic) else y
            raise DataError(f"{y!r} is not a class.", f"one of {', '.join(map(str, self.classes_[:20]))}")
        return int(found[0])

    def _to_plain(self) -> dict[str, Any]:
        """What a file must hold beside the model."""
        return {
            "dtype": self.classes_.dtype.str if self.classes_.dtype != object else "object",
            "classes": {str(place): value for place, value in enumerate(self.classes_.tolist())},
            "log_prior": {str(place): value for place, value in enumerate(self.class_log_prior_.tolist())},
        }


def _given(y: Any) -> np.ndarray:
    """The labels, `(rows,)`."""
    if y is None:
        raise DataError(
            "FlowClassifier requires y to be passed, but the target y is None.",
            "give a label for each row, -1 for none; `FlowDensity` is for rows without labels",
        )
    return column_or_1d(y, warn=True)


def _by_class(settings: ClassifierSettings) -> Any:
    """The flow of the settings, or one whose base alone sees the class."""
    check_flow(settings.flow)
    if settings.classes == "conditional":
        return settings.flow
    inner: Any = settings.flow
    if isinstance(inner, str):
        if RECIPES[inner].events != "line":
            raise _without_noise(settings)
        inner = RECIPES[inner].build

    def with_classes(dim: int, *, cond_dim: int, key: jax.Array, **options: Any) -> AbstractDistribution:
        flow_key, net_key = jax.random.split(key)
        flow = inner(dim, key=flow_key, **options)
        if not isinstance(flow, Transformed) or flow.base.event_shape != (dim,):
            raise _without_noise(settings)
        return seeing_classes(flow, cond_dim, net_key)

    with_classes.__name__ = recipe_name(settings.flow)
    return with_classes


def _without_noise(settings: ClassifierSettings) -> DataError:
    return DataError(
        f"flow={settings.flow!r} has no Gaussian noise that could depend on the class.", "use classes='conditional'"
    )


def _common(settings: ClassifierSettings, flow: Any) -> dict[str, Any]:
    """The settings of a fit to a table, with another flow."""
    names = [field.name for field in dataclasses.fields(TableSettings)]
    return {name: getattr(settings, name) for name in names} | {"flow": flow}
