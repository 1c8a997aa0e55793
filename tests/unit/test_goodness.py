"""`check`: right models pass, wrong ones are named as what they are."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import pushforward as pf
from pushforward.bijections import Affine
from pushforward.diagnostics.goodness import _baselines as baselines
from pushforward.diagnostics.goodness import _tests as tests
from pushforward.diagnostics.goodness._case import Case, Columns
from pushforward.diagnostics.goodness._check import judged
from pushforward.diagnostics.goodness._noise import noise_of
from pushforward.diagnostics.goodness._report import Finding, meaning
from pushforward.distributions import (
    CategoricalMADE,
    ConditionalBase,
    GivenCategories,
    Mixture,
    Normal,
    Transformed,
)

STANDARD = Normal.standard((2,))


def rows(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 2))


def moved(scale: float, by: float = 0.0) -> Transformed:
    return Transformed(STANDARD, Affine(jnp.full(2, by), jnp.full(2, scale)))


@pytest.mark.slow
def test_each_test_rejects_equal_laws_at_its_level():
    """200 pairs of samples of one law: 5 % within 3 points of rejections."""
    rng, found = np.random.default_rng(0), []
    for seed in range(200):
        x, y = rng.exponential(size=(100, 2)), rng.exponential(size=(100, 2))
        z = rng.normal(size=(100, 2))
        found.append(
            [
                tests.columns_p_value(x, y)[0],
                tests.noise_p_value(z)[0],
                tests.energy_p_value(x[:60], y[:60], rng),
                tests.told_apart(x, y, seed).p_value,
                tests.mean_p_value(x[:, 0], y[:, 0])[0],
            ]
        )
    rates = (np.array(found) <= 0.05).mean(axis=0)
    assert (rates <= 0.08).all(), rates
    # Bonferroni and the steps of Kolmogorov-Smirnov make a test of columns a little less than sharp.
    assert (rates >= np.array([0.005, 0.02, 0.02, 0.02, 0.02])).all(), rates


def test_the_energy_test_is_that_of_the_energy_distance():
    """The statistic ranks as the distance does: a set against a far one has the smallest p-value there is."""
    assert tests.energy_p_value(rows(40, 0), rows(40, 1) + 3.0, np.random.default_rng(0)) == 1 / 1000


def test_welch_is_that_of_scipy():
    a, b = np.random.default_rng(0).normal(size=500), np.random.default_rng(1).normal(0.1, 2, size=400)
    expected: Any = stats.ttest_ind(a, b, equal_var=False)
    np.testing.assert_allclose(tests.mean_p_value(a, b)[0], expected.pvalue, rtol=0.02)  # normal in place of Student


def test_a_right_model_is_good_and_its_nats_are_the_entropy():
    found = pf.diagnostics.check(STANDARD, rows(1000, 0), rows(1000, 1), level=0.001, key=0)
    assert found.verdict == "good", str(found)
    entropy = np.log(2 * np.pi * np.e)
    assert abs(found.nats[0] + entropy) < 4 * found.nats[1]
    assert abs(found.gaussian[0]) < 0.02
    assert 0 < found.columns[0] < 0.1  # kernels smooth a Gaussian


@pytest.mark.parametrize("scale", [0.6, 1.6])
def test_a_model_that_is_like_neither_is_underfitted(scale):
    found = pf.diagnostics.check(moved(scale), rows(600, 0), rows(600, 1), level=0.001, key=0)
    assert found.verdict == "underfitted", str(found)


def test_other_data_are_named_shifted():
    found = pf.diagnostics.check(STANDARD, rows(600, 0) + 0.8, rows(600, 1), level=0.001, key=0)
    assert found.verdict == "shifted", str(found)


@pytest.mark.slow
def test_a_model_that_remembers_its_rows_is_overfitted_and_makes_copies():
    train = rows(60, 1)
    parts = [Transformed(STANDARD, Affine(jnp.asarray(row), jnp.full(2, 0.02))) for row in train]
    flow = Mixture(parts, jnp.full(len(parts), 1 / len(parts)))
    found = pf.diagnostics.check(flow, rows(600, 0), train, level=0.001, key=0)
    assert found.verdict == "overfitted", str(found)
    assert not next(finding for finding in found.findings if finding.name == "near-copies").passed


def case_of(model_scale: float, gap: float) -> Case:
    """Standard normal rows, a model of another scale, and rows of training that are denser by so many nats."""
    data, train, columns = rows(600, 0), rows(600, 1), Columns()
    drawn = model_scale * rows(600, 2)
    model = stats.norm(scale=model_scale)
    scores = [model.logpdf(each).sum(axis=1) for each in (data, drawn, train)]
    known = scores[2] - scores[2].mean() + scores[0].mean() + gap
    beside = [
        baselines.by_gaussian(data, np.random.default_rng(0)),
        baselines.by_columns(data, np.random.default_rng(0), columns),
    ]
    return Case(data, drawn, scores[0], scores[1], train, known, *beside, data / model_scale, (), columns, 0.01, 0)


@pytest.mark.parametrize(
    ("scale", "gap", "verdict"), [(3.0, 0.4, "underfitted"), (1.3, 0.4, "overfitted"), (1.0, 0.4, "overfitted")]
)
def test_the_greater_part_of_what_a_model_is_off_by_names_it(scale, gap, verdict):
    """A normal of three times the deviation is off by log 9 - 8 / 9 = 1.3 nats a row, of 1.3 times by 0.12."""
    found = judged(case_of(scale, gap))
    assert not next(finding for finding in found.findings if finding.name == "training gap").passed
    assert found.verdict == verdict, str(found)


def test_trees_bound_the_divergence_from_below_and_come_near_to_it():
    x, y = np.random.default_rng(0).normal(size=(2, 4000, 1))
    assert -0.06 < tests.told_apart(x, y, 0).nats < 0.03
    moved = tests.told_apart(x, y + 1.0, 0).nats
    assert 0.4 < moved < 0.55  # of 1/2


def test_without_rows_of_training_a_difference_has_no_name():
    found = pf.diagnostics.check(STANDARD, rows(600, 0) + 0.8, level=0.001, key=0)
    assert found.verdict == "different"
    assert "NO  columns, one by one" in str(found)
    assert found.to_json()["findings"][0]["passed"] is False


def test_few_rows_are_refused():
    with pytest.raises(pf.DataError, match="39 rows, and 40 are needed"):
        pf.diagnostics.check(STANDARD, rows(39, 0), key=0)


def test_equal_numbers_are_put_in_an_order_at_random():
    """Of counts of one law as many are rejected as should be, where the test of distinct numbers is too careful."""
    rng, found, plain = np.random.default_rng(0), [], []
    for _ in range(600):
        x, y = rng.poisson(0.5, size=(2, 200, 1))
        found.append(tests.columns_p_value(x, y, rng=rng)[0])
        plain.append(stats.ks_2samp(x[:, 0], y[:, 0], method="asymp").pvalue)
    assert 0.03 <= np.mean(np.array(found) <= 0.06) <= 0.085
    assert np.mean(np.array(plain) <= 0.06) < 0.02
    different = tests.columns_p_value(rng.poisson(0.5, (400, 1)), rng.poisson(0.9, (400, 1)), rng=rng)[0]
    assert different < 0.001


def test_categories_are_tested_by_their_counts():
    rng = np.random.default_rng(0)
    x, y = rng.choice(4, p=[0.4, 0.3, 0.2, 0.1], size=(2, 500))
    expected: Any = stats.chi2_contingency([np.bincount(x), np.bincount(y)], correction=False)
    assert np.isclose(tests.columns_p_value(x[:, None], y[:, None], [0])[0], expected.pvalue)
    # A code in few rows is put together with the others that are rare, and alone it is no test.
    rare = np.where(np.arange(500) < 2, 9, 0)[:, None]
    assert tests.columns_p_value(rare, np.zeros((500, 1)), [0])[0] == 1.0


def test_independent_columns_have_probabilities_that_add_up():
    """Whole numbers: a sum over all of them; atoms: their probabilities and an integral of the rest."""
    rng = np.random.default_rng(0)
    train = rng.poisson(3.0, 400).astype(float)
    mass = np.exp(baselines._kernels(train, np.arange(-20.0, 60.0), whole=True))
    assert np.isclose(mass.sum(), 1.0, atol=1e-9)
    assert np.allclose(mass[20:26], stats.poisson.pmf(np.arange(6), 3.0), atol=0.05)
    rain = np.where(rng.random(400) < 0.3, 0.0, rng.exponential(size=400))
    grid = np.linspace(-5.0, 20.0, 20_001) + 1e-9
    dense = np.exp(baselines._with_atoms(rain, grid, np.array([0.0])))
    at_zero = np.exp(baselines._with_atoms(rain, np.zeros(1), np.array([0.0])))[0]
    assert np.isclose(at_zero, (1 + (rain == 0).sum()) / 402)
    assert np.isclose(np.trapezoid(dense, grid) + at_zero, 1.0, atol=1e-4)


def test_the_noise_of_a_right_model_is_standard_normal():
    """Through a mixture, categories, and numbers given them: Kolmogorov-Smirnov of each, and no correlation."""
    part = Transformed(STANDARD, Affine(jnp.array([1.0, -1.0]), jnp.array([0.5, 2.0])))
    mixture = Mixture([part, STANDARD], jnp.array([0.3, 0.7]))
    law = GivenCategories(
        CategoricalMADE((2, 3), width=8, key=jax.random.key(1)),
        ConditionalBase(Normal(jnp.zeros(2)), 5, width=8, key=jax.random.key(2)),
    )
    rng = np.random.default_rng(0)
    for flow, size in ((mixture, 2), (law.categories, 2)):
        z = noise_of(flow, np.asarray(flow.sample(jax.random.key(0), 2000)), rng)
        assert z is not None
        assert z.shape == (2000, size)
        assert tests.noise_p_value(z)[0] > 0.01
        assert np.abs(np.corrcoef(z.T) - np.eye(size)).max() < 0.08
    # Of a mixture with other shares the same rows do not have this noise.
    other = Mixture([part, STANDARD], jnp.array([0.7, 0.3]))
    z = noise_of(other, np.asarray(mixture.sample(jax.random.key(0), 2000)), rng)
    assert z is not None
    assert tests.noise_p_value(z)[0] < 0.001
    assert noise_of(law.others, np.zeros((3, 2)), rng, np.zeros((3, 5))) is None


def test_a_table_of_all_kinds_of_columns_is_tested_against_itself():
    """Draws of the model as data: good; with other shares of the categories: different."""
    rng = np.random.default_rng(0)
    kind, count = rng.choice(["a", "b", "c"], 300), rng.poisson(2.0, 300)
    rain = np.where(rng.random(300) < 0.4, 0.0, rng.exponential(size=300))
    rows = pd.DataFrame({"kind": kind, "count": count, "rain": rain})
    columns = {"count": "integer(0,30)", "rain": "positive+atoms(0)", "*": "infer"}
    density = pf.FlowDensity("maf", columns=columns, options={"num_layers": 1}, max_epochs=3, random_state=0).fit(rows)
    draws = pd.DataFrame(density.sample(400, random_state=1), columns=rows.columns)
    found = pf.diagnostics.check(density, draws, level=0.001, key=0)
    assert found.verdict == "good", str(found)
    assert "noise" in {finding.name for finding in found.findings}
    others = draws.assign(kind=np.where(rng.random(400) < 0.4, "a", draws["kind"]))
    found = pf.diagnostics.check(density, others, level=0.001, key=0)
    assert found.verdict == "different"
    assert "column 'kind' differs" in str(found)
    with pytest.raises(pf.DataError, match="row 1 holds a value"):
        pf.diagnostics.check(density, rows.assign(rain=-1.0), key=0)


def test_a_good_verdict_tells_of_tests_that_say_no():
    def found(*passed):
        return [Finding(str(i), 0.5 if each else 0.03, each, "") for i, each in enumerate(passed)]

    assert meaning("all agree", "good", found(True, True)) == "all agree"
    assert meaning("all agree", "good", found(True, False)).startswith("A test says NO")
    assert meaning("all agree", "good", found(False, False)).startswith("2 tests say NO")
    assert meaning("it is off", "different", found(False, False)) == "it is off"
