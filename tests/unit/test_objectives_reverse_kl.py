"""Learning from a density."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward.train
from pushforward import bijections, distributions, flows
from pushforward._errors import TrainingError
from pushforward.objectives import Batch, reverse_kl


def log_density(x):
    """A normal with mean 3 and spread 0.5, times 7."""
    return -0.5 * jnp.sum(((x - 3.0) / 0.5) ** 2) + math.log(7.0)


LOG_Z = math.log(7.0) + math.log(2 * math.pi * 0.25)


def test_loss_is_minus_log_z_when_the_flow_is_the_density(key):
    flow = distributions.Normal(3.0 * jnp.ones(2), 0.5 * jnp.ones(2))
    loss, metrics = reverse_kl(log_density, num_samples=64)(flow, Batch(), key=key)
    assert float(loss) == pytest.approx(-LOG_Z, abs=1e-4)
    assert float(metrics["log_z"]) == pytest.approx(LOG_Z, abs=1e-4)
    assert float(metrics["effective_fraction"]) == pytest.approx(1.0, abs=1e-4)


def test_fit_without_data_finds_the_density(key):
    result = pushforward.train.fit(
        flows.affine(2, key=key), None, objective=reverse_kl(log_density), learning_rate=0.05, max_epochs=5,
        progress=False, key=key,
    )  # fmt: skip
    assert result.best_loss == pytest.approx(-LOG_Z, abs=1e-2)
    assert result.history[-1].metrics["log_z"] == pytest.approx(LOG_Z, abs=1e-2)
    np.testing.assert_allclose(np.mean(result.flow.sample(key, 2000), axis=0), 3.0, atol=0.1)


def test_a_density_that_is_not_a_scalar_is_refused(key):
    flow = distributions.Normal.standard((2,))
    with pytest.raises(ValueError, match="must return a scalar"):
        reverse_kl(lambda x: -(x**2))(flow, Batch(), key=key)


def test_a_conditional_flow_is_refused(key):
    flow = flows.affine(2, cond_dim=1, key=key)
    with pytest.raises(ValueError, match="conditional"):
        reverse_kl(log_density)(flow, Batch(), key=key)


def test_no_samples_are_refused():
    with pytest.raises(ValueError, match="num_samples"):
        reverse_kl(log_density, num_samples=0)


def test_the_gradient_points_from_the_flow_to_the_density(key):
    flow = distributions.Normal(jnp.zeros(2), jnp.ones(2))
    grad = jax.grad(lambda f: reverse_kl(log_density)(f, Batch(), key=key)[0])(flow)
    assert (grad.loc < 0).all()


def gradient_of(how, flow, key):
    return jax.grad(lambda f: reverse_kl(log_density, num_samples=16, gradient=how)(f, Batch(), key=key)[0])(flow)


def test_the_path_gradient_vanishes_where_the_flow_is_the_density(key):
    flow = distributions.Normal(3.0 * jnp.ones(2), 0.5 * jnp.ones(2))
    path, total = gradient_of("path", flow, key), gradient_of("total", flow, key)
    assert max(float(jnp.max(jnp.abs(leaf))) for leaf in jax.tree.leaves(path)) < 1e-3
    assert max(float(jnp.max(jnp.abs(leaf))) for leaf in jax.tree.leaves(total)) > 0.05


def test_both_gradients_have_the_same_mean(key):
    flow = distributions.Transformed(distributions.Normal.standard((2,)), bijections.Affine(jnp.ones(2), 1.5))
    keys, means = jax.random.split(key, 2000), {}
    for how in ("path", "total"):
        each = jax.vmap(lambda k, h=how: gradient_of(h, flow, k))(keys)
        means[how] = [(np.mean(leaf, 0), np.std(leaf, 0) / len(keys) ** 0.5) for leaf in jax.tree.leaves(each)]
    for (path, path_error), (total, total_error) in zip(means["path"], means["total"], strict=True):
        assert (np.abs(path - total) <= 4 * (path_error + total_error)).all()
        assert (path_error < total_error).all()


def test_a_bound_has_no_path_gradient(key):
    normal = distributions.Normal.standard((2,))
    flow = distributions.Transformed(normal, bijections.Metropolis(normal))
    with pytest.raises(ValueError, match='gradient="total"'):
        reverse_kl(log_density, gradient="path")(flow, Batch(), key=key)


def test_an_unknown_gradient_is_refused():
    with pytest.raises(ValueError, match="did you mean 'path'"):
        reverse_kl(log_density, gradient="paths")


def test_a_density_that_returns_a_tuple_is_refused(key):
    with pytest.raises(ValueError, match="got a tuple"):
        reverse_kl(lambda x: (x, x))(distributions.Normal.standard((2,)), Batch(), key=key)


def test_a_density_that_is_nan_is_named_with_the_place(key):
    def broken(x):
        return jnp.log(-1.0 - jnp.sum(x**2))

    with pytest.raises(TrainingError, match=r"`log_density` is NaN in 256 of 256 draws of the flow, as at x = \["):
        pushforward.train.fit(
            flows.affine(2, key=key), None, objective=reverse_kl(broken), max_epochs=1, progress=False, key=key
        )
