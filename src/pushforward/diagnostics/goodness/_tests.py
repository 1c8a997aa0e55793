"""Two-sample tests whose p-values are uniform where the laws are equal, whatever they are."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pushforward.diagnostics._trees import classifier, one_thread
from pushforward.diagnostics._two_sample import _ks

_MOST_PAIRED = 400  # rows a side of the energy test, whose time grows with their square
_PERMUTATIONS = 999
ROUNDS = 30
"""Of boosting, where trees learn to tell two samples."""
_LEAST_EXPECTED = 5.0  # of a category on each side, for the law of chi-squared to hold


def columns_p_value(
    x: np.ndarray, y: np.ndarray, categorical: Sequence[int] = (), rng: np.random.Generator | None = None
) -> tuple[float, int]:
    """The smallest p-value of all columns, times their number (Bonferroni), and which column."""
    found = column_p_values(x, y, categorical, rng)
    return min(1.0, float(found.min() * len(found))), int(found.argmin())


def column_p_values(
    x: np.ndarray, y: np.ndarray, categorical: Sequence[int] = (), rng: np.random.Generator | None = None
) -> np.ndarray:
    """A test of each column, `(dim,)`: Kolmogorov-Smirnov of numbers, chi-squared of the counts of categories.

    Equal numbers, as whole numbers and values with a probability of their own are, are put in an order at random
    (the randomised probability integral transform), so that the test is that of distinct numbers.

    Reference:
        Czado, Gneiting & Held (2009), Predictive model assessment for count data, section 2.1.
    """
    rng = np.random.default_rng(0) if rng is None else rng
    pairs = enumerate(zip(x.T, y.T, strict=True))
    return np.array([_shares(a, b) if place in categorical else _ranks(a, b, rng) for place, (a, b) in pairs])


def _ranks(a: np.ndarray, b: np.ndarray, rng: np.random.Generator) -> float:
    both = np.concatenate([a, b])
    if len(np.unique(both)) < len(both):
        places = np.empty(len(both))
        places[np.lexsort((rng.random(len(both)), both))] = np.arange(len(both))
        a, b = places[: len(a)], places[len(a) :]
    return _ks(a, b)[1]


def _shares(a: np.ndarray, b: np.ndarray) -> float:
    from scipy.stats import chi2_contingency

    size = int(max(a.max(), b.max())) + 1
    counts = np.stack([np.bincount(side.astype(int), minlength=size) for side in (a, b)])
    expected = counts.sum(axis=0) * min(len(a), len(b)) / (len(a) + len(b))
    rare = expected < _LEAST_EXPECTED
    table = np.concatenate([counts[:, ~rare], counts[:, rare].sum(axis=1, keepdims=True)], axis=1)
    if expected[rare].sum() < _LEAST_EXPECTED:
        table = table[:, :-1]
    if table.shape[1] == 1:
        return 1.0
    test: Any = chi2_contingency(table, correction=False)
    return float(test.pvalue)


def noise_p_value(z: np.ndarray) -> tuple[float, int]:
    """Whether noise is standard normal: each column, and the squared distances from 0 as chi-squared (Bonferroni)."""
    from scipy.stats import chi2, kstest, norm

    found = [kstest(column, norm.cdf).pvalue for column in z.T]
    found.append(kstest((z**2).sum(axis=1), chi2(z.shape[1]).cdf).pvalue)
    return min(1.0, float(min(found) * len(found))), int(np.argmin(found))


def energy_p_value(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> float:
    """A permutation test of the energy distance, on at most 400 rows of each side, columns in deviations.

    Reference:
        Székely & Rizzo (2013), Energy statistics, J. Stat. Plan. Inference 143, section 6.
    """
    from scipy.spatial.distance import cdist

    x, y = x[:_MOST_PAIRED], y[:_MOST_PAIRED]
    both = np.concatenate([x, y])
    spread = both.std(axis=0)
    both = both / np.where(spread > 0, spread, 1.0)
    labels = np.arange(len(both)) < len(x)
    groups = np.stack([labels, *(rng.permutation(labels) for _ in range(_PERMUTATIONS))])
    signs = np.where(groups, 1 / len(x), -1 / len(y))
    energies = -np.einsum("gi,gi->g", signs @ cdist(both, both), signs)
    # Two divisions of equal energy may differ by rounding.
    return float(np.mean(energies >= energies[0] * (1 - 1e-9)))


class ToldApart(NamedTuple):
    r"""How well trees tell two samples.

    Attributes:
        p_value: Uniform on (0, 1) where the laws are equal.
        area: Under the curve, 0.5 where they are not told.
        nats: A lower bound, but for chance, of $\mathrm{KL}(p_x \| p_y)$, from what the trees say.
    """

    p_value: float
    area: float
    nats: float


def told_apart(x: np.ndarray, y: np.ndarray, seed: int, categorical: Sequence[int] = ()) -> ToldApart:
    r"""Boosted trees learn to tell half of the rows; on the other half a rank test of what they say.

    With $f$ the log-odds that they give for a row to be of $x$, the bound is $E_x f - \log E_y e^f$ (Donsker and
    Varadhan), which holds for every $f$ that was learned from other rows.

    Reference:
        Lopez-Paz & Oquab (2017), Revisiting classifier two-sample tests, section 3; they test the accuracy. Belghazi et
        al. (2018), Mutual information neural estimation, theorem 1.
    """
    from scipy.special import logsumexp
    from scipy.stats import mannwhitneyu

    halves = [(side[: len(side) // 2], side[len(side) // 2 :]) for side in (x, y)]
    rows, labels = np.concatenate([half for half, _ in halves]), np.repeat([0, 1], [len(half) for half, _ in halves])
    sizes = [int(column.max()) + 1 if place in categorical else 0 for place, column in enumerate(np.vstack([x, y]).T)]
    with one_thread():
        trees = classifier(sizes, seed, rounds=ROUNDS).fit(rows, labels)
        first, second = (trees.decision_function(half) for _, half in halves)
    test: Any = mannwhitneyu(second, first, alternative="greater")  # SciPy does not say what it returns
    nats = float(np.mean(-first) - logsumexp(-second) + np.log(len(second)))
    return ToldApart(float(test.pvalue), float(test.statistic / len(first) / len(second)), nats)


def mean_p_value(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float]:
    """Welch's test of two means: p-value, difference and its standard error."""
    from scipy.stats import norm

    difference = float(a.mean() - b.mean())
    error = float(np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b)))
    return float(2 * norm.sf(abs(difference) / error)) if error > 0 else 1.0, difference, error
