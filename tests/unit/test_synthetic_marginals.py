"""The law of one column as a map onto the normal one, and what a generator makes of it."""

import numpy as np
import pytest
from scipy.stats import kstest, norm

from pushforward.data import Column
from pushforward.modalities.table.synthesis._coding import rounded
from pushforward.modalities.table.synthesis._columns import decimals_of
from pushforward.modalities.table.synthesis._marginals import Marginal


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def rain(rng) -> np.ndarray:
    """0 in a tenth of the rows, 1.5 in a hundredth, an exponential law elsewhere."""
    return rng.permutation(np.concatenate([np.zeros(500), np.full(50, 1.5), rng.exponential(size=4450)]))


def test_the_column_becomes_normal(rain, rng):
    z, _ = Marginal.of(rain).to_normal(rain, rng)
    assert kstest(z, "norm").pvalue > 0.05


def test_a_repeated_value_keeps_its_share_and_comes_back_as_it_is(rain, rng):
    marginal = Marginal.of(rain)
    drawn = marginal.from_normal(rng.normal(size=100_000))
    assert np.mean(drawn == 0) == pytest.approx(0.1, abs=0.004)
    assert np.mean(drawn == 1.5) == pytest.approx(0.01, abs=0.0015)
    z, _ = marginal.to_normal(rain, rng)
    np.testing.assert_allclose(marginal.from_normal(z), rain.clip(0, marginal.x[-1]), atol=1e-9)


def test_the_law_is_the_columns(rain, rng):
    levels = [0.05, 0.2, 0.5, 0.9, 0.99]
    drawn = Marginal.of(rain).from_normal(rng.normal(size=100_000))
    np.testing.assert_allclose(np.quantile(drawn, levels), np.quantile(rain, levels), rtol=0.05)


def test_the_density_between_repeated_values_has_the_mass_of_the_rows_there(rain, rng):
    x = np.linspace(1e-9, 1.5 - 1e-9, 200_001)
    z, log_det = Marginal.of(rain).to_normal(x, rng)
    mass = np.trapezoid(norm.pdf(z) * np.exp(log_det), x)
    assert mass == pytest.approx(np.mean((rain > 0) & (rain < 1.5)), abs=1e-3)


def test_the_share_of_a_repeated_value_is_its_probability(rain, rng):
    z, added = Marginal.of(rain).to_normal(np.zeros(20), rng)
    a_quarter_of_a_row = 0.25 / len(rain)  # beyond the end, which comes back as the same value
    np.testing.assert_allclose(np.exp(norm.logpdf(z) + added), 0.1, atol=a_quarter_of_a_row * (1 + 1e-9))


def test_no_knot_is_the_value_of_one_row(rng):
    x = rng.normal(size=2000)
    assert not np.isin(Marginal.of(x).x, x).any()


@pytest.mark.parametrize("x", [[3.0] * 20, [1.0, 2.0], [1.0] * 20 + [2.0] * 20, [0.0, 1.0, 2.0, 3.0]])
def test_small_columns_come_back_within_their_ends(x, rng):
    x = np.array(x)
    z, log_det = Marginal.of(x).to_normal(x, rng)
    assert np.isfinite(z).all()
    assert np.isfinite(log_det).all()
    back = Marginal.of(x).from_normal(rng.normal(size=100))
    assert (back >= x.min()).all()
    assert (back <= x.max()).all()


def test_a_gap_between_repeated_values_has_no_density(rng):
    _, log_det = Marginal.of(np.repeat([1.0, 2.0], 20)).to_normal(np.array([1.5]), rng)
    assert log_det[0] == -np.inf


@pytest.mark.parametrize(
    ("cells", "decimals"), [([1.25, 0.1], 2), ([3.0, 4.0], 0), ([0.1 + 0.2, np.pi], None), ([1e12, 0.5], None)]
)
def test_decimals_are_those_of_the_column(cells, decimals):
    assert decimals_of(np.array(cells)) == decimals


def test_a_positive_number_is_not_rounded_to_nothing():
    assert rounded(np.array([0.001, 0.014]), Column("x", "positive"), 2).tolist() == [0.01, 0.01]
    assert rounded(np.array([0.001]), Column("x", "unbounded"), 2).tolist() == [0.0]
