"""Laws of free coordinates as mixtures of a few Student clusters, one mixture for each row."""

import dataclasses
import math
from typing import NamedTuple

import numpy as np

DEGREES = 5.0
"""Of freedom of the clusters: heavier tails than those of what is drawn keep the weights bounded."""
OTHER_CODE = 0.1
"""Share of codes that are drawn from all that are allowed, whatever the cluster's own."""
ITERATIONS = 20
LEAST_SHARE = 1e-4
"""Of a cluster."""
LEAST_SPREAD = 1e-9
"""Of a coordinate that does not vary among the draws."""


class Draws(NamedTuple):
    """Draws of many rows, and what each is worth.

    Attributes:
        y: `(rows, n, numbers)`.
        codes: From 0 on, `(rows, n, codes)`, whole numbers.
        weights: Each row sums to 1, `(rows, n)`.
    """

    y: np.ndarray
    codes: np.ndarray
    weights: np.ndarray


@dataclasses.dataclass(frozen=True)
class Clusters:
    r"""$q(y, c) = \sum_k \pi_k\, t_5(y; m_k, S_k) \prod_j P_{kj}(c_j)$.

    Attributes:
        log_shares: $\log \pi$, `(rows, clusters)`; -inf for one that is not there.
        means: $m$, `(rows, clusters, numbers)`.
        factors: Lower factors of $S$, `(rows, clusters, numbers, numbers)`.
        tables: $P$ of each code, `(rows, clusters, size)`.
    """

    log_shares: np.ndarray
    means: np.ndarray
    factors: np.ndarray
    tables: tuple[np.ndarray, ...]

    def draw(self, n: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Numbers `(rows, n, numbers)` and codes `(rows, n, codes)`."""
        rows, _, size = self.means.shape
        chosen = _picked(np.exp(self.log_shares)[:, None], random.random((rows, n)))
        row = np.arange(rows)[:, None]
        noise = random.standard_normal((rows, n, size))
        noise /= np.sqrt(random.chisquare(DEGREES, (rows, n, 1)) / DEGREES)
        y = self.means[row, chosen] + np.einsum("rnab,rnb->rna", self.factors[row, chosen], noise)
        codes = [_picked(table[row, chosen], random.random((rows, n))) for table in self.tables]
        return y, np.stack(codes, axis=-1) if codes else np.zeros((rows, n, 0), int)

    def log_density(self, y: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """`(rows, n)`."""
        return _log_sum(self._log_each(y, codes, DEGREES))

    def steps(self, shape: tuple[int, int], random: np.random.Generator) -> np.ndarray:
        """Noise of the shape of clusters drawn by their shares, `(rows, n, numbers)`."""
        rows, n = shape
        chosen = _picked(np.exp(self.log_shares)[:, None], random.random(shape))
        noise = random.standard_normal((rows, n, self.means.shape[2]))
        return np.einsum("rnab,rnb->rna", self.factors[np.arange(rows)[:, None], chosen], noise)

    def shares(self, draws: Draws) -> np.ndarray:
        """Of which cluster each draw is, were these Gaussians, `(rows, n, clusters)`."""
        each = self._log_each(draws.y, draws.codes, None)
        return np.exp(each - _log_sum(each)[..., None])

    def _log_each(self, y: np.ndarray, codes: np.ndarray, degrees: float | None) -> np.ndarray:
        """Of each cluster, `(rows, n, clusters)`: Student's law, or Gauss' where there are no degrees."""
        size = y.shape[-1]
        squares = np.zeros((*y.shape[:2], self.means.shape[1]))
        log_det = np.zeros(self.log_shares.shape)
        if size:
            inverse = np.linalg.inv(self.factors)
            for k in range(self.means.shape[1]):
                gap = (y - self.means[:, None, k]) @ np.swapaxes(inverse[:, k], 1, 2)
                squares[..., k] = np.einsum("rna,rna->rn", gap, gap)
            log_det = np.log(np.diagonal(self.factors, axis1=2, axis2=3)).sum(axis=-1)
        if degrees is None:
            logs = -0.5 * squares - 0.5 * size * math.log(2.0 * math.pi)
        else:
            half = 0.5 * (degrees + size)
            constant = math.lgamma(half) - math.lgamma(0.5 * degrees) - 0.5 * size * math.log(math.pi * degrees)
            logs = constant - half * np.log1p(squares / degrees)
        logs += (self.log_shares - log_det)[:, None]
        row = np.arange(len(y))[:, None]
        for j, table in enumerate(self.tables):
            logs += np.log(np.swapaxes(table, 1, 2)[row, codes[..., j]])
        return logs


def fitted(
    draws: Draws, allowed: tuple[np.ndarray, ...], random: np.random.Generator, counts: tuple[int, ...]
) -> Clusters:
    """The mixture of some number of clusters that fits one half of the draws and is the likeliest for the other.

    By expectation and maximisation, with covariances drawn to what they have in common and codes smoothed over all that
    are allowed.

    Args:
        draws: Of the law, weighted.
        allowed: For each code which are allowed.
        random: Of the first means.
        counts: How many clusters are tried.

    Reference:
        Cappé, Douc, Guillin, Marin & Robert (2008), Adaptive importance sampling in general mixture classes.
    """
    half = draws.y.shape[1] // 2
    learned, apart = _part(draws, slice(None, half)), _part(draws, slice(half, None))
    tried = [_of_count(learned, count, allowed, random) for count in counts]
    with np.errstate(invalid="ignore"):
        scores = [np.nansum(apart.weights * each.log_density(apart.y, apart.codes), axis=1) for each in tried]
    return _chosen_of(tried, np.argmax(scores, axis=0))


def mixed(first: Clusters, second: Clusters, share: float) -> Clusters:
    """Both, the second with this share."""
    logs = [first.log_shares + math.log1p(-share), second.log_shares + math.log(share)]
    return Clusters(
        np.concatenate(logs, axis=1),
        np.concatenate([first.means, second.means], axis=1),
        np.concatenate([first.factors, second.factors], axis=1),
        tuple(np.concatenate(tables, axis=1) for tables in zip(first.tables, second.tables, strict=True)),
    )


def chosen_rows(where: np.ndarray, first: Clusters, second: Clusters) -> Clusters:
    """The first where true, the second elsewhere, row by row."""
    return _chosen_of([second, first], where.astype(int))


def _chosen_of(tried: list[Clusters], best: np.ndarray) -> Clusters:
    """Of each row one of several mixtures, with clusters that are not there behind."""
    most = max(each.log_shares.shape[1] for each in tried)
    row = np.arange(len(best))

    def of_each(arrays: list[np.ndarray], filler: float | None) -> np.ndarray:
        padded = []
        for array in arrays:
            more = most - array.shape[1]
            last = array[:, :1] if filler is None else np.full_like(array[:, :1], filler)
            padded.append(np.concatenate([array, np.repeat(last, more, axis=1)], axis=1))
        return np.stack(padded)[best, row]

    return Clusters(
        of_each([each.log_shares for each in tried], -np.inf),
        of_each([each.means for each in tried], None),
        of_each([each.factors for each in tried], None),
        tuple(of_each(list(tables), None) for tables in zip(*(each.tables for each in tried), strict=True)),
    )


def _part(draws: Draws, some: slice) -> Draws:
    weights = draws.weights[:, some]
    total = weights.sum(axis=1, keepdims=True)
    even = np.full_like(weights, 1.0 / weights.shape[1])
    return Draws(
        draws.y[:, some], draws.codes[:, some], np.where(total > 1e-12, weights / np.where(total, total, 1), even)
    )


def _of_count(draws: Draws, count: int, allowed: tuple[np.ndarray, ...], random: np.random.Generator) -> Clusters:
    """So many clusters, by expectation and maximisation."""
    whole = covariance(draws.y, draws.weights)
    prior = whole * count ** (-2.0 / max(draws.y.shape[2], 1))
    means = _spread_out(draws, _factor(whole), count, random)
    rows = len(draws.y)
    shares = np.full((rows, count), -math.log(count))
    factors = np.repeat(_factor(prior)[:, None], count, axis=1)
    tables = tuple(np.repeat(_table(draws, j, None, a), count, axis=1) for j, a in enumerate(allowed))
    found = Clusters(shares, means, factors, tables)
    for _ in range(1 if count == 1 else ITERATIONS):
        found = _better(found, draws, prior, allowed)
    return found


def _better(found: Clusters, draws: Draws, prior: np.ndarray, allowed: tuple[np.ndarray, ...]) -> Clusters:
    """One step of expectation and maximisation."""
    size = draws.y.shape[2]
    own = found.shares(draws) * draws.weights[..., None]  # (rows, n, clusters)
    total = own.sum(axis=1) + LEAST_SHARE
    means = (np.swapaxes(own, 1, 2) @ draws.y + LEAST_SHARE * found.means) / total[..., None]
    spread = np.empty((*total.shape, size, size))
    for k in range(total.shape[1]):
        gap = draws.y - means[:, None, k]
        spread[:, k] = np.swapaxes(gap * own[..., k, None], 1, 2) @ gap
    effective = 1.0 / np.maximum((draws.weights**2).sum(axis=1), 1e-300)
    weight = (size + 2.0) / effective  # of what all clusters have in common, in shares
    shared = spread.sum(axis=1) + LEAST_SHARE * prior
    spread += weight[:, None, None, None] * shared[:, None]
    spread /= (total + weight[:, None])[..., None, None]
    tables = tuple(_table(draws, j, own, a) for j, a in enumerate(allowed))
    return Clusters(np.log(total / total.sum(axis=1, keepdims=True)), means, _factor(spread), tables)


def _table(draws: Draws, j: int, own: np.ndarray | None, allowed: np.ndarray) -> np.ndarray:
    """Probabilities of one code in each cluster, `(rows, clusters, size)`."""
    own = draws.weights[..., None] if own is None else own
    hot = draws.codes[..., j, None] == np.arange(len(allowed))
    counts = np.swapaxes(own, 1, 2) @ hot.astype(float) * allowed + 1e-12 * allowed
    counts /= counts.sum(axis=-1, keepdims=True)
    return (1.0 - OTHER_CODE) * counts + OTHER_CODE * allowed / allowed.sum()


def _spread_out(draws: Draws, factor: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Draws that are far from each other: each next one by weight times squared distance to those before."""
    rows, n, size = draws.y.shape
    z = draws.y @ np.swapaxes(np.linalg.inv(factor), 1, 2) if size else draws.y
    chance, row = draws.weights + 1e-15, np.arange(rows)
    nearest, means = np.full((rows, n), np.inf), []
    for _ in range(count):
        place = _picked(chance[:, None], random.random((rows, 1)))[:, 0]
        means.append(draws.y[row, place])
        nearest = np.minimum(nearest, ((z - z[row, place][:, None]) ** 2).sum(axis=-1))
        chance = draws.weights * nearest + 1e-15
    return np.stack(means, axis=1)


def covariance(y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted covariances, `(rows, n, numbers), (rows, n) -> (rows, numbers, numbers)`; the weights sum to 1."""
    rest = y - np.einsum("rn,rna->ra", weights, y)[:, None]
    return np.swapaxes(rest * weights[..., None], 1, 2) @ rest


def _factor(spread: np.ndarray) -> np.ndarray:
    """Lower factors, also of covariances that are not quite positive."""
    size = spread.shape[-1]
    scale = np.sqrt(np.maximum(np.diagonal(spread, axis1=-2, axis2=-1), 0.0)) + LEAST_SPREAD
    unit = spread / (scale[..., :, None] * scale[..., None, :])
    for share in (1e-6, 1e-3):
        try:
            return scale[..., :, None] * np.linalg.cholesky(unit + share * np.eye(size))
        except np.linalg.LinAlgError:
            continue
    return scale[..., :, None] * np.linalg.cholesky(0.5 * unit + 1.0 * np.eye(size))


def _picked(chances: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Places by their chances, `(rows, 1 or n, places), (rows, n) -> (rows, n)`."""
    ends = np.cumsum(chances, axis=-1)
    return np.minimum((levels[..., None] * ends[..., -1:] > ends).sum(axis=-1), chances.shape[-1] - 1)


def _log_sum(logs: np.ndarray) -> np.ndarray:
    """Over the last axis; at least one is finite."""
    top = logs.max(axis=-1)
    return top + np.log(np.exp(logs - top[..., None]).sum(axis=-1))
