"""Scores of forecasts beside closed forms."""

import numpy as np
import pytest
from scipy.stats import norm

from pushforward.diagnostics import crps, energy_score, quantile_loss


def test_crps_of_a_normal_is_its_closed_form():
    """Gneiting & Raftery (2007), eq. 21: sigma (w (2 Phi(w) - 1) + 2 phi(w) - 1 / sqrt(pi))."""
    rng = np.random.default_rng(0)
    y = np.array([-1.0, 0.3, 2.5])
    found = np.stack([crps(rng.normal(0.5, 2.0, (200, 3)), y) for _ in range(200)])
    w = (y - 0.5) / 2.0
    wanted = 2.0 * (w * (2 * norm.cdf(w) - 1) + 2 * norm.pdf(w) - 1 / np.sqrt(np.pi))
    assert np.all(np.abs(found.mean(axis=0) - wanted) < 4 * found.std(axis=0) / np.sqrt(200))


def test_crps_is_the_mean_over_pairs():
    draws, y = np.random.default_rng(1).normal(size=(7, 2)), np.array([0.1, -0.4])
    pairs = np.abs(draws[:, None] - draws[None]).sum(axis=(0, 1)) / (7 * 6)
    np.testing.assert_allclose(crps(draws, y), np.abs(draws - y).mean(axis=0) - pairs / 2, atol=1e-12)


def test_energy_score_of_one_number_is_the_crps():
    draws, y = np.random.default_rng(2).normal(size=(9, 4, 1)), np.zeros((4, 1))
    np.testing.assert_allclose(energy_score(draws, y), crps(draws[..., 0], y[..., 0]), atol=1e-12)


def test_quantile_loss_takes_order_statistics():
    """Of the draws 0 .. 100 the level 0.05 is 5, not between two; the loss of each level by hand."""
    draws, y = np.arange(101.0), 40.0
    losses = [2 * abs((y - q) * ((y <= q) - q / 100)) for q in range(5, 100, 5)]
    assert quantile_loss(draws, y) == pytest.approx(np.mean(losses) / 40.0)


def test_draws_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="two draws or more"):
        crps(np.zeros((1, 3)), np.zeros(3))
    with pytest.raises(ValueError, match="of shape"):
        energy_score(np.zeros((5, 3, 2)), np.zeros((4, 2)))
