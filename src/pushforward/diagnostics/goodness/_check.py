"""All tests of one model at one set of data."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, PRNGKeyArray

from pushforward._errors import DataError, as_seed
from pushforward.diagnostics._numerics import diagnose
from pushforward.diagnostics.goodness import _tests as tests
from pushforward.diagnostics.goodness._report import Check, Finding
from pushforward.distributions import AbstractDistribution, Fitted, Normal, Transformed
from pushforward.distributions._fitted import flow_of

LEAST_ROWS, MOST_ROWS = 40, 5000
"""Rows that a check needs, and that it uses at most."""
FOLDS = 5


class _Case(NamedTuple):
    """What the tests are made of: rows `(rows, dim)` of data, of the model and of training, and log-densities."""

    flow: AbstractDistribution
    data: np.ndarray
    drawn: np.ndarray
    data_scores: np.ndarray
    drawn_scores: np.ndarray
    train: np.ndarray | None
    train_scores: np.ndarray | None
    level: float
    seed: int


def check(
    flow: AbstractDistribution | Fitted,
    data: ArrayLike | Any,
    train: ArrayLike | Any = None,
    *,
    level: float = 0.05,
    key: PRNGKeyArray | int,
) -> Check:
    """Whether a model fits data that it was not fitted to, by tests that each reject a right model at `level`.

    Args:
        flow: A flow of rows of numbers without conditions, with an exact density and samples; or a fitted estimator.
        data: Rows that the model was not fitted to, `(rows, dim)`, at least 40; at most 5,000 are used.
        train: Rows that it was fitted to, if they are known. With them the verdict says whether a poor fit, or other
            data, makes the difference, and whether the model knows these rows too well.
        level: How often each test rejects a right model.
        key: A key or a seed; draws the samples, the halves and the permutations.

    Raises:
        DataError: If there are too few rows, or a value is not finite.

    Example:
        >>> rows = np.random.default_rng(0).normal(size=(500, 2))
        >>> flow = pf.distributions.Normal.standard((2,))
        >>> pf.diagnostics.check(flow, rows, key=0).verdict
        'good'
    """
    flow = flow_of("check", flow)
    keys = jax.random.split(as_seed("check", key), 3)
    seed = int(jax.random.randint(keys[0], (), 0, 2**31 - 1))
    rng = np.random.default_rng(seed)
    rows = _rows("data", data, flow, rng)
    known = None if train is None else _rows("train", train, flow, rng)
    drawn = np.asarray(flow.sample(keys[1], len(rows)), np.float64)
    case = _Case(
        flow,
        rows,
        drawn,
        _scores(flow, rows),
        _scores(flow, drawn),
        known,
        None if known is None else _scores(flow, known),
        level,
        seed,
    )
    findings = [_columns(case), *_noise(case), _energy(case), _classifier(case), _density(case)]
    more = [_gap(case), _shift(case), _copies(case)] if known is not None else []
    numerics = diagnose(flow, rows, key=keys[2]).problems
    sound = Finding("numerics", None, not numerics, "; ".join(numerics) or "round trips and gradients are sound")
    finite = np.isfinite(case.data_scores)
    return Check(
        len(rows),
        _mean(case.data_scores[finite]),
        _mean((case.data_scores - _by_gaussian(rows, rng))[finite]),
        _mean((case.data_scores - _by_columns(rows, rng))[finite]),
        _verdict(findings, more, level),
        (*findings, *more, sound),
    )


def _rows(name: str, given: Any, flow: AbstractDistribution, rng: np.random.Generator) -> np.ndarray:
    rows = np.asarray(given, np.float64)
    if flow.cond_shape is not None or len(flow.event_shape) != 1:
        raise DataError("check: is for models of rows without conditions", "`pit` tests a conditional model")
    if rows.ndim != 2 or rows.shape[1:] != flow.event_shape or not np.isfinite(rows).all():
        raise DataError(f"check: `{name}` must be finite, `(rows, {flow.event_shape[0]})`, got {rows.shape}", "see X")
    if len(rows) < LEAST_ROWS:
        raise DataError(f"check: `{name}` has {len(rows)} rows, and {LEAST_ROWS} are needed", "give more rows")
    return rows[rng.permutation(len(rows))[:MOST_ROWS]]


def _scores(flow: AbstractDistribution, rows: np.ndarray) -> np.ndarray:
    return np.asarray(flow.log_prob(rows), np.float64)


def _columns(case: _Case) -> Finding:
    p_value, place = tests.columns_p_value(case.data, case.drawn)
    passed = p_value > case.level
    says = "each is distributed as in the data" if passed else f"column {place} differs from the data"
    return Finding("columns, one by one", p_value, passed, says, "" if passed else "a kind or support for the column")


def _noise(case: _Case) -> list[Finding]:
    """Of a map of Gaussian noise: whether the noise of the data is Gaussian."""
    flow = case.flow
    if (
        not isinstance(flow, Transformed)
        or not isinstance(flow.base, Normal)
        or flow.base.event_shape != (flow.event_shape)
    ):
        return []
    z = np.asarray(jax.vmap(flow.bijection.inverse)(jnp.asarray(case.data)), np.float64)
    loc, scale = flow.base.loc, flow.base.scale
    z = (z - (0.0 if loc is None else np.asarray(loc))) / (1.0 if scale is None else np.asarray(scale))
    if not np.isfinite(z).all():
        return []
    p_value, _ = tests.noise_p_value(z)
    passed = p_value > case.level
    says = "that of the data is standard normal" if passed else "that of the data is not standard normal"
    return [Finding("noise", p_value, passed, says, "" if passed else "a more flexible flow, or more epochs")]


def _energy(case: _Case) -> Finding:
    p_value = tests.energy_p_value(case.data, case.drawn, np.random.default_rng(case.seed))
    passed = p_value > case.level
    says = "samples lie as the data do" if passed else "samples lie elsewhere than the data"
    return Finding("energy distance", p_value, passed, says)


def _classifier(case: _Case) -> Finding:
    p_value, area = tests.classifier_p_value(case.data, case.drawn, case.seed)
    passed = p_value > case.level
    told = "do not tell" if passed else "tell"
    return Finding("classifier", p_value, passed, f"boosted trees {told} samples from the data, AUC {area:.2f}")


def _density(case: _Case) -> Finding:
    """Whether the data are as dense as what the model draws."""
    name, given = "density", case.data_scores
    if not np.isfinite(given).all():
        share = 1 - np.isfinite(given).mean()
        return Finding(name, 0.0, False, f"{share:.1%} of the data are impossible by the model", "wider supports")
    p_value, difference, error = tests.mean_p_value(given, case.drawn_scores)
    passed = p_value > case.level
    says = f"the data are {difference:+.3f} ± {error:.3f} nats denser than samples"
    wide = "the model is too wide: more layers, more epochs"
    sure = "the model is too sure: fewer layers, earlier stopping, or data that are others"
    return Finding(name, p_value, passed, says, "" if passed else wide if difference > 0 else sure)


def _gap(case: _Case) -> Finding:
    """Whether the rows of training are denser than others."""
    assert case.train_scores is not None
    finite = case.train_scores[np.isfinite(case.train_scores)]
    others = case.data_scores[np.isfinite(case.data_scores)]
    p_value, difference, error = tests.mean_p_value(finite, others)
    passed = p_value > case.level or difference < 0
    says = f"rows of training are {difference:+.3f} ± {error:.3f} nats denser than the data"
    return Finding("training gap", p_value, passed, says, "" if passed else "fewer epochs, a smaller flow, more rows")


def _shift(case: _Case) -> Finding:
    """Whether the data are like the rows of training; the model has no part in it."""
    assert case.train is not None
    first = tests.classifier_p_value(case.data, case.train, case.seed)[0]
    second = tests.columns_p_value(case.data, case.train)[0]
    third = tests.energy_p_value(case.data, case.train, np.random.default_rng(case.seed))
    p_value = min(1.0, 3 * min(first, second, third))
    passed = p_value > case.level
    says = "the data are like the rows of training" if passed else "the data differ from the rows of training"
    return Finding("shift", p_value, passed, says, "" if passed else "a fit to data like these")


def _copies(case: _Case) -> Finding:
    """Whether samples lie nearer to rows of training than new rows do: 2 % below the 2 % quantile is right."""
    from scipy.spatial import KDTree
    from scipy.stats import binom

    assert case.train is not None
    spread = case.train.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    tree = KDTree(case.train / scale)
    usual = np.quantile(tree.query(case.data / scale)[0], 0.02)
    near = int(np.sum(tree.query(case.drawn / scale)[0] < usual))
    # The quantile is itself of as many rows: twice the variance, and so half of the rows for the test.
    p_value = float(binom.sf(near // 2 - 1, len(case.drawn) // 2, 0.02))
    passed = p_value > case.level
    says = f"{near / len(case.drawn):.1%} of the samples are as near to a row of training as 2.0% of the data are"
    return Finding("near-copies", p_value, passed, says, "" if passed else "earlier stopping, or more rows")


def _verdict(findings: list[Finding], more: list[Finding], level: float) -> str:
    """In a word; so many tests have as many chances to be wrong, so that each counts at its share of the level."""
    share = level / sum(finding.p_value is not None for finding in (*findings, *more))

    def holds(finding: Finding) -> bool:
        return finding.passed if finding.p_value is None else finding.p_value > share

    fits = all(map(holds, findings))
    if not more:
        return "good" if fits else "different"
    gap, shift, _ = more
    if not holds(shift):
        return "shifted"
    if not holds(gap):
        return "overfitted"
    return "good" if fits else "underfitted"


def _mean(values: np.ndarray) -> tuple[float, float]:
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


def _folds(rows: np.ndarray, rng: np.random.Generator, score: Any) -> np.ndarray:
    """Log-densities of all rows, each by what was learned from the other folds."""
    found, parts = np.empty(len(rows)), np.array_split(rng.permutation(len(rows)), FOLDS)
    for part in parts:
        found[part] = score(np.delete(rows, part, axis=0), rows[part])
    return found


def _by_gaussian(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    def score(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        from scipy.stats import multivariate_normal

        covariance: Any = np.atleast_2d(np.cov(train.T))
        return np.atleast_1d(multivariate_normal(train.mean(axis=0), covariance, allow_singular=True).logpdf(test))

    return _folds(rows, rng, score)


def _by_columns(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    def score(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        columns = zip(train.T, test.T, strict=True)
        return sum((_kernels(a)(b) for a, b in columns), np.zeros(len(test)))

    return _folds(rows, rng, score)


def _kernels(column: np.ndarray) -> Any:
    from scipy.stats import gaussian_kde

    if np.ptp(column) == 0:
        return lambda asked: np.zeros(len(asked))
    return gaussian_kde(column[:1000]).logpdf
