"""The distribution of the columns of a table given some of them, and of some alone."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from pushforward._errors import DataError
from pushforward.conditionals._condition import Conditional, answer
from pushforward.conditionals._exact import exact_of
from pushforward.conditionals._joint import Joint
from pushforward.conditionals._marginal import log_evidence
from pushforward.conditionals._query import Estimate, Query, quantiles_of
from pushforward.data import Schema, Table
from pushforward.data._categories import in_numbers
from pushforward.modalities._learn import key_from
from pushforward.modalities._model import Model
from pushforward.modalities.table._chunks import TableFlow, log_prob
from pushforward.modalities.table._mixed import in_user_values
from pushforward.modalities.table.conditionals._holes import encode_with_holes, table_with_holes
from pushforward.modalities.table.conditionals._rows import TableJoint
from pushforward.modalities.table.conditionals._where import Given, given_of, place_of

FAR = 5.0
"""Standard deviations of the model's draws from which on what is given is said to be far."""


class TableConditional:
    """The distribution of the columns of a table given what is known of some; made by `FlowDensity.condition`.

    Attributes:
        schema: All columns.
        given: By name, what is known: a value, or in words limits and categories.
        log_evidence: How likely what is known is, in nats: the logarithm of the density of the values, in their own
            units, times the probability of limits, categories and whole numbers.
        log_evidence_error: Its standard error in nats, 0 where it is exact.
        exact: Whether draws and densities are exact.
        far: How far out what is given lies, where it is far; else empty.
    """

    def __init__(self, table: TableJoint, given: Given, conditional: Conditional, gain: float, far: str):
        self._table, self._given, self._conditional = table, given, conditional
        self.far = far
        self.schema = table.schema
        self.given = _in_words(given)
        self.log_evidence = conditional.log_evidence + gain
        self.log_evidence_error, self.exact = conditional.log_evidence_error, conditional.exact

    @property
    def doubt(self) -> str | None:
        """Why it is not to be trusted, or None."""
        return self._conditional.doubt

    def sample(self, n_samples: int = 1, random_state: Any = None) -> np.ndarray:
        """Rows of all columns, `(n_samples, columns)`, with those that are given at their values.

        Objects where there are categories or dates, as `FlowDensity.sample` has them.
        """
        return in_user_values(self.schema, self._values(n_samples, random_state))

    def sample_table(self, n_samples: int = 1, random_state: Any = None) -> Table:
        """The same as a table with names and types."""
        return self.schema.table(self._values(n_samples, random_state))

    def log_prob(self, X: Any) -> Estimate:
        """Log-density of the free columns of whole rows given the rest, in nats, `(rows,)`, and its standard error.

        A row that is not as what is given has -inf. The error is that of `log_evidence`; with free columns of whole
        numbers `FlowDensity.score_samples` tells how they are scored.

        Args:
            X: Rows of all columns, as `score_samples` takes them.
        """
        values = rows_of(self.schema, X)
        fits = np.ones(len(values), bool)
        for place, value in self._given.values.items():
            fits &= values[:, place] == value
        for place, ends in self._given.ends.items():
            fits &= ends.holds(values[:, place])
        for place, codes in self._given.codes.items():
            fits &= codes[values[:, place].astype(int)]
        value = np.where(fits, log_prob(self._table.flow, values) - self.log_evidence, -np.inf)
        return Estimate(value, np.full(len(values), self.log_evidence_error))

    def quantiles(self, levels: Sequence[float], n_samples: int = 4000, random_state: Any = 0) -> dict[str, Estimate]:
        """By name, the values below which a share of each free column lies, `(levels,)`, with their standard errors.

        Angles and categories have none.

        Args:
            levels: Shares between 0 and 1; 0.5 is the median.
            n_samples: Draws that they are found from.
            random_state: A seed, a `numpy.random.RandomState`, or None for NumPy's global one.
        """
        drawn = in_numbers(self._values(n_samples, random_state), self.schema.labels)
        found = quantiles_of(drawn, np.atleast_1d(np.asarray(levels, np.float64)))
        free = [
            place
            for place, column in enumerate(self.schema.columns)
            if place not in self._given.values
            and (column.labels is not None or column.kind not in ("categorical", "circular"))
        ]
        return {self.schema.names[i]: Estimate(found.value[:, i], found.error[:, i]) for i in free}

    def sentences(self) -> list[str]:
        """What is to be known of it."""
        error = "exact" if self.exact else f"± {self.log_evidence_error:.4f}"
        how = str(self._conditional).splitlines()[1:]
        known = f"how likely what is given is: {self.log_evidence:.4f} nats, {error}"
        return [known, *how, *([f"{self.far}: what is drawn there is a guess"] if self.far else [])]

    def _values(self, n: int, random_state: Any) -> np.ndarray:
        events = self._conditional.sample_events(key_from(random_state), n)
        values = self._table.values_of(events)
        for place, value in self._given.values.items():
            values[:, place] = value
        return values

    def __repr__(self) -> str:
        known = ", ".join(f"{name}{what}" for name, what in self.given.items())
        error = "exact" if self.exact else f"± {self.log_evidence_error:.3f}"
        return f"<the table given {known}; log_evidence {self.log_evidence:.3f} nats, {error}>"


class TableMarginal:
    """The distribution of some columns of a table, whatever the others are; made by `FlowDensity.marginal`.

    Attributes:
        schema: Of these columns.
        exact: Whether log-densities are exact; draws always are.
    """

    def __init__(self, model: Model, names: str | Sequence[str]):
        names = [names] if isinstance(names, str) else names
        self._table = TableJoint.of(model, "marginal")
        self._places = [place_of(self._table.schema, name) for name in names]
        if not self._places or len(set(self._places)) < len(self._places):
            raise DataError("marginal: columns must be named once each, at least one.", "such as `['age', 'income']`")
        self.schema = self._table.schema.select(self._places)
        cut = any(self._table._is_cut(place) for place in self._places)
        fixed = tuple(sorted(self._places))
        self.exact = not cut and not self._table.joint.atoms and exact_of(self._table.joint.flow, fixed) is not None

    def sample(self, n_samples: int = 1, random_state: Any = None) -> np.ndarray:
        """Independent draws, `(n_samples, columns)`."""
        key = key_from(random_state)
        random = np.random.default_rng(np.asarray(jax.random.key_data(key)))
        values = self._table.values_of(self._table.joint.sample(key, n_samples, random))
        return in_user_values(self.schema, values[:, self._places])

    def log_prob(self, X: Any, num_particles: int = 512, random_state: Any = 0) -> Estimate:
        """Log-density of rows of these columns in nats and in their units, `(rows,)`, and its standard error.

        Args:
            X: Rows of these columns, matched by name where a frame or a `Table` has names.
            num_particles: For each row, where it is not exact.
            random_state: A seed, a `numpy.random.RandomState`, or None for NumPy's global one.
        """
        table = table_with_holes(X, self.schema.names, list(self.schema.text_columns), list(self.schema.moments))
        values = encode_with_holes(table, self.schema)
        whole = np.full((len(values), len(self._table.schema.columns)), np.nan)
        whole[:, self._places] = values
        return score_holes(self._table, whole, num_particles, key_from(random_state))


def condition_table(
    model: Model,
    conditions: Mapping[str, Any] | Given,
    num_particles: int,
    key: PRNGKeyArray,
    *,
    doubtful: bool = False,
) -> TableConditional:
    """The distribution of the other columns.

    Raises:
        DataError: If what is given has probability zero, contradicts itself, leaves nothing free, or lies so far out
            that what was found is not to be trusted.
    """
    table = TableJoint.of(model, "condition")
    given = conditions if isinstance(conditions, Given) else given_of(table.schema, conditions)
    values = np.array([list(given.values.values())], np.float64).reshape(1, -1)
    query, gain = table.query(tuple(given.values), values, given.ends, given.codes)
    closed = closed_form(table.joint, query)
    try:
        found = answer(table.joint, query, closed, num_particles, key, doubtful=doubtful)
    except DataError as error:
        raise DataError(_how_far(table, given, error.message), error.hint) from None
    return TableConditional(table, given, found, float(gain[0]), _far(table, given))


def closed_form(joint: Joint, query: Query) -> Any:
    """The exact conditional of a query, or None."""
    return exact_of(joint.flow, query.fixed) if query.is_plain and query.fixed and not joint.atoms else None


def score_holes(table: TableJoint, values: np.ndarray, particles: int, key: PRNGKeyArray) -> Estimate:
    """Log-densities of what is there of each row, in the columns' units, `(rows, columns)` with NaN for holes.

    A row without holes is scored as `score_samples` does, one of holes alone has 0.
    """
    value, error = np.zeros(len(values)), np.zeros(len(values))
    for number, (places, rows) in enumerate(patterns(values)):
        if len(places) == values.shape[1]:
            value[rows] = log_prob(table.flow, values[rows])
        elif places:
            query, gain = table.query(places, values[rows][:, list(places)], {}, {})
            closed = closed_form(table.joint, query)
            if closed is not None:
                value[rows] = closed.log_prob(query.values) + gain
            else:
                found = log_evidence(table.joint, query, particles, jax.random.fold_in(key, number))
                value[rows], error[rows] = found.value + gain, found.error
    return Estimate(value, error)


def patterns(values: np.ndarray) -> list[tuple[tuple[int, ...], np.ndarray]]:
    """The columns that are there, and the rows in which it is these."""
    present = np.isfinite(values)
    kinds, which = np.unique(present, axis=0, return_inverse=True)
    which = which.reshape(-1)
    return [(tuple(np.flatnonzero(kind).tolist()), np.flatnonzero(which == i)) for i, kind in enumerate(kinds)]


def rows_of(schema: Schema, X: Any) -> np.ndarray:
    """Whole rows in the schema's codes.

    Raises:
        DataError: If a cell is missing.
    """
    table = table_with_holes(X, schema.names, list(schema.text_columns), list(schema.moments))
    values = encode_with_holes(table, schema)
    if not np.isfinite(values).all():
        raise DataError("a cell is missing.", "give whole rows; `score_incomplete` scores what is there of a row")
    return values


def far_sentence(flow: TableFlow, given: Given, draws: np.ndarray) -> str:
    """How far the farthest number that is given lies from the model's draws, or nothing."""
    worst, told = 0.0, ""
    for place, value in [*given.values.items(), *((p, _nearest(e, draws[:, p])) for p, e in given.ends.items())]:
        column, cells = flow.schema.columns[place], draws[:, place]
        if column.kind in ("categorical", "circular"):
            continue
        gap = abs(value - cells.mean()) / (cells.std() + 1e-300)
        if gap > worst:
            worst = gap
            told = (
                f"{column.name}={column.text(value)} lies {gap:.1f} standard deviations from the mean "
                f"{column.text(cells.mean(), 4)} of the model's rows, {len(cells):,} of which lie between "
                f"{column.text(cells.min(), 4)} and {column.text(cells.max(), 4)}"
            )
    return told if worst > FAR else ""


def _nearest(ends: Any, cells: np.ndarray) -> float:
    """The value within the ends that is nearest to the mean."""
    return float(np.clip(cells.mean(), ends.low, ends.high))


def _far(table: TableJoint, given: Given) -> str:
    draws = table.values_of(table.joint.sample(jax.random.key(0), 2000, np.random.default_rng(0)))
    return far_sentence(table.flow, given, draws)


def _how_far(table: TableJoint, given: Given, message: str) -> str:
    told = _far(table, given)
    core = message.split(". ")[0].removeprefix("condition: ")
    return f"condition: {core}. {told}." if told else f"condition: {core}; it is the combination that is rare."


def _in_words(given: Given) -> dict[str, str]:
    """By name, what is known of a column."""
    found: dict[str, str] = {}
    for place, value in given.values.items():
        column = given.schema.columns[place]
        found[column.name] = f"={column.text(value)}"
    for place, ends in given.ends.items():
        column = given.schema.columns[place]
        found[column.name] = f" in {column.text(ends.low)} .. {column.text(ends.high)}"
    for place, codes in given.codes.items():
        column = given.schema.columns[place]
        found[column.name] = f" in {', '.join(str(column.categories[i]) for i in np.flatnonzero(codes))}"
    return found
