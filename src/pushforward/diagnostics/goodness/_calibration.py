"""Simulation-based calibration: whether a conditional model is as sure as it may be, on average and everywhere."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import ArrayLike, PRNGKeyArray

from pushforward._errors import DataError, as_seed
from pushforward.diagnostics._calibration import pit
from pushforward.diagnostics._trees import classifier, one_thread
from pushforward.diagnostics.goodness._case import LEAST_ROWS, check_level
from pushforward.diagnostics.goodness._report import Finding, meaning, told
from pushforward.diagnostics.goodness._tests import ROUNDS
from pushforward.distributions import AbstractDistribution, Fitted
from pushforward.distributions._fitted import conditions_of, flow_of

_RIVALS = 20  # uniform numbers beside each rank
_MOST_LOCAL = 10  # columns whose ranks are looked at everywhere, those whose ranks are the least even


@dataclasses.dataclass(frozen=True)
class Calibration:
    """What is to be said of the ranks of a conditional model; `print` shows it.

    Attributes:
        ranks: The share of the model's draws below each value, `(rows, dim)`, uniform where the model is right.
        names: Of the columns.
        verdict: `"good"`, `"too sure"`, `"too wide"`, `"biased"`, `"wrong in shape"`; `"uneven"` where the ranks are
            even on average and not everywhere; or `"overfitted"`, where rows of training are known.
        findings: The tests.
    """

    ranks: np.ndarray
    names: tuple[str, ...]
    verdict: str
    findings: tuple[Finding, ...]

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.ranks)

    def to_json(self) -> dict[str, Any]:
        """Plain data, without the ranks."""
        findings = [finding._asdict() for finding in self.findings]
        return {"rows": self.rows, "columns": list(self.names), "verdict": self.verdict, "findings": findings}

    def __str__(self) -> str:
        head = f"{self.rows:,} rows, ranks of {len(self.names)} column{'s' * (len(self.names) != 1)}"
        return "\n".join([head, *told(self.findings), f"verdict: {self.verdict}. {self.meaning}"])

    @property
    def meaning(self) -> str:
        """What the verdict means, and what to try."""
        return meaning(CALIBRATED[self.verdict], self.verdict, self.findings)


CALIBRATED = {
    "good": "No test tells the ranks from even ones: intervals hold what they say.",
    "too sure": "Ranks heap at both ends: intervals are too narrow. More rows, a smaller flow, or earlier stopping.",
    "too wide": "Ranks heap in the middle: intervals are too wide. More layers or more epochs.",
    "biased": "Ranks lie to one side: the model expects values that are too low or too high. More layers, more epochs, "
    "or data that are others.",
    "wrong in shape": "Ranks are uneven though their middle and spread are right: a more flexible flow.",
    "uneven": "Ranks are even on average, but not for all conditions: too sure for some, too wide or biased for "
    "others. A wider network, more layers, or more rows.",
    "overfitted": "Rows of training are denser than others like them: fewer layers, earlier stopping, or more rows.",
}
"""What each verdict means, and what to try."""


def sbc(
    flow: AbstractDistribution | Fitted,
    x: ArrayLike | Any,
    condition: ArrayLike | Any,
    *,
    num_samples: int = 255,
    level: float = 0.05,
    names: Sequence[str] = (),
    key: PRNGKeyArray | int = 0,
) -> Calibration:
    r"""Whether the ranks of values among a conditional model's draws are even, by tests at `level`, with a verdict.

    For a posterior $q(\theta \mid x)$, `x` are parameters $\theta_i$ drawn from the prior, and `condition` the data
    $x_i$ simulated from them. If the model is right, the rank of each parameter among draws given its data is uniform,
    on average (Talts et al.) and for each $x$ alone (Zhao et al.). The second is tested by trees that learn to tell
    pairs of condition and rank from pairs of condition and a uniform number.

    Args:
        flow: The flow to test, or a fitted estimator.
        x: Values that were not used in training, `(n, dim)`, at least 40.
        condition: `(n, cond_dim)`.
        num_samples: Draws per row.
        level: How often each test rejects a right model.
        names: Of the columns of `x`.
        key: A key or a seed.

    Raises:
        DataError: If there are too few rows, or a value is not finite.

    Example:
        >>> theta = np.random.default_rng(0).normal(size=(300, 1))
        >>> prior = pf.distributions.ConditionalBase(pf.distributions.Normal(jnp.zeros(1)), 1, width=4, key=key)
        >>> print(pf.diagnostics.sbc(prior, theta, np.zeros((300, 1)), key=0).verdict)
        good

    Reference:
        Talts, Betancourt, Simpson, Vehtari & Gelman (2018), Validating Bayesian inference algorithms with
        simulation-based calibration, section 4. Zhao, Dalmasso, Izbicki & Lee (2021), Diagnostics for conditional
        density models and Bayesian inference algorithms, section 3, who regress the ranks.
    """
    check_level("sbc", level)
    law = flow_of("sbc", flow)
    given = conditions_of(law, condition)
    if law.cond_shape is None or given is None:
        raise DataError("sbc: is for conditional models", "`check` tests a model of whole rows")
    keys = jax.random.split(as_seed("sbc", key))
    seed = int(jax.random.randint(keys[0], (), 0, 2**31 - 1))
    ranks = pit(law, x, given, num_samples=num_samples, key=keys[1])
    called = tuple(names) or tuple(f"x{place}" for place in range(ranks.shape[1]))
    return calibration_of(ranks, given.reshape(len(given), -1), called, level=level, seed=seed)


def calibration_of(
    ranks: np.ndarray,
    conditions: np.ndarray,
    names: tuple[str, ...],
    *,
    unordered: Sequence[int] = (),
    more: Sequence[Finding] = (),
    level: float,
    seed: int,
) -> Calibration:
    """The tests and the verdict.

    Args:
        ranks: In (0, 1), `(rows, dim)`.
        conditions: `(rows, features)`.
        names: Of the columns.
        unordered: Columns whose ranks have no middle, such as those of categories.
        more: Findings of others, which say that the model is overfitted if they do not pass.
        level: Of each test.
        seed: Of all randomness.

    Raises:
        DataError: If there are too few rows.
    """
    if len(ranks) < LEAST_ROWS:
        raise DataError(f"there are {len(ranks)} rows, and {LEAST_ROWS} are needed", "give more rows")
    ordered = [place for place in range(ranks.shape[1]) if place not in unordered]
    findings = [_even(ranks, names, level)]
    if ordered:
        findings += [_middle(ranks[:, ordered], [names[i] for i in ordered], level)]
        findings += [_spread(ranks[:, ordered], [names[i] for i in ordered], level)]
    findings.append(_everywhere(ranks, conditions, names, level, seed))
    return Calibration(ranks, names, _verdict(findings, more, level), (*findings, *more))


def _even(ranks: np.ndarray, names: Sequence[str], level: float) -> Finding:
    p_value, place = _least(even_p_values(ranks))
    passed = p_value > level
    says = "are even" if passed else f"of {names[place]} are not even"
    return Finding("ranks", p_value, passed, says, "" if passed else "a more flexible flow, or more epochs")


def even_p_values(ranks: np.ndarray) -> np.ndarray:
    """Kolmogorov-Smirnov of each column."""
    from scipy.stats import kstest

    found: list[Any] = [kstest(column, "uniform") for column in ranks.T]
    return np.array([test.pvalue for test in found])


def _middle(ranks: np.ndarray, names: Sequence[str], level: float) -> Finding:
    """The mean of uniform numbers is 1/2, their variance 1/12."""
    means = ranks.mean(axis=0)
    p_value, place = _least(_two_sided((means - 0.5) * np.sqrt(12 * len(ranks))))
    passed = p_value > level
    says = f"the mean rank of {names[place]} is {means[place]:.3f}, and 0.5 is right"
    side = "higher" if means[place] > 0.5 else "lower"
    return Finding("middle", p_value, passed, says, "" if passed else f"values are {side} than the model expects")


def _spread(ranks: np.ndarray, names: Sequence[str], level: float) -> Finding:
    """The mean square from the middle is 1/12 for uniform numbers, with a variance of 1/180."""
    squares = ((ranks - 0.5) ** 2).mean(axis=0)
    p_value, place = _least(_two_sided((squares - 1 / 12) * np.sqrt(180 * len(ranks))))
    passed, ratio = p_value > level, np.sqrt(12 * squares[place])
    says = f"the ranks of {names[place]} spread {ratio:.3f} times as far as they should"
    then = "the model is too sure: more rows, a smaller flow" if ratio > 1 else "the model is too wide: more layers"
    return Finding("spread", p_value, passed, says, "" if passed else then)


def _everywhere(ranks: np.ndarray, conditions: np.ndarray, names: Sequence[str], level: float, seed: int) -> Finding:
    chosen = np.argsort(even_p_values(ranks), kind="stable")[:_MOST_LOCAL]
    found = np.array([local_p_value(ranks[:, place], conditions, seed) for place in chosen])
    p_value, place = _least(found)
    passed = p_value > level
    told = "are the same for all conditions" if passed else f"of {names[chosen[place]]} depend on the conditions"
    then = "" if passed else "a wider network, or more rows"
    return Finding("ranks, everywhere", p_value, passed, told, then)


def local_p_value(ranks: np.ndarray, conditions: np.ndarray, seed: int) -> float:
    """Whether ranks are uniform given the conditions, `(rows,), (rows, features)`.

    Trees learn from half of the rows to tell the pair of condition and rank from that of the same condition and a
    uniform number. On the other half the score of each pair has a place among those of 20 uniform numbers, which is
    even if the rank is; the test is one of their mean.
    """
    from scipy.stats import norm

    rng = np.random.default_rng(seed)
    order, half = rng.permutation(len(ranks)), len(ranks) // 2
    train, test = order[:half], order[half:]

    def pairs(rows: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        return np.column_stack([conditions[rows], numbers])

    rows = np.concatenate([pairs(train, ranks[train]), pairs(train, rng.random(half))])
    with one_thread():
        trees = classifier([0] * rows.shape[1], seed, rounds=ROUNDS).fit(rows, np.repeat([1, 0], half))
        own = trees.decision_function(pairs(test, ranks[test]))
        rivals = [trees.decision_function(pairs(test, rng.random(len(test)))) for _ in range(_RIVALS)]
    ties = np.array([(own > rival) + 0.5 * (own == rival) for rival in rivals]).mean(axis=0)
    error = ties.std(ddof=1) / np.sqrt(len(test))
    return float(norm.sf((ties.mean() - 0.5) / error)) if error > 0 else 1.0


def _two_sided(deviations: np.ndarray) -> np.ndarray:
    from scipy.stats import norm

    return 2 * norm.sf(np.abs(deviations))


def _least(p_values: np.ndarray) -> tuple[float, int]:
    """The smallest, times their number (Bonferroni), and its place."""
    return min(1.0, float(p_values.min() * len(p_values))), int(p_values.argmin())


def _verdict(findings: Sequence[Finding], more: Sequence[Finding], level: float) -> str:
    """Each test counts at its share of the level."""
    share = level / (len(findings) + len(more))
    p_values = {finding.name: finding.p_value or 0.0 for finding in findings}
    wrong = {name for name, p_value in p_values.items() if p_value <= share}
    if any(finding.p_value is not None and finding.p_value <= share and not finding.passed for finding in more):
        return "overfitted"
    if wrong & {"middle", "spread"}:
        if p_values["middle"] < p_values["spread"]:
            return "biased"
        spread = next(finding for finding in findings if finding.name == "spread")
        return "too sure" if "too sure" in spread.then else "too wide"
    if "ranks" in wrong:
        return "wrong in shape"
    return "uneven" if wrong else "good"
