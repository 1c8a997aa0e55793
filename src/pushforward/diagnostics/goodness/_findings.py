"""Each test of a case, in words."""

import numpy as np

from pushforward.diagnostics.goodness import _tests as tests
from pushforward.diagnostics.goodness._case import Case, numeric
from pushforward.diagnostics.goodness._report import Finding


def of_columns(case: Case) -> Finding:
    """Each column alone."""
    columns = case.columns
    rng = np.random.default_rng(case.seed)
    p_value, place = tests.columns_p_value(case.data, case.drawn, columns.categorical, rng)
    passed = p_value > case.level
    says = "each is distributed as in the data" if passed else f"{columns.called(place)} differs from the data"
    return Finding("columns, one by one", p_value, passed, says, "" if passed else "a kind or support for the column")


def of_noise(case: Case) -> list[Finding]:
    """Whether the noise of the data is that of the model, where it is known."""
    if case.noise is None or not np.isfinite(case.noise).all():
        return []
    p_value, _ = tests.noise_p_value(case.noise)
    passed = p_value > case.level
    says = "that of the data is standard normal" if passed else "that of the data is not standard normal"
    return [Finding("noise", p_value, passed, says, "" if passed else "a more flexible flow, or more epochs")]


def of_energy(case: Case) -> Finding:
    """All columns together, by distances."""
    both = numeric(np.concatenate([case.data, case.drawn]), case.columns.categorical)
    data, drawn = np.split(both, [len(case.data)])
    p_value = tests.energy_p_value(data, drawn, np.random.default_rng(case.seed))
    passed = p_value > case.level
    says = "samples lie as the data do" if passed else "samples lie elsewhere than the data"
    return Finding("energy distance", p_value, passed, says)


def of_classifier(case: Case, found: tests.ToldApart) -> Finding:
    """All columns together, by trees."""
    passed = found.p_value > case.level
    told = "do not tell" if passed else "tell"
    says = f"boosted trees {told} samples from the data, AUC {found.area:.2f}"
    return Finding("classifier", found.p_value, passed, says)


def of_density(case: Case) -> Finding:
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


def gap(case: Case) -> tuple[float, float, float]:
    """By how many nats rows of training are denser than others: p-value, difference and its error."""
    assert case.train_scores is not None
    finite = (scores[np.isfinite(scores)] for scores in (case.train_scores, case.data_scores))
    return tests.mean_p_value(*finite)


def of_gap(case: Case) -> Finding:
    """Whether the rows of training are denser than others."""
    p_value, difference, error = gap(case)
    passed = p_value > case.level or difference < 0
    says = f"rows of training are {difference:+.3f} ± {error:.3f} nats denser than the data"
    return Finding("training gap", p_value, passed, says, "" if passed else "fewer epochs, a smaller flow, more rows")


def of_shift(case: Case) -> Finding:
    """Whether the data are like the rows of training; the model has no part in it."""
    assert case.train is not None
    categorical, rng = case.columns.categorical, np.random.default_rng(case.seed)
    data, train = np.split(numeric(np.concatenate([case.data, case.train]), categorical), [len(case.data)])
    first = tests.told_apart(case.data, case.train, case.seed, categorical).p_value
    second = tests.columns_p_value(case.data, case.train, categorical, rng)[0]
    third = tests.energy_p_value(data, train, np.random.default_rng(case.seed))
    p_value = min(1.0, 3 * min(first, second, third))
    passed = p_value > case.level
    says = "the data are like the rows of training" if passed else "the data differ from the rows of training"
    return Finding("shift", p_value, passed, says, "" if passed else "a fit to data like these")


def of_copies(case: Case) -> Finding:
    """Whether samples lie nearer to rows of training than new rows do: 2 % below the 2 % quantile is right."""
    from scipy.spatial import KDTree
    from scipy.stats import binom

    assert case.train is not None
    ends = np.cumsum([len(case.train), len(case.data)])
    rows = numeric(np.concatenate([case.train, case.data, case.drawn]), case.columns.categorical)
    train, data, drawn = np.split(rows, ends)
    spread = train.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    tree = KDTree(train / scale)
    usual = np.quantile(tree.query(data / scale)[0], 0.02)
    near = int(np.sum(tree.query(drawn / scale)[0] < usual))
    # The quantile is itself of as many rows: twice the variance, and so half of the rows for the test.
    p_value = float(binom.sf(near // 2 - 1, len(drawn) // 2, 0.02))
    passed = p_value > case.level
    says = f"{near / len(drawn):.1%} of the samples are as near to a row of training as 2.0% of the data are"
    return Finding("near-copies", p_value, passed, says, "" if passed else "earlier stopping, or more rows")
