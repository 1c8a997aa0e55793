"""Toy densities: samples and densities are of the same law, and entropies are right."""

import math
import warnings

import numpy as np
import pytest
from scipy import stats

from pushforward._errors import DataError
from pushforward.data import TOYS, entropy, moons, moons_log_density, parabola, rings_log_density
from pushforward.data._toy import grid_entropy

PLANE = [name for name, toy in TOYS.items() if toy.dim == 2]


def cells(toy, per_side: int, inner: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Edges of a grid of cells over the toy's box, and the density's integral over each cell."""
    edges = [np.linspace(low, high, per_side + 1) for low, high in toy.box]
    points = [(np.arange(per_side * inner) + 0.5) * (e[-1] - e[0]) / (per_side * inner) + e[0] for e in edges]
    grid = np.stack(np.meshgrid(*points, indexing="ij"), axis=-1).reshape(-1, 2)
    density = np.exp(toy.log_density(grid)).reshape(per_side, inner, per_side, inner)
    area = math.prod((e[-1] - e[0]) / (per_side * inner) for e in edges)
    return edges, density.sum(axis=(1, 3)) * area


@pytest.mark.parametrize("name", PLANE)
def test_density_integrates_to_one(name):
    toy = TOYS[name]
    per_side = 8
    inner = max(2, math.ceil(2.5 * max(high - low for low, high in toy.box) / toy.width / per_side))
    _, mass = cells(toy, per_side, inner)
    assert mass.sum() == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("name", PLANE)
def test_samples_fill_each_cell_as_the_density_says(name):
    toy, n = TOYS[name], 50_000
    inner = max(2, math.ceil(2.5 * max(high - low for low, high in toy.box) / toy.width / 16))
    edges, mass = cells(toy, 16, inner)
    x = toy.sample(n, seed=3)
    counts = np.histogram2d(x[:, 0], x[:, 1], bins=edges)[0]
    expected = n * mass
    likely = expected > 10
    assert counts[likely].sum() > 0.97 * n
    z = (counts - expected)[likely] / np.sqrt(expected[likely])
    assert np.abs(z).max() < 5


def test_samples_of_the_square_have_its_distribution():
    x = TOYS["square_1d"].sample(20_000, seed=1)[:, 0]
    assert stats.kstest(x, lambda v: np.sqrt(v) / 2).pvalue > 1e-3


@pytest.mark.parametrize("name", TOYS)
def test_mean_negative_log_density_of_samples_is_the_entropy(name):
    x = TOYS[name].sample(40_000, seed=5)
    nll = -TOYS[name].log_density(x)
    assert abs(nll.mean() - entropy(name)) < 4 * nll.std() / 200 + 1e-9


@pytest.mark.parametrize(("name", "nats"), [("moons", 0.28923), ("parabola", 3.53102), ("checkerboard", 3.46574)])
def test_known_entropies(name, nats):
    assert entropy(name) == pytest.approx(nats, abs=1e-5)


@pytest.mark.parametrize("name", ["parabola", "checkerboard"])
def test_quadrature_agrees_with_the_closed_form(name):
    assert grid_entropy(TOYS[name]) == pytest.approx(entropy(name), abs=1e-5)


def test_moons_have_the_law_of_scikit_learn():
    from sklearn.datasets import make_moons

    theirs = make_moons(20_000, noise=0.05, random_state=0)[0]
    ours = moons(20_000, seed=1)
    for direction in ([1, 0], [0, 1], [1, 1], [1, -2]):
        assert stats.ks_2samp(ours @ direction, theirs @ direction).statistic < 0.02


def test_noise_of_the_moons_is_a_standard_deviation():
    assert moons(50_000, noise=0.2).var(axis=0) - moons(50_000, noise=1e-9).var(axis=0) == pytest.approx(0.04, abs=0.01)


def test_density_with_other_noise_integrates_to_one():
    axes = np.arange(-2.5, 3.5, 0.05)
    grid = np.stack(np.meshgrid(axes, axes), axis=-1).reshape(-1, 2)
    for log_density in (moons_log_density, rings_log_density):
        assert np.exp(log_density(grid, noise=0.2)).sum() * 0.05**2 == pytest.approx(1, abs=1e-4)


def test_parabola_has_variances_four_and_one():
    x1, x2 = parabola(100_000).T
    assert x2.var() == pytest.approx(4, rel=0.03)
    assert (x1 - x2**2 / 4).var() == pytest.approx(1, rel=0.03)


@pytest.mark.parametrize("name", TOYS)
def test_same_seed_same_rows_other_seed_other_rows(name):
    sample = TOYS[name].sample
    np.testing.assert_array_equal(sample(10, seed=4), sample(10, seed=4))
    assert not np.array_equal(sample(10, seed=4), sample(10, seed=5))
    assert sample(10).shape == (10, TOYS[name].dim)


@pytest.mark.parametrize("name", TOYS)
@pytest.mark.parametrize("far", [1e3, -1e8, 1e200])
def test_density_far_away_is_no_nan(name, far):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        log_density = TOYS[name].log_density(np.full((3, TOYS[name].dim), far))
    assert log_density.shape == (3,)
    assert not np.isnan(log_density).any()
    assert (log_density < -100).all()


def test_an_unknown_toy_is_refused():
    with pytest.raises(DataError, match="did you mean 'moons'"):
        entropy("mons")
