"""A background of Gaussians behind a flow of few rows: what it says of rows unlike all that it has seen."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np

from pushforward._errors import DataError
from pushforward.bijections import TriangularAffine
from pushforward.distributions import AbstractDistribution, Mixture, Normal, Transformed
from pushforward.modalities._learn import Prepared
from pushforward.modalities._model import Model
from pushforward.modalities.table._facts import TableFacts
from pushforward.modalities.table._flow import with_ends, without_ends
from pushforward.modalities.table._rows import Rows, taken
from pushforward.modalities.table._settings import TableSettings
from pushforward.modalities.table.choice._clusters import Clusters, chosen, fitted
from pushforward.modalities.table.choice._folds import scores_of
from pushforward.modalities.table.choice._gaussian import one_gaussian
from pushforward.modalities.table.choice._spread import MOST_HELD_OUT, row_counts, widened
from pushforward.objectives import nll

MOST_ROWS = 5_000
"""A table of more has no background unless it is asked for: a flow knows it well."""
MOST_ROWS_OF_CLUSTERS = 500
"""A table of more has no mixture of Gaussians in its background: a flow finds groups itself, and folds cost seconds."""
LEAST_HELD_OUT = 8
"""Rows that are held out, below which the weights would be guesses."""
WIDTHS = (1.0, 2.0)
"""Of the Gaussians, in those of one Gaussian."""
ROUNDS, TOLERANCE = 1000, 1e-9


def wants_background(rows: Rows, facts: TableFacts, settings: TableSettings, objective: object) -> bool:
    """Whether a fit ends with a background.

    Raises:
        DataError: If it is asked for where there can be none, or is no truth value.
    """
    if settings.background not in (None, True, False):
        raise DataError(
            f"background must be True, False or None, got {settings.background!r}.", "None: where rows are few"
        )
    able = rows.condition is None and facts.units is not None and objective is nll and facts.schema.has_densities_alone
    if settings.background and not able:
        raise DataError(
            "a background is for numbers alone, without conditions or atoms, and a flow that is trained by likelihood.",
            "leave `background` (`--background`) out",
        )
    return able and (rows.total <= MOST_ROWS if settings.background is None else settings.background)


def with_background(model: Model, ready: Prepared) -> Model:
    r"""The model of $p = w_0 f + w_1 g_1 + w_2 g_2 + w_3 m$: the flow, one Gaussian, one twice as wide, and a mixture.

    The mixture of Gaussians is there where a table is small, and more than one is better in folds of what was learned.

    The weights are the likeliest for the rows that were held out, when each part has one row more that is its own. So
    none falls below 1 in so many rows, and a row costs at most the logarithm of that more than by the wide Gaussian.
    """
    rows: Rows = ready.data
    held_out = None if ready.held_out is None else ready.held_out(ready)
    if held_out is None or len(held_out.rows) < LEAST_HELD_OUT:
        return model
    learned, apart = taken(rows, np.sort(held_out.train)), taken(rows, held_out.rows[:MOST_HELD_OUT])
    counts = row_counts(len(apart.x.values), held_out.weights)
    clusters = _choice(learned, model.facts) if rows.x.num_rows <= MOST_ROWS_OF_CLUSTERS else None
    parts = _parts(learned, model.facts, clusters)
    others = np.stack([scores_of(replace(model, flow=_in_units(law, model.facts)), apart) for law in parts], axis=1)
    # As wide as the whole is likeliest with: a far row that the others reach is theirs.
    model = widened(model, apart, lambda own: _value(np.column_stack([own, others]), counts))
    weights = likeliest_weights(np.column_stack([scores_of(model, apart), others]), counts)
    flow, _, _ = without_ends(model.flow, columns=True, conditions=False)
    whole = _in_units(Mixture([flow, *_parts(rows, model.facts, clusters)], weights), model.facts)
    return replace(model, flow=whole, result=replace(model.result, flow=whole))


def likeliest_weights(scores: np.ndarray, counts: np.ndarray | None = None) -> np.ndarray:
    r"""Weights of the parts of a mixture that are the likeliest, one row more counted for each part.

    They maximise $\sum_n c_n \log \sum_k w_k e^{s_{nk}} + \sum_k \log w_k$, by expectation and maximisation.

    Args:
        scores: Log-densities, `(rows, parts)`; -inf is allowed.
        counts: $c$, how many rows each row stands for, or None.

    Returns:
        `(parts,)`, none below 1 / (rows + parts).
    """
    each = row_counts(len(scores), counts)
    known = np.isfinite(scores).any(axis=1)
    scores, each = scores[known], each[known]
    parts = scores.shape[1]
    weights = np.full(parts, 1.0 / parts)
    for _ in range(ROUNDS):
        joint = scores + np.log(weights)
        shares = np.exp(joint - np.logaddexp.reduce(joint, axis=1, keepdims=True))
        before, weights = weights, (each @ shares + 1.0) / (each.sum() + parts)
        if np.abs(weights - before).max() < TOLERANCE:
            break
    return weights


def _value(scores: np.ndarray, counts: np.ndarray) -> float:
    """The log-likelihood of the rows with the likeliest weights, and with the row more of each part."""
    weights = likeliest_weights(scores, counts)
    known = np.isfinite(scores).any(axis=1)
    of_rows = np.logaddexp.reduce(scores[known] + np.log(weights), axis=1)
    return float(counts[known] @ of_rows + np.log(weights).sum())


def _parts(rows: Rows, facts: TableFacts, clusters: tuple[int, float] | None) -> list[AbstractDistribution]:
    """The Gaussians and, where it was chosen, the mixture of some, in standard units."""
    laws = [one_gaussian(rows, facts, width=width) for width in WIDTHS]
    parts = [without_ends(law, columns=True, conditions=False)[0] for law in laws]
    return parts if clusters is None else [*parts, _law(fitted(*_standard(rows, facts), *clusters))]


def _choice(rows: Rows, facts: TableFacts) -> tuple[int, float] | None:
    """How many Gaussians the mixture has, and their prior; None where one is as good."""
    found = chosen(*_standard(rows, facts))
    return None if found[0] == 1 else found


def _standard(rows: Rows, facts: TableFacts) -> tuple[np.ndarray, np.ndarray]:
    """The rows in standard units, `(rows, columns)`, and how many each stands for."""
    assert facts.units is not None  # `wants_background` has asked
    num = rows.x.num_rows
    noise = np.random.default_rng(0).random((num, len(facts.units.integers)))
    values, _ = facts.units.standard(rows.x.values, noise)
    return np.asarray(values, np.float64), row_counts(num, rows.weights)


def _law(clusters: Clusters) -> AbstractDistribution:
    _, means, factors = clusters
    noise = Normal.standard(means.shape[1:])
    laws = [Transformed(noise, TriangularAffine(*each)) for each in zip(means, factors, strict=True)]
    return Mixture(laws, jnp.asarray(clusters.shares))


def _in_units(law: AbstractDistribution, facts: TableFacts) -> AbstractDistribution:
    assert facts.units is not None  # `wants_background` has asked
    return with_ends(law, facts.units.bijection(), None)
