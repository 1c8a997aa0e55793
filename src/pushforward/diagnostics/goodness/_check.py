"""All tests of one model at one set of data."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, PRNGKeyArray

from pushforward._errors import DataError, as_seed
from pushforward.diagnostics._calibration import check_rows
from pushforward.diagnostics._numerics import diagnose
from pushforward.diagnostics.goodness import _findings as findings
from pushforward.diagnostics.goodness._baselines import by_columns, by_gaussian
from pushforward.diagnostics.goodness._case import Case, Columns, Tested, check_level, used
from pushforward.diagnostics.goodness._noise import noise_of
from pushforward.diagnostics.goodness._report import Check, Finding
from pushforward.diagnostics.goodness._tests import told_apart
from pushforward.distributions import AbstractDistribution, Fitted
from pushforward.distributions._fitted import flow_of

GAP_SHARE = 0.5
"""Of the nats that a model is off by, from which on the gap to the rows of training is the greater part."""


def check(
    flow: AbstractDistribution | Fitted,
    data: ArrayLike | Any,
    train: ArrayLike | Any = None,
    *,
    level: float = 0.05,
    key: PRNGKeyArray | int = 0,
) -> Check:
    """Whether a model fits data that it was not fitted to, by tests that each reject a right model at `level`.

    Args:
        flow: A flow of rows of numbers without conditions, with an exact density and samples; or a fitted
            `FlowDensity`, which may have categories, whole numbers and atoms too.
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
        >>> pf.diagnostics.check(flow, rows).verdict
        'good'
    """
    check_level("check", level)
    keys = jax.random.split(as_seed("check", key), 3)
    seed = int(jax.random.randint(keys[0], (), 0, 2**31 - 1))
    if isinstance(flow, Tested):
        return judged(flow._case(data, train, level=level, seed=seed))
    law = flow_of("check", flow)
    rng = np.random.default_rng(seed)
    rows = _rows("data", data, law, rng)
    known = None if train is None else _rows("train", train, law, rng)
    drawn = np.asarray(law.sample(keys[1], len(rows)), np.float64)
    return judged(
        Case(
            rows,
            drawn,
            _scores(law, rows),
            _scores(law, drawn),
            known,
            None if known is None else _scores(law, known),
            by_gaussian(rows, rng),
            by_columns(rows, rng, Columns()),
            noise_of(law, np.asarray(rows, jnp.result_type(float)), rng),
            tuple(diagnose(law, rows, key=keys[2]).problems),
            Columns(),
            level,
            seed,
        )
    )


def judged(case: Case) -> Check:
    """All tests of a case, and the verdict."""
    apart = told_apart(case.data, case.drawn, case.seed, case.columns.categorical)
    found = [
        findings.of_columns(case),
        *findings.of_noise(case),
        findings.of_energy(case),
        findings.of_classifier(case, apart),
        findings.of_density(case),
    ]
    more = [findings.of_gap(case), findings.of_shift(case), findings.of_copies(case)] if case.train is not None else []
    says = "; ".join(case.problems) or "no number is unsound"
    finite = np.isfinite(case.data_scores)
    gaussian = None if case.gaussian is None else _mean((case.data_scores - case.gaussian)[finite])
    columns = _mean((case.data_scores - case.by_columns)[finite])
    # What another density gains on the model, the model is off by at least.
    off = float(np.nanmax([apart.nats, *(-gain for gain, _ in (columns, gaussian or columns))]))
    mostly_gap = bool(more) and findings.gap(case)[1] >= GAP_SHARE * off
    return Check(
        len(case.data),
        _mean(case.data_scores[finite]),
        gaussian,
        columns,
        _verdict(found, more, case.level, mostly_gap=mostly_gap),
        (*found, *more, Finding("numerics", None, not case.problems, says)),
    )


def _rows(name: str, given: Any, flow: AbstractDistribution, rng: np.random.Generator) -> np.ndarray:
    rows = np.asarray(given, np.float64)
    if flow.cond_shape is not None or len(flow.event_shape) != 1:
        raise DataError("check: is for models of rows without conditions", "`sbc` tests a conditional model")
    check_rows("check", name, rows, flow.event_shape)
    return used(name, rows, rng)


def _scores(flow: AbstractDistribution, rows: np.ndarray) -> np.ndarray:
    return np.asarray(flow.log_prob(rows), np.float64)


def _verdict(found: list[Finding], more: list[Finding], level: float, *, mostly_gap: bool) -> str:
    """In a word; so many tests have as many chances to be wrong, so that each counts at its share of the level.

    A gap to the rows of training is a part of what the model is off by. It names the fit where it is the greater part.
    """
    share = level / sum(finding.p_value is not None for finding in (*found, *more))

    def holds(finding: Finding) -> bool:
        return finding.passed if finding.p_value is None else finding.p_value > share

    fits = all(map(holds, found))
    if not more:
        return "good" if fits else "different"
    gap, shift, _ = more
    if not holds(shift):
        return "shifted"
    if not holds(gap) and (mostly_gap or fits):
        return "overfitted"
    return "good" if fits else "underfitted"


def _mean(values: np.ndarray) -> tuple[float, float]:
    if len(values) < 2:
        return float("nan"), float("nan")
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
