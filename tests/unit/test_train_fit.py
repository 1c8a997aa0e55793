"""Fitting: what is learned, what is kept, when it stops."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from pushforward import flows
from pushforward.train import FitResult, _step, fit

QUICK = {"learning_rate": 0.05, "max_epochs": 8, "batch_size": 64, "progress": False}


@pytest.fixture(scope="module")
def x():
    noise = np.random.default_rng(0).normal(size=(600, 2))
    return (noise * [0.5, 2.0] + [3.0, -1.0]).astype(np.float32)


@pytest.fixture(scope="module")
def flow():
    return flows.affine(2, key=jax.random.key(0))


def leaves(tree):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


def same(a, b):
    return all(np.array_equal(p, q) for p, q in zip(leaves(a), leaves(b), strict=True))


def mean_nll(flow, x, *rest):
    return -float(jnp.mean(flow.log_prob(x, *rest)))


def test_fit_finds_mean_and_spread(flow, x, key):
    result = fit(flow, x, key=key, **QUICK | {"max_epochs": 20, "learning_rate": 0.2})
    np.testing.assert_allclose(result.flow.bijection.loc, x.mean(axis=0), atol=0.15)
    np.testing.assert_allclose(result.flow.bijection.scale, x.std(axis=0), rtol=0.1)


def test_the_given_flow_is_unchanged_and_still_usable(flow, x, key):
    before = leaves(flow)
    fit(flow, x, key=key, **QUICK)
    assert all(np.array_equal(a, b) for a, b in zip(before, leaves(flow), strict=True))


def test_the_same_key_gives_the_same_bits_and_another_does_not(flow, x, key):
    first, second = fit(flow, x, key=key, **QUICK), fit(flow, x, key=key, **QUICK)
    other = fit(flow, x, key=jax.random.key(5), **QUICK)
    assert same(first.flow, second.flow)
    assert not same(first.flow, other.flow)


def test_nothing_compiles_again_for_other_epochs_rates_or_a_second_fit(flow, x, key):
    fit(flow, x, key=key, **QUICK)
    before = _step.run_steps._cache_size(), _step.evaluate._cache_size()
    fit(flow, x, key=jax.random.key(1), **QUICK | {"max_epochs": 3, "learning_rate": 0.01})
    assert (_step.run_steps._cache_size(), _step.evaluate._cache_size()) == before


def test_the_best_epoch_is_kept(flow, x, key):
    result = fit(flow, x, key=key, **QUICK | {"learning_rate": 0.5})
    validation = [epoch.validation for epoch in result.history]
    assert result.best_loss == min(validation)
    assert result.best_epoch == 1 + validation.index(min(validation))


def test_best_loss_is_the_loss_of_the_flow_that_is_returned(flow, x, key):
    result = fit(flow, x[:400], validation=x[400:], key=key, **QUICK)
    assert result.best_loss == pytest.approx(mean_nll(result.flow, x[400:]), rel=1e-5)


def test_held_out_rows_are_not_trained_on(flow, key):
    x = np.zeros((100, 2), np.float32)
    x[:50] += 10.0
    result = fit(flow, x[:50], validation=x[50:], key=key, **QUICK)
    assert result.best_epoch == 0
    assert mean_nll(result.flow, x[50:]) <= mean_nll(flow, x[50:]) + 1e-5


def test_training_ends_when_patience_runs_out(flow, x, key):
    result = fit(flow, x, key=key, **QUICK | {"max_epochs": 200, "patience": 2, "schedule": "constant"})
    assert len(result.history) == result.best_epoch + 2 < 200
    assert "held-out rows for 2 epochs" in result.stopped_because


def test_the_cosine_cools_down_when_patience_runs_out(flow, x, key):
    result = fit(flow, x, key=key, **QUICK | {"max_epochs": 200, "patience": 4, "learning_rate": 0.5})
    rates = [epoch.learning_rate for epoch in result.history]
    assert len(result.history) < 200
    assert "held-out rows for 4 epochs" in result.stopped_because
    assert rates[-1] < 0.1 * rates[-3]  # two epochs of cooling
    assert rates[-2] < 0.35 * rates[-3]


def test_without_validation_the_last_flow_is_kept(flow, x, key):
    result = fit(flow, x, validation=None, key=key, **QUICK | {"patience": 1})
    assert result.best_epoch == len(result.history) == 8
    assert all(epoch.validation is None for epoch in result.history)


def test_without_validation_and_in_one_batch_every_row_is_used(flow, key):
    x = np.array([[0.0, 0.0], [1.0, 1.0], [8.0, 8.0]], np.float32)
    result = fit(flow, x, validation=0, key=key, **QUICK | {"learning_rate": 0.1, "max_epochs": 400})
    np.testing.assert_allclose(result.flow.bijection.loc, 3.0, atol=0.05)


def test_ema_keeps_a_running_mean(flow, x, key):
    plain = fit(flow, x, validation=None, key=key, **QUICK)
    mean = fit(flow, x, validation=None, ema=0.99, key=key, **QUICK)
    assert not same(plain.flow, mean.flow)
    # The parameters move one way, so their mean lags behind.
    assert (np.abs(mean.flow.bijection.loc) < np.abs(plain.flow.bijection.loc)).all()


def test_weights_count_like_repeated_rows(flow, x, key):
    x = x[:30]
    counts = np.arange(30) % 3
    settings = QUICK | {"batch_size": 1000, "validation": None, "max_epochs": 20}
    weighted = fit(flow, x, weights=counts, key=key, **settings)
    repeated = fit(flow, np.repeat(x, counts, axis=0), key=key, **settings)
    for a, b in zip(leaves(weighted.flow), leaves(repeated.flow), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_one_heavy_row_keeps_its_share_over_small_batches(flow, key):
    x, weights = np.zeros((256, 2), np.float32), np.ones(256)
    x[7], weights[7] = 1.0, 256.0  # the weighted mean is 256 / 511
    result = fit(
        flow, x + 0.01, weights=weights, validation=None, key=key,
        **QUICK | {"batch_size": 8, "max_epochs": 60, "learning_rate": 0.01, "clip": None},
    )  # fmt: skip
    np.testing.assert_allclose(result.flow.bijection.loc, 0.51, atol=0.1)


def test_reported_losses_are_weighted_means(flow, x, key):
    weights = np.linspace(0.0, 3.0, 600)
    result = fit(flow, x, weights=weights, validation=(x, None, weights), key=key, **QUICK | {"max_epochs": 1})
    density = np.asarray(result.flow.log_prob(x), np.float64)
    assert result.best_loss == pytest.approx(-np.average(density, weights=weights), rel=1e-5)


def test_the_training_loss_is_the_weighted_mean_over_batches(flow, x, key):
    weights = np.linspace(0.5, 9.0, 600)
    settings = QUICK | {"learning_rate": 1e-12, "max_epochs": 1, "batch_size": 50, "validation": None}
    result = fit(flow, x, weights=weights, key=key, **settings)
    density = np.asarray(flow.log_prob(x), np.float64)
    assert result.history[0].train == pytest.approx(-np.average(density, weights=weights), rel=1e-5)


def test_a_conditional_flow_learns_from_its_condition(x, key):
    condition = x[:, :1]
    flow = flows.affine(1, cond_dim=1, width=8, depth=1, key=key)
    result = fit(flow, condition + 0.1 * x[:, 1:], condition=condition, key=key, **QUICK)
    assert result.best_loss < result.start_loss - 0.5
    given = (x[:100, :1] + 0.1 * x[:100, 1:], condition[:100])
    again = fit(flow, condition[100:], condition=condition[100:], validation=given, key=key, **QUICK)
    assert again.best_loss == pytest.approx(mean_nll(again.flow, *given), rel=1e-4)


def test_an_optimizer_is_used_as_it_is(flow, x, key):
    settings = QUICK | {"batch_size": 1000, "validation": None, "max_epochs": 1}
    result = fit(flow, x, optimizer=optax.sgd(0.1), key=key, **settings)
    gradient = jax.grad(lambda f: -jnp.mean(f.log_prob(x)))(flow)
    np.testing.assert_allclose(result.flow.bijection.loc, -0.1 * gradient.bijection.loc, rtol=1e-5)


def test_callbacks_see_the_flow_and_can_stop(flow, x, key):
    seen = []

    def callback(info):
        seen.append((info.epoch, info.current_flow(), info.best_flow()))
        return info.epoch == 3

    result = fit(flow, x, callbacks=[callback], key=key, **QUICK)
    assert [epoch for epoch, _, _ in seen] == [1, 2, 3]
    assert result.stopped_because == "a callback said stop"
    # Flows handed out stay valid while training goes on.
    assert mean_nll(seen[0][1], x) > mean_nll(seen[2][1], x)
    assert same(seen[2][2], result.flow)


def test_data_dependent_parameters_start_from_the_data(x, key):
    from pushforward.bijections import ActNorm
    from pushforward.distributions import Normal, Transformed

    flow = Transformed(Normal.standard((2,)), ActNorm(2))
    result = fit(flow, x, validation=None, key=key, **QUICK | {"learning_rate": 1e-6, "max_epochs": 1})
    np.testing.assert_allclose(result.flow.bijection.loc, x.mean(axis=0), atol=1e-3)
    assert float(result.flow.bijection.started) == 1.0


def test_buffers_are_not_trained(x, key):
    from pushforward.bijections import Affine, Chain, Standardize
    from pushforward.distributions import Normal, Transformed

    chain = Chain([Affine(jnp.zeros(2)), Standardize(jnp.ones(2), 2.0 * jnp.ones(2))])
    result = fit(Transformed(Normal.standard((2,)), chain), x, key=key, **QUICK)
    standardize = result.flow.bijection.bijections[1]
    assert same(standardize, chain.bijections[1])
    assert not same(result.flow.bijection.bijections[0], chain.bijections[0])


def test_the_history_counts_every_epoch(flow, x, key):
    result = fit(flow, x, key=key, **QUICK)
    assert isinstance(result, FitResult)
    assert [epoch.number for epoch in result.history] == list(range(1, 9))
    assert all(np.isfinite([e.train, e.validation, e.seconds, e.learning_rate]).all() for e in result.history)
    assert result.history[-1].train < result.history[0].train
    assert result.seconds == pytest.approx(sum(epoch.seconds for epoch in result.history))
    assert result.history[-1].learning_rate < 0.01 * QUICK["learning_rate"]  # the end of a cosine


@pytest.mark.parametrize("build", [flows.realnvp, flows.nsf_coupling])
def test_weights_decay_as_the_learning_rate_says_and_nothing_else_does(build, x, key):
    """Without a gradient, weights of networks fall by (1 - rate * decay) each step, stacked layers or not."""
    flow = jax.tree.map(lambda leaf: leaf + 0.1, build(2, num_layers=4, width=4, key=key))  # biases begin as 0
    nothing = {"objective": lambda flow, batch, *, key: (0.0 * jnp.sum(batch.x), {}), "validation": None}
    kept = fit(flow, x[:64], key=key, weight_decay=0.5, schedule="constant", **QUICK | nothing).flow
    factor, seen = (1 - 0.05 * 0.5) ** 8, 0  # an epoch is one step, and so is the rise
    for (path, before), (_, after) in zip(*(jax.tree.leaves_with_path(one) for one in (flow, kept)), strict=True):
        falls = "weight" in jax.tree_util.keystr(path)
        seen += falls
        np.testing.assert_allclose(after, factor * before if falls else before, rtol=1e-5, atol=1e-7)
    assert 0 < seen < len(leaves(flow))


def test_decay_makes_a_flow_less_sure_of_the_rows_it_has_seen(key):
    rows = np.random.default_rng(1).normal(size=(40, 2)).astype(np.float32)
    flow = flows.realnvp(2, num_layers=4, width=32, key=key)
    settings = QUICK | {"max_epochs": 150, "learning_rate": 1e-2, "validation": None, "batch_size": 40}
    free, held = (fit(flow, rows, key=key, weight_decay=decay, **settings).flow for decay in (0.0, 2.0))
    assert mean_nll(free, rows) < mean_nll(held, rows) - 0.05
    new = np.random.default_rng(2).normal(size=(2000, 2)).astype(np.float32)
    assert mean_nll(held, new) < mean_nll(free, new) - 0.05
