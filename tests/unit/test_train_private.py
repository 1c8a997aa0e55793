"""Private fits: what a row can move, what is accounted, and what is kept."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from dp_accounting import (
    GaussianDpEvent,
    NeighboringRelation,
    PoissonSampledDpEvent,
    SelfComposedDpEvent,
)
from dp_accounting.pld import PLDAccountant
from dp_accounting.rdp import RdpAccountant
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

import pushforward as pf
from pushforward._errors import DataError, UsageError
from pushforward.objectives import Batch, nll
from pushforward.train._schedule import adam
from pushforward.train.private._privacy import ROUNDED, epsilon_of, noise_multiplier
from pushforward.train.private._step import PrivateKnobs, PrivatePlan, clipped_sum, private_gradient, taking_part


def rows_of(count: int, seed: int = 0) -> jax.Array:
    return jax.random.normal(jax.random.key(seed), (count, 2))


@pytest.fixture(scope="module")
def flow():
    return pf.flows.maf(2, num_layers=1, width=8, key=jax.random.key(0))


@jax.jit
def compiled_sum(params, rest, x, real, clip):
    return clipped_sum(nll, params, rest, Batch(x), real, clip, jax.random.key(0))


def gradient_sum(flow, x, real, clip):
    total = compiled_sum(*pf.partition(flow), x, jnp.asarray(real), clip)
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(total)]).astype(np.float64)


@settings(max_examples=25, deadline=None)
@given(
    row=st.integers(0, 7),
    clip=st.floats(1e-3, 100.0),
    values=st.lists(st.floats(-(2.0**100), 2.0**100, width=32), min_size=2, max_size=2),
)
def test_a_row_moves_the_sum_of_gradients_by_the_clip_norm_at_most(flow, row, clip, values):
    x = rows_of(8).at[row].set(jnp.array(values))
    real = np.ones(8, bool)
    there, without = gradient_sum(flow, x, real, clip), gradient_sum(flow, x, real & (np.arange(8) != row), clip)
    assert np.isfinite(there).all()
    # Rounding of the other rows' sum is beside the clip norm.
    assert np.linalg.norm(there - without) <= clip * (1 + 1e-5) + 1e-5 * np.linalg.norm(without)


def test_short_gradients_are_summed_as_they_are(flow):
    x = rows_of(8)
    params, rest = pf.partition(flow)
    mean = jax.grad(lambda p: nll(eqx.combine(p, rest), Batch(x), key=jax.random.key(0))[0])(params)
    wanted = 8 * np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(mean)])
    np.testing.assert_allclose(gradient_sum(flow, x, np.ones(8, bool), 1e6), wanted, rtol=1e-4, atol=1e-4)


def test_every_row_takes_part_by_itself_with_the_rate():
    keys = jax.random.split(jax.random.key(0), 2000)
    places, counts = jax.vmap(lambda key: taking_part(key, 50, 0.3))(keys)
    there = np.stack([np.bincount(p[p >= 0], minlength=50) for p in np.asarray(places)])
    assert there.max() == 1
    np.testing.assert_array_equal(there.sum(axis=1), counts)
    # Each row 600 times in the mean, and the number of rows binomial, not fixed.
    assert stats.chisquare(there.sum(axis=0), np.full(50, there.sum() / 50)).pvalue > 1e-4
    assert there.sum() / (2000 * 50) == pytest.approx(0.3, abs=4 * math.sqrt(0.21 / 1e5))
    assert counts.var() == pytest.approx(50 * 0.21, rel=0.15)


def test_the_gradient_of_a_step_has_the_noise_that_was_accounted_for(flow):
    def nothing(flow, batch, *, key):
        return 0.0 * jnp.sum(flow.log_prob(batch.x)), {}

    plan = PrivatePlan(nothing, adam(None), "constant", False)
    knobs = PrivateKnobs(jax.random.key(3), 1.0, 0.25, 1.0, 2.5, 0.0, 1.0, 0.0)
    params, rest = pf.partition(flow)

    @jax.jit
    def at(step):
        return private_gradient(plan, params, rest, Batch(rows_of(40)), knobs, step)

    found = np.array([np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(at(step))]) for step in range(200)])
    # Noise of 2.5, by the 10 rows that are expected; in each number and in each step another.
    assert stats.kstest(found.ravel() / 0.25, "norm").pvalue > 1e-4
    assert found.std(axis=0) == pytest.approx(0.25, rel=0.3)
    assert len(np.unique(found)) > 0.99 * found.size


def test_one_step_on_all_rows_is_the_gaussian_mechanism():
    # Balle & Wang (2018), Improving the Gaussian mechanism, theorem 8: delta of epsilon in closed form.
    def delta(epsilon, noise):
        a, b = 0.5 / noise - epsilon * noise, -0.5 / noise - epsilon * noise
        return stats.norm.cdf(a) - math.exp(epsilon) * stats.norm.cdf(b)

    wanted = optimize.brentq(lambda epsilon: delta(epsilon, 2.0) - 1e-5, 0.01, 20.0)
    assert epsilon_of(2.0, 1e-5, 1.0, 1) == pytest.approx(wanted, abs=2 * ROUNDED)


def test_what_is_spent_is_what_dp_accounting_says():
    event = SelfComposedDpEvent(PoissonSampledDpEvent(0.02, GaussianDpEvent(1.1)), 300)
    exact = PLDAccountant(NeighboringRelation.ADD_OR_REMOVE_ONE, ROUNDED).compose(event).get_epsilon(1e-5)
    bound = RdpAccountant(neighboring_relation=NeighboringRelation.ADD_OR_REMOVE_ONE).compose(event).get_epsilon(1e-5)
    assert epsilon_of(1.1, 1e-5, 0.02, 300) == exact
    assert exact <= bound


@pytest.mark.parametrize("epsilon", [0.5, 3.0, 10.0])
def test_the_noise_is_the_least_that_keeps_the_promise(epsilon):
    noise = noise_multiplier(epsilon, 1e-5, 0.05, 200)
    assert epsilon_of(noise, 1e-5, 0.05, 200) <= epsilon
    assert epsilon_of(0.99 * noise, 1e-5, 0.05, 200) > epsilon


def test_a_loose_promise_learns_what_a_fit_learns():
    flow, x = pf.flows.affine(2, key=jax.random.key(0)), 0.5 + 0.7 * rows_of(2000)
    # Shortened gradients have another mean: with a clip norm of 1 the scale would come out too small.
    privacy = pf.train.Privacy(epsilon=10.0, clip_norm=5.0)
    given = {"max_epochs": 15, "batch_size": 200, "learning_rate": 0.02}
    result = pf.fit(flow, x, privacy=privacy, key=jax.random.key(1), **given)
    law = stats.multivariate_normal([0.5, 0.5], 0.49 * np.eye(2))
    test = np.asarray(0.5 + 0.7 * rows_of(2000, seed=5))
    assert result.spent.spent <= 10.0
    assert law.logpdf(test).mean() - float(jnp.mean(result.flow.log_prob(test))) < 0.03
    assert all(math.isnan(epoch.train) and epoch.validation is None for epoch in result.history)


@pytest.mark.parametrize("epsilon", [0.0, -1.0, math.inf, math.nan])
def test_an_epsilon_that_promises_nothing_is_refused(epsilon):
    with pytest.raises(UsageError, match="epsilon must be positive and finite"):
        pf.train.Privacy(epsilon=epsilon)


@pytest.mark.parametrize("delta", [0.0, 1.0, -1e-5, math.nan])
def test_a_delta_that_is_no_probability_is_refused(delta):
    with pytest.raises(UsageError, match="delta must lie between 0 and 1"):
        pf.train.Privacy(epsilon=1.0, delta=delta)


def test_a_delta_that_would_publish_a_row_is_told(flow):
    privacy = pf.train.Privacy(epsilon=10.0, delta=0.01)
    with pytest.warns(UserWarning, match="not below one over the number of rows"):
        pf.fit(flow, rows_of(150), privacy=privacy, max_epochs=1, key=jax.random.key(0))


@pytest.mark.parametrize(
    "layer",
    [pf.bijections.ActNorm(2), pf.bijections.Equalize((2,), 10), pf.bijections.Whitening(2)],
    ids=["ActNorm", "Equalize", "Whitening"],
)
def test_a_flow_that_begins_with_the_data_is_refused_by_name(layer):
    chain = pf.bijections.Chain([pf.bijections.Scale(jnp.ones(2)), layer])
    flow = pf.distributions.Transformed(pf.distributions.Normal.standard((2,)), chain)
    with pytest.raises(DataError, match=f"{type(layer).__name__} sets its parameters from the first rows"):
        pf.fit(flow, rows_of(300), privacy=pf.train.Privacy(epsilon=1.0), key=jax.random.key(0))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"weights": np.ones(300)}, "`weights`"),
        ({"checkpoint": "c.safetensors"}, "`checkpoint`"),
        ({"validation": np.zeros((5, 2))}, "`validation`"),
        ({"weight_decay": 0.1}, "`weight_decay`"),
    ],
)
def test_what_would_leak_is_refused(flow, given, words):
    with pytest.raises(UsageError, match=words):
        pf.fit(flow, rows_of(300), privacy=pf.train.Privacy(epsilon=1.0), key=jax.random.key(0), **given)
