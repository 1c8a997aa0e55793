"""`check`: right models pass, wrong ones are named as what they are."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import pushforward as pf
from pushforward.bijections import Affine
from pushforward.diagnostics.goodness import _tests as tests
from pushforward.distributions import Mixture, Normal, Transformed

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
                tests.classifier_p_value(x, y, seed)[0],
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


def test_a_model_that_remembers_its_rows_is_overfitted_and_makes_copies():
    train = rows(60, 1)
    parts = [Transformed(STANDARD, Affine(jnp.asarray(row), jnp.full(2, 0.02))) for row in train]
    flow = Mixture(parts, jnp.full(len(parts), 1 / len(parts)))
    found = pf.diagnostics.check(flow, rows(600, 0), train, level=0.001, key=0)
    assert found.verdict == "overfitted", str(found)
    assert not next(finding for finding in found.findings if finding.name == "near-copies").passed


def test_without_rows_of_training_a_difference_has_no_name():
    found = pf.diagnostics.check(STANDARD, rows(600, 0) + 0.8, level=0.001, key=0)
    assert found.verdict == "different"
    assert "NO  columns, one by one" in str(found)
    assert found.to_json()["findings"][0]["passed"] is False


def test_few_rows_are_refused():
    with pytest.raises(pf.DataError, match="39 rows, and 40 are needed"):
        pf.diagnostics.check(STANDARD, rows(39, 0), key=0)
