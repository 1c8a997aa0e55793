"""Grey values by discretised logistics: the first and the last of them have the tails."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import logistic

from pushforward import distributions as d
from pushforward import nets
from pushforward.distributions._discrete import logistic_log_mass
from pushforward.supports import Integers

LEVELS = 16


@pytest.fixture
def law(x64, key) -> d.PredictedLogistic:
    """One with locations beyond both ends."""
    law = d.PredictedLogistic((2,), (3,), num_components=2, unit=4.0, levels=LEVELS, width=4, key=key)
    leaves, tree = jax.tree.flatten(law)
    keys = jax.random.split(key, len(leaves))
    moved = [a + 0.7 * jax.random.normal(k, a.shape) for a, k in zip(leaves, keys, strict=True)]
    return eqx.tree_at(lambda one: one.inner.loc, jax.tree.unflatten(tree, moved), jnp.array([[-1.0, 4.5], [2.0, 1.0]]))


def test_the_levels_sum_to_one(law, key):
    condition = jax.random.normal(key, (5, 3))
    pairs = jnp.stack(jnp.meshgrid(jnp.arange(LEVELS), jnp.arange(LEVELS)), axis=-1).reshape(-1, 1, 2).astype(float)
    mass = jnp.exp(law.log_prob(pairs, condition))
    np.testing.assert_allclose(mass.sum(axis=0), 1.0, atol=1e-12)
    parts = law._parameters(condition.T)
    endless = [jnp.exp(logistic_log_mass(jnp.full((2, 5), float(k)), *parts)) for k in range(LEVELS)]
    assert float(sum(endless).min()) < 0.999  # what the ends have more
    assert float(law.log_prob(jnp.array([-1.0, 3.0]), condition[0])) == -np.inf
    assert float(law.log_prob(jnp.array([LEVELS, 3.0]), condition[0])) == -np.inf
    assert law.support == Integers(0, LEVELS - 1)


def test_the_masses_are_those_of_scipy(x64):
    loc, scale = jnp.array([[0.3], [14.0]]), jnp.array([[2.0], [1.5]])
    logits = jnp.log(jnp.array([[0.25], [0.75]]))
    x = np.arange(LEVELS, dtype=float)
    edges = np.concatenate([[-np.inf], x[:-1] + 0.5, [np.inf]])
    right = sum(w * np.diff(logistic.cdf(edges, t, s)) for w, t, s in ((0.25, 0.3, 2.0), (0.75, 14.0, 1.5)))
    np.testing.assert_allclose(
        jnp.exp(logistic_log_mass(jnp.asarray(x), loc, scale, logits, LEVELS)), right, atol=1e-12
    )


def test_draws_mean_and_masses_agree(law, key):
    condition = jax.random.normal(key, (3,))
    draws = np.asarray(law.sample(key, 40_000, condition))
    assert set(np.unique(draws)) <= set(range(LEVELS))
    levels = jnp.arange(float(LEVELS))
    parts = law._parameters(condition[:, None])
    mass = np.exp([logistic_log_mass(jnp.full((2, 1), k), *parts, LEVELS)[:, 0] for k in levels])
    np.testing.assert_allclose(law.mean(condition), np.asarray(levels) @ mass, atol=1e-9)
    for column in range(2):
        share = np.bincount(draws[:, column].astype(int), minlength=LEVELS) / len(draws)
        np.testing.assert_allclose(share, mass[:, column], atol=0.012)
    laws = law.laws(condition[:, None])
    below = law.below(np.asarray(laws)[:, 0], np.arange(LEVELS + 1.0)[:, None])
    np.testing.assert_allclose(np.diff(below[:, 0]), mass[:, 0], atol=1e-9)


def test_slopes_are_finite_at_the_ends(law, key):
    x = jnp.array([[0.0, LEVELS - 1.0]]).T
    slope = jax.grad(lambda one: one._log_prob_many(x, jnp.zeros((3, 1)), None).sum())(law)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(slope))


def test_what_does_not_fit_is_refused(key):
    with pytest.raises(ValueError, match="`levels` must be at least 2"):
        d.PredictedLogistic((2,), (3,), levels=1, key=key)
    net = nets.Dense((3,), (7,), width=4, key=key)
    with pytest.raises(ValueError, match="must give 30 numbers"):
        d.PredictedLogistic((2,), (3,), net=net, key=key)
