"""The laws of probability: the whole is 1, and samples follow the density."""

from collections.abc import Iterator

import numpy as np

from pushforward.testing._distribution_facts import DRAWS, LawSubject
from pushforward.testing._law import Failure, Law

MASS, SUM = 1e-3, 1e-5
KOLMOGOROV_SMIRNOV = 2.23
"""Times 1 / sqrt(draws): the largest gap is above it once in 10,000 seeds."""
DEVIATIONS, BIAS = 5.0, 0.02
LEAST_SHARE = 0.01


def _is_on_grid(subject: LawSubject) -> bool:
    return subject.given.exact and subject.continuous and subject.size in (1, 2)


def density_integrates_to_one(subject: LawSubject) -> Iterator[Failure]:
    """To 1e-3, of one and two coordinates; probabilities of all values add up to 1, to 1e-5."""
    cause = (
        "A constant or a log-det that is missing, or mass outside the grid: pass `bounds=` for a density with edges, "
        "`values=` for one of separate values."
    )
    if subject.values is not None:
        total, limit = float(np.sum(np.exp(subject.log_prob(subject.values, subject.condition)))), SUM
    elif _is_on_grid(subject):
        total, limit = subject.grid.total, MASS
    else:
        return
    if not abs(total - 1.0) < max(limit, subject.tolerance):
        what = "values" if subject.values is not None else f"{subject.size} coordinate(s)"
        yield Failure(f"all {what}", f"{total:.6g}", f"1, to {max(limit, subject.tolerance):g}", cause)


def samples_follow_the_density(subject: LawSubject) -> Iterator[Failure]:
    """Kolmogorov and Smirnov's gap on a grid, frequencies of values, or importance weights in more dimensions."""
    if not subject.given.exact:
        return
    if subject.values is not None:
        yield from _frequencies(subject, subject.values)
    elif _is_on_grid(subject):
        yield from _gaps(subject)
    elif subject.far and subject.size > 2:
        yield from _weights(subject)


_CAUSE = "`_sample_many` and `_log_prob_many` are not of one law: a shift, a scale, or noise of another law."


def _gaps(subject: LawSubject) -> Iterator[Failure]:
    limit = KOLMOGOROV_SMIRNOV / np.sqrt(DRAWS)
    ranks = np.arange(1, DRAWS + 1) / DRAWS
    names = ("the first coordinate", "the second coordinate given the first")
    for name, uniform in zip(names, subject.grid.uniforms(subject.flat_draws), strict=False):
        gap = float(np.max(np.abs(np.sort(uniform) - ranks)))
        if not gap < limit:
            found = f"distribution functions {gap:.3g} apart"
            yield Failure(f"{DRAWS} draws, {name}", found, f"less than {limit:.3g}", _CAUSE)


def _frequencies(subject: LawSubject, values: np.ndarray) -> Iterator[Failure]:
    wanted = np.exp(subject.log_prob(values, subject.condition))
    draws, flat = subject.flat_draws, values.reshape(len(values), -1)
    share = np.array([np.mean(np.all(draws == value, axis=1)) for value in flat])
    error = np.abs(share - wanted) / np.sqrt(np.maximum(wanted * (1.0 - wanted), 1.0 / DRAWS) / DRAWS)
    if not error.max() < DEVIATIONS:
        i = int(np.argmax(error))
        found = f"in {share[i]:.4g} of {DRAWS} draws"
        yield Failure(f"x = {flat[i]}", found, f"in {wanted[i]:.4g}, its probability", _CAUSE)


def _weights(subject: LawSubject) -> Iterator[Failure]:
    """The mean of q(x)/p(x) over draws of p is 1 for a density q inside p: a narrow Gaussian at the best draw.

    Reference:
        Gelfand & Dey (1994), Bayesian model choice: asymptotics and exact calculations.
    """
    draws = subject.flat_draws
    log_prob = subject.log_prob(subject.draws, subject.condition)
    spread = np.cov(draws.T) / 4.0
    offset = draws - draws[np.argmax(log_prob)]
    sign, log_volume = np.linalg.slogdet(spread)
    if sign <= 0 or not np.all(np.isfinite(log_prob)):
        return
    distance = np.einsum("ni,ni->n", offset, np.linalg.solve(spread, offset.T).T)
    weights = np.exp(-0.5 * (distance + log_volume + draws.shape[1] * np.log(2.0 * np.pi)) - log_prob)
    if weights.max() > LEAST_SHARE * weights.sum():
        return  # too few draws carry the mean
    mean, error = float(np.mean(weights)), float(np.std(weights) / np.sqrt(DRAWS))
    if not abs(mean - 1.0) < DEVIATIONS * error + BIAS:
        wanted = f"1, to {DEVIATIONS * error + BIAS:.2g}"
        cause = f"{_CAUSE} Or the density does not integrate to 1."
        yield Failure(f"{DRAWS} draws, the mean of q(x)/p(x) of a narrow Gaussian q", f"{mean:.4g}", wanted, cause)


MASS_LAWS: tuple[Law[LawSubject], ...] = (density_integrates_to_one, samples_follow_the_density)
