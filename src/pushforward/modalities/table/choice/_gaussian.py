"""One Gaussian, in closed form: what every flow of a table should beat."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from pushforward.bijections import Conditioned, CosineSine, Permute, TriangularAffine, count_raw
from pushforward.bijections.discrete._one_hot import OneHot
from pushforward.data import Schema
from pushforward.distributions import (
    AbstractDistribution,
    AwayFromAtoms,
    CategoricalMADE,
    ConditionalBase,
    GivenAngles,
    GivenCategories,
    Normal,
    Transformed,
    VonMises,
)
from pushforward.modalities.table._columns import embedding_of
from pushforward.modalities.table._facts import TableFacts
from pushforward.modalities.table._flow import with_ends
from pushforward.modalities.table._rows import Rows
from pushforward.nets import MLP

LEAST_VARIANCE = 1e-6
"""Of a column given the others, in its own variance, so that a column that equals another leaves a Gaussian."""
MOST_CONCENTRATION = 1e6
MADE_WIDTH = 8
"""Units of a network that is not used: the categories' shares stand in its last biases."""


def one_gaussian(
    rows: Rows, facts: TableFacts, *, independent: bool = False, width: float = 1.0
) -> AbstractDistribution:
    """The Gaussian of the columns, in the user's units, behind the same supports as a flow.

    Numbers have one covariance, shrunk as Ledoit and Wolf do, and a mean that is linear in the conditions, in cosine
    and sine of circular columns and in the categories. Angles are von Mises each, categories have their shares.

    Args:
        rows: In the codes of the schemas.
        facts: Their schemas and units.
        independent: Whether numbers are independent of each other and of all else.
        width: By which the deviations of the numbers are multiplied.

    Reference:
        Ledoit & Wolf (2004), A well-conditioned estimator for large-dimensional covariance matrices, eq. 14.
    """
    values, conditions = rows.x.values, facts.condition_schema
    if facts.units is not None:
        whole = len(facts.units.integers)
        values, _ = facts.units.standard(values, np.random.default_rng(0).random((len(values), whole)))
    seen = None
    if rows.condition is not None and conditions is not None and facts.condition_units is not None:
        seen, _ = facts.condition_units.standard(rows.condition.values)
        if (embedding := embedding_of(conditions, None)) is not None:
            seen = np.asarray(embedding._inverse_many(jnp.asarray(seen.T), None, None)[0]).T
    law = _law(facts.schema, values, seen, rows.weights, independent, width)
    columns = None if facts.units is None else facts.units.bijection()
    embedding = None
    if conditions is not None and facts.condition_units is not None:
        embedding = embedding_of(conditions, facts.condition_units.standardize())
    return with_ends(law, columns, embedding)


def shrunk(x: np.ndarray, weights: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of rows, the covariance moved towards a multiple of the identity.

    Args:
        x: `(rows, columns)`.
        weights: `(rows,)`, or None.

    Returns:
        `(columns,)` and `(columns, columns)`.
    """
    shares = np.full(len(x), 1.0 / len(x)) if weights is None else weights / weights.sum()
    mean = shares @ x
    centred = x - mean
    covariance = (centred * shares[:, None]).T @ centred
    target = np.trace(covariance) / x.shape[1] * np.eye(x.shape[1])
    apart = np.sum((covariance - target) ** 2)
    noise = np.sum((shares * np.sum(centred**2, axis=1)) ** 2) - np.sum(shares**2) * np.sum(covariance**2)
    amount = min(noise, apart) / apart if apart > 0 else 0.0
    return mean, (1.0 - amount) * covariance + amount * target


def _law(
    schema: Schema,
    values: np.ndarray,
    seen: np.ndarray | None,
    weights: np.ndarray | None,
    independent: bool,
    width: float,
) -> AbstractDistribution:
    """In standard units: categories and which atoms, then the others given them; a part may be missing."""
    categories, atomic = list(schema.categorical), list(schema.atomic)
    plain = [place for place in range(len(schema.columns)) if place not in {*categories, *atomic}]
    atoms = list(range(len(schema.columns), values.shape[1]))
    codes, given = [*categories, *atoms], seen
    if codes:
        sizes = tuple(schema.sizes[place] for place in categories)
        sizes += tuple(len(schema.columns[place].atoms) + 1 for place in atomic)
        size = None if seen is None else seen.shape[1]
        law = CategoricalMADE(sizes, width=max(MADE_WIDTH, len(codes)), depth=1, cond_dim=size, key=jax.random.key(0))
        law = _with_shares(law, values[:, codes], weights)
        features = _inverse(OneHot(sizes), values[:, codes])
        given = features if seen is None else np.hstack([features, seen])
        if not plain and not atomic:
            return law
        then = _plain(schema.select(plain), values[:, plain], given, weights, independent, width) if plain else None
        if atomic:
            flags = np.cumsum([0, *sizes])[len(categories) : -1].tolist()
            angles = tuple(schema.columns[place].kind == "circular" for place in plain)
            sees = np.hstack([given, _inverse(CosineSine(angles), values[:, plain])]) if plain else given
            columns = _away_from_atoms(
                values[:, atomic], values[:, atoms] == 0, sees, weights, independent=independent, width=width
            )
            then = AwayFromAtoms(columns, tuple(flags), then, angles)
        assert then is not None  # there are plain columns or some with atoms
        return Transformed(GivenCategories(law, then), Permute(np.argsort([*codes, *plain, *atomic])))
    return _plain(schema, values, given, weights, independent, width)


def _plain(
    schema: Schema,
    values: np.ndarray,
    given: np.ndarray | None,
    weights: np.ndarray | None,
    independent: bool,
    width: float,
) -> AbstractDistribution:
    """Angles, then numbers given them; both given the features, if there are any."""
    angles = list(schema.circular)
    numbers = [place for place in range(len(schema.columns)) if place not in angles]
    first = _von_mises(values[:, angles], weights, 0 if given is None else given.shape[1]) if angles else None
    if not numbers:
        assert first is not None  # there is a column
        return first
    context = given
    if angles:
        seen = _inverse(CosineSine((True,) * len(angles)), values[:, angles])
        context = seen if given is None else np.hstack([seen, given])
    then = _numbers(values[:, numbers].astype(np.float64), context, weights, independent, width)
    if first is None:
        return then
    return Transformed(GivenAngles(first, then), Permute(np.argsort([*angles, *numbers])))


def _away_from_atoms(
    cells: np.ndarray,
    measured: np.ndarray,
    sees: np.ndarray,
    weights: np.ndarray | None,
    *,
    independent: bool,
    width: float,
) -> list[AbstractDistribution]:
    """A Gaussian for each column with atoms where it is at none, linear in the features and the columns before it."""
    laws = []
    for place in range(cells.shape[1]):
        rows = measured[:, place]
        context = np.hstack([sees, np.where(np.arange(cells.shape[1]) < place, cells, 0.0)])[rows]
        of_rows = None if weights is None else weights[rows]
        laws.append(_numbers(cells[rows, place : place + 1].astype(np.float64), context, of_rows, independent, width))
    return laws


def _inverse(embedding: CosineSine | OneHot, values: np.ndarray) -> np.ndarray:
    """What a network sees of angles or codes, `(rows, columns) -> (rows, features)`."""
    return np.asarray(embedding._inverse_many(jnp.asarray(values.T), None, None)[0]).T


def _with_shares(law: CategoricalMADE, codes: np.ndarray, weights: np.ndarray | None) -> CategoricalMADE:
    """Each category with its share of the rows, one row more of each counted, whatever the others are."""
    weights = np.ones(len(codes)) if weights is None else weights * len(weights) / weights.sum()
    logits = []
    for size, cells in zip(law.sizes, codes.T, strict=True):
        counts = 1.0 + np.bincount(cells.astype(int), weights, size)
        logits.append(np.log(counts / counts.sum()))
    biases = jnp.asarray(np.concatenate(logits), law.net.biases[-1].dtype)
    return eqx.tree_at(lambda law: law.net.biases[-1], law, biases)


def _von_mises(angles: np.ndarray, weights: np.ndarray | None, cond_dim: int) -> AbstractDistribution:
    """Directions and concentrations by the mean vector of each angle, which does not depend on anything else."""
    mean = np.average(np.exp(1j * angles), axis=0, weights=weights)
    length = np.abs(mean)
    # Sra (2012) after Banerjee et al. (2005), in two dimensions
    concentration = length * (2.0 - length**2) / np.maximum(1.0 - length**2, 1.0 / MOST_CONCENTRATION)
    law = VonMises(np.angle(mean), np.clip(concentration, 1.0 / MOST_CONCENTRATION, MOST_CONCENTRATION))
    return ConditionalBase(law, cond_dim, depth=0, key=jax.random.key(0)) if cond_dim else law


def _numbers(
    x: np.ndarray, context: np.ndarray | None, weights: np.ndarray | None, independent: bool, width: float
) -> AbstractDistribution:
    """Normal numbers whose mean is linear in the context: their joint covariance is shrunk, and conditioned."""
    dim = x.shape[1]
    if context is None or independent:
        loc, covariance = shrunk(x, weights)
        slopes = np.zeros((dim, 0 if context is None else context.shape[1]))
    else:
        spread = np.std(context, axis=0)
        loc, both = shrunk(np.hstack([x, context / np.where(spread > 0, spread, 1.0)]), weights)
        across, inner = both[:dim, dim:], both[dim:, dim:]
        slopes = across @ np.linalg.pinv(inner, rcond=LEAST_VARIANCE, hermitian=True)
        covariance = both[:dim, :dim] - slopes @ across.T
        loc, slopes = loc[:dim] - slopes @ loc[dim:], slopes / np.where(spread > 0, spread, 1.0)
    if independent:
        covariance = np.diag(np.average((x - loc) ** 2, axis=0, weights=weights))
    covariance = covariance + LEAST_VARIANCE * np.diag(np.diagonal(covariance) + LEAST_VARIANCE)
    layer = TriangularAffine(loc, width * np.linalg.cholesky(covariance))
    if context is None:
        return Transformed(Normal.standard((dim,)), layer)
    net = MLP(context.shape[1], (count_raw(layer),), depth=0, key=jax.random.key(0))
    weight = jnp.zeros_like(net.weights[-1]).at[:dim].set(jnp.asarray(slopes))  # the shift comes first
    net = eqx.tree_at(lambda net: net.weights[-1], net, weight)
    return Transformed(Normal.standard((dim,)), Conditioned(layer, context.shape[1], net=net))
