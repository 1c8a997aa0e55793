"""Scores of oddity: closed forms, and what each is for."""

import io

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from scipy import stats

from pushforward import DataError
from pushforward.bijections import Affine
from pushforward.diagnostics import oddity
from pushforward.distributions import Normal, Transformed
from pushforward.flows import maf


def scaled(scale):
    """A Gaussian with these deviations."""
    return Transformed(Normal.standard((len(scale),)), Affine(jnp.zeros(len(scale)), jnp.asarray(scale)))


def test_rows_denser_than_usual_are_not_typical():
    """The mode of a Gaussian in 100 columns is its densest row, and no sample is like it."""
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.normal(size=(1000, 100)), np.zeros((1, 100))])
    scores = stats.norm.logpdf(rows).sum(axis=1)
    found = oddity.typicality(scores[500:], scores[:500])
    assert scores[-1] == scores.max()
    assert found[-1] == found.min()
    np.testing.assert_allclose(found[-1], -abs(50.0), rtol=0.1)  # half of the mean of chi-square of 100


def test_sets_that_are_typical_have_uniform_p_values():
    rng = np.random.default_rng(1)
    reference = rng.normal(size=20_000)
    found = [oddity.typicality_p_value(rng.normal(size=10), reference, draws=999, seed=i) for i in range(200)]
    assert stats.kstest(found, "uniform").pvalue > 0.001
    assert oddity.typicality_p_value(np.full(10, 1.5), reference, draws=999) <= 0.002


def test_a_ratio_cancels_what_both_models_count():
    np.testing.assert_allclose(oddity.likelihood_ratio([-5.0, -1.0], [-4.0, -2.0]), [-1.0, 1.0])
    with pytest.raises(DataError, match="1 background scores for 2"):
        oddity.likelihood_ratio([0.0, 1.0], [0.0])


def test_the_length_of_a_picture_is_that_of_its_file():
    rng = np.random.default_rng(0)
    noise, flat = rng.integers(0, 256, (28, 28), np.uint8), np.zeros((28, 28), np.uint8)
    found = oddity.png_nats(np.stack([noise, flat])) / np.log(2)
    assert found[0] > 28 * 28 * 8  # noise has no shorter form
    assert found[1] < 1000
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG", optimize=True)
    np.testing.assert_allclose(found[0], 8 * len(file.getvalue()))
    np.testing.assert_allclose(oddity.input_complexity([-10.0], found[1:]), -10.0 + found[1])
    with pytest.raises(DataError, match="are no pictures"):
        oddity.png_nats(np.zeros((1, 28, 28)))


def test_waic_is_the_mean_less_the_variance():
    scores = np.array([[0.0, 1.0], [2.0, 1.0]])
    np.testing.assert_allclose(oddity.waic(scores), [0.0, 1.0])
    np.testing.assert_allclose(oddity.ensemble_spread(scores), [-1.0, 0.0])
    with pytest.raises(DataError, match="by two models or more"):
        oddity.waic(scores[:1])


def test_gradient_norms_are_those_of_a_gaussian():
    """By the location (x - m) / s^2, and by the scale ((x - m)^2 / s^2 - 1) / s times a factor that cancels."""
    rng = np.random.default_rng(0)
    x, reference = np.array([[0.5, 1.0], [3.0, -2.0], [2.0, 2.0]]), rng.normal(0, 2, size=(300, 2))

    def squares(rows):
        return np.stack([((rows / 4) ** 2).sum(axis=1), (((rows / 2) ** 2 - 1) ** 2 / 4).sum(axis=1)], axis=1)

    expected = -(squares(x) / squares(reference).mean(axis=0)).mean(axis=1)
    np.testing.assert_allclose(oddity.gradient_norm(scaled([2.0, 2.0]), x, reference), expected, rtol=1e-4)


def test_a_row_far_away_has_a_larger_gradient():
    flow = maf(2, num_layers=2, width=8, key=jax.random.key(0))
    reference = np.random.default_rng(0).normal(size=(600, 2))
    found = oddity.gradient_norm(flow, np.array([[0.1, 0.2], [6.0, -6.0]]), reference)
    assert found[1] < found[0]
    np.testing.assert_allclose(oddity.gradient_norm(flow, reference, reference).mean(), -1.0, rtol=1e-5)


def test_the_local_dimension_counts_the_directions_of_a_gaussian():
    flow = scaled([1.0, 0.1, 0.01])
    x = np.zeros((4, 3))
    for scale, count in ((2.0, 0), (0.5, 1), (0.05, 2), (0.001, 3)):
        np.testing.assert_array_equal(oddity.local_dimension(flow, x, scale), count)


def test_a_row_is_odd_by_its_density_or_by_its_dimension():
    reference, dims = np.arange(10.0), np.full(10, 5)
    found = oddity.density_and_dimension([-1.0, 5.0, 5.0], [5, 5, 2], reference, dims)
    np.testing.assert_allclose(found, [0.0, 0.6, 0.0])


def test_a_flow_with_a_background_has_no_local_dimension():
    with pytest.raises(DataError, match="background=False"):
        oddity.local_dimension(Normal.standard((2,)), np.zeros((1, 2)), 0.1)
