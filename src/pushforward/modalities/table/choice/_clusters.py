"""A mixture of Gaussians, chosen by folds: for tables of a few hundred rows that lie in groups."""

from typing import NamedTuple

import numpy as np

MOST_COMPONENTS = 10
PRIORS = (3.0, 10.0, 30.0)
"""Rows that each covariance is given of the deviations within the components."""
FOLDS, ROUNDS, TOLERANCE = 5, 100, 1e-5
LEAST_VARIANCE = 1e-6


class Clusters(NamedTuple):
    """Gaussians and their shares.

    Attributes:
        shares: `(components,)`, of sum 1.
        means: `(components, columns)`.
        factors: Of the covariances, by Cholesky, `(components, columns, columns)`.
    """

    shares: np.ndarray
    means: np.ndarray
    factors: np.ndarray

    def joint(self, x: np.ndarray) -> np.ndarray:
        """Log-density of each row with each component, `(rows, components)`."""
        z = np.linalg.solve(self.factors, (x - self.means[:, None]).swapaxes(1, 2))
        scale = np.log(np.diagonal(self.factors, axis1=1, axis2=2)).sum(1) + 0.5 * x.shape[1] * np.log(2 * np.pi)
        return np.log(self.shares) - scale - 0.5 * np.sum(z**2, axis=1).T

    def scores(self, x: np.ndarray) -> np.ndarray:
        """Log-densities, `(rows,)`."""
        return np.logaddexp.reduce(self.joint(x), axis=1)


def chosen(x: np.ndarray, weights: np.ndarray) -> tuple[int, float]:
    """How many components, and which prior, are the best of rows that are held out in turn.

    Components are added as long as one more is better with any prior.

    Args:
        x: `(rows, columns)`, in units in which spreads are about 1.
        weights: How many rows each stands for, `(rows,)`.
    """
    folds = np.random.default_rng(0).permutation(len(x)) % FOLDS
    best, choice = -np.inf, (1, PRIORS[0])
    for components in range(1, max(1, min(MOST_COMPONENTS, len(x) // FOLDS)) + 1):
        found = {prior: _held_out(x, weights, folds, components, prior) for prior in PRIORS}
        prior = max(PRIORS, key=found.__getitem__)
        if not found[prior] > best:
            break
        best, choice = found[prior], (components, prior)
    return choice


def _held_out(x: np.ndarray, weights: np.ndarray, folds: np.ndarray, components: int, prior: float) -> float:
    parts = [(folds != fold, folds == fold) for fold in range(FOLDS)]
    found = (weights[out] @ fitted(x[kept], weights[kept], components, prior).scores(x[out]) for kept, out in parts)
    return float(sum(found))


def fitted(x: np.ndarray, weights: np.ndarray, components: int, prior: float) -> Clusters:
    r"""Gaussians by expectation and maximisation, from groups of rows that are near to each other.

    A covariance is $(S_k + \nu D)/(n_k + \nu)$, with $S_k$ the scatter of its $n_k$ rows, $\nu$ the prior and $D$ the
    variances within the components, all together. A share is $(n_k + 1)/(n + K)$.

    Args:
        x: `(rows, columns)`.
        weights: How many rows each stands for, `(rows,)`.
        components: $K$.
        prior: $\nu$, in rows.

    Reference:
        Fraley & Raftery (2007), Bayesian regularization for normal mixture estimation and model-based clustering.
    """
    found, before = _maximised(x, _groups(x, components) * weights[:, None], prior), -np.inf
    for _ in range(ROUNDS):
        joint = found.joint(x)
        scores = np.logaddexp.reduce(joint, axis=1)
        mean = float(np.average(scores, weights=weights))
        if mean - before < TOLERANCE:
            break
        belongs, before = np.exp(joint - scores[:, None]), mean
        found = _maximised(x, belongs * weights[:, None], prior)
    return found


def _maximised(x: np.ndarray, belongs: np.ndarray, prior: float) -> Clusters:
    counts, columns = belongs.sum(0), x.shape[1]
    means = belongs.T @ x / np.maximum(counts, LEAST_VARIANCE)[:, None]
    apart = x - means[:, None]
    scatter = (apart * belongs.T[:, :, None]).swapaxes(1, 2) @ apart
    within = np.diag(np.diagonal(scatter.sum(0))) / counts.sum()
    covariances = (scatter + prior * within) / (counts + prior)[:, None, None] + LEAST_VARIANCE * np.eye(columns)
    return Clusters((counts + 1.0) / (counts + 1.0).sum(), means, np.linalg.cholesky(covariances))


def _groups(x: np.ndarray, components: int) -> np.ndarray:
    """Which of `components` groups a row is in, `(rows, components)`: by Lloyd from k-means++."""
    rng = np.random.default_rng(0)
    centres = x[rng.integers(len(x), size=1)]
    for _ in range(components - 1):
        far = _squares(x, centres).min(1)
        share = far / far.sum() if far.sum() > 0 else None
        centres = np.vstack([centres, x[rng.choice(len(x), p=share)]])
    for _ in range(20):
        belongs = np.eye(components)[_squares(x, centres).argmin(1)]
        counts = belongs.sum(0)[:, None]
        centres = np.where(counts > 0, belongs.T @ x / np.maximum(counts, 1.0), centres)
    return np.eye(components)[_squares(x, centres).argmin(1)]


def _squares(x: np.ndarray, centres: np.ndarray) -> np.ndarray:
    return np.sum((x[:, None] - centres) ** 2, axis=-1)
