"""Layers that take random steps: whatever they do, the weights stay right."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from pushforward import bijections as b
from pushforward import distributions as d
from pushforward._errors import FileError
from pushforward.diagnostics import importance
from pushforward.objectives import Batch, nll, reverse_kl


def log_density(x):
    """Two bumps, the right one twice as likely; a spread of 0.5 in the second coordinate; times e."""
    bumps = jnp.logaddexp(jnp.log(2.0) - 0.5 * ((x[0] - 1.5) / 0.4) ** 2, -0.5 * ((x[0] + 1.5) / 0.4) ** 2)
    return 1.0 + bumps - 0.5 * (x[1] / 0.5) ** 2


LOG_Z = 1.0 + np.log(3 * 0.4 * 0.5 * 2 * np.pi)
TARGET = d.Target(log_density, (2,))
BASE = d.Normal(jnp.zeros(2), jnp.array([2.0, 1.0]))
LAYERS = {
    "metropolis": b.Metropolis(d.Bridge(BASE, TARGET, 0.5), num_steps=5, step_size=0.7),
    "hmc": b.HMC(TARGET, num_steps=2, num_leapfrog=3, step_size=0.3),
    "overdamped": b.Langevin(TARGET, num_steps=4, step_size=0.25),
    "underdamped": b.Langevin(d.Bridge(BASE, TARGET, 0.7), num_steps=4, step_size=0.25, friction=2.0),
}


@pytest.fixture(params=LAYERS)
def flow(request):
    """Base, a scale, a stochastic layer, a shift."""
    return d.Transformed(BASE, b.Chain([b.Scale(jnp.full(2, 0.9)), LAYERS[request.param], b.Shift(jnp.full(2, 0.05))]))


def test_weights_of_paths_have_mean_z(flow, key):
    found = importance(flow, log_density, num_samples=20_000, key=key)
    assert abs(found.log_z - LOG_Z) < 4 * found.log_z_error < 0.15
    right, error = found.expectation(lambda x: (x[0] > 0).astype(float))
    assert abs(right - 2 / 3) < 4 * error < 0.1


@pytest.mark.parametrize("flow", ["metropolis", "underdamped"], indirect=True)
def test_backward_paths_estimate_the_marginal_density_without_bias(flow, key):
    """In the mean over paths, against a histogram of samples."""
    assert not flow.exact
    half, point, n = 0.2, np.array([1.2, 0.1]), 100_000
    samples = np.asarray(flow.sample(key, n))
    share = np.mean(np.all(np.abs(samples - point) < half, axis=1))
    points = jax.random.uniform(key, (8192, 2), minval=-half, maxval=half) + point
    # The estimates have heavy tails: with some keys a single path makes the error five times as large.
    estimates = np.exp(np.asarray(flow.log_prob(points, key=jax.random.fold_in(key, 2)), np.float64))
    area = 4 * half**2
    error = np.hypot(estimates.std() / len(points) ** 0.5 * area, np.sqrt(share / n))
    assert abs(estimates.mean() * area - share) < 4 * error < 0.2 * share


def test_small_steps_of_langevin_lose_what_the_density_gains(key):
    layer = b.Langevin(TARGET, num_steps=50, step_size=0.02, friction=1.0)
    x = jnp.array([[0.7, -1.0], [0.3, 0.4]])
    y, lost = layer._forward_many(x, None, key)
    gained = TARGET._log_prob_many(y, None, None) - TARGET._log_prob_many(x, None, None)
    assert np.abs(gained).min() > 0.1
    np.testing.assert_allclose(lost, -gained, atol=0.02)


def test_steps_leave_their_density_in_place(key):
    """Samples of the density, moved, have its moments."""
    normal = d.Normal(jnp.array([1.0, -2.0]), jnp.array([0.5, 1.5]))
    x = normal._sample_many(key, 20_000, None, None)
    for layer in (b.Metropolis(normal, 10, 0.8), b.HMC(normal, 3, 4, 0.3)):
        y, _ = layer._forward_many(x, None, jax.random.fold_in(key, 1))
        assert np.mean(np.any(y != x, axis=0)) > 0.8
        np.testing.assert_allclose(np.mean(y, axis=1), [1.0, -2.0], atol=0.05)
        np.testing.assert_allclose(np.std(y, axis=1), [0.5, 1.5], rtol=0.03)


def test_both_objectives_have_finite_gradients_and_leave_the_density_alone(key):
    layer = b.Langevin(d.Bridge(BASE, BASE, 0.5), num_steps=3)
    flow = d.Transformed(d.Normal.standard((2,)), b.Chain([b.Affine(jnp.zeros(2)), layer]))
    for objective in (nll, reverse_kl(log_density, num_samples=64)):
        grad = jax.grad(lambda f, o=objective: o(f, Batch(jnp.ones((8, 2))), key=key)[0])(flow)
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(grad))
        assert float(jnp.abs(grad.bijection.bijections[1].step_raw)) > 0
    mask = pf._params.trainable_mask(flow)
    assert not any(jax.tree.leaves(mask.bijection.bijections[1].density))
    assert mask.bijection.bijections[1].step_raw


def test_infinite_friction_has_a_finite_gradient_for_its_step(key):
    grad = jax.grad(lambda layer: jnp.sum(layer._forward_many(jnp.ones((2, 4)), None, key)[1]))(LAYERS["overdamped"])
    assert np.isfinite(grad.step_raw)


def test_a_walk_outside_the_support_has_weight_zero_and_is_not_nan(key):
    box = d.Uniform(jnp.zeros(2), jnp.ones(2))
    layer = b.Metropolis(box, num_steps=10, step_size=0.1)
    x = jnp.array([[50.0, 1.05, 0.5], [50.0, 0.5, 0.5]])
    y, lost = layer._forward_many(x, None, key)
    inside = np.isfinite(box._log_prob_many(y, None, None))
    assert inside.tolist() == [False, True, True]
    assert lost[0] == 0.0
    assert lost[1] == -np.inf
    assert lost[2] == 0.0


def test_the_same_path_without_a_key(key):
    layer = LAYERS["hmc"]
    a, c = layer.forward_and_log_det(jnp.ones(2)), layer.forward_and_log_det(jnp.ones(2))
    np.testing.assert_array_equal(a[0], c[0])
    assert not np.array_equal(a[0], layer.forward(jnp.ones(2), key=key))


def test_a_flow_with_stochastic_layers_is_saved_and_loaded(tmp_path, key):
    layer = b.Metropolis(d.Bridge(d.Normal.standard((2,)), BASE, 0.5), num_steps=3)
    flow = d.Transformed(d.Normal.standard((2,)), b.Chain([b.Affine(jnp.zeros(2)), layer]))
    pf.save(tmp_path / "flow.safetensors", flow)
    loaded = pf.load(tmp_path / "flow.safetensors")
    np.testing.assert_array_equal(loaded.sample(key, 5), flow.sample(key, 5))


def test_a_function_cannot_be_saved_and_the_error_says_so(tmp_path):
    flow = d.Transformed(BASE, LAYERS["metropolis"])
    with pytest.raises(FileError, match=r"target\.function` is of type function"):
        pf.save(tmp_path / "flow.safetensors", flow)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: b.Metropolis(BASE, num_steps=0), "`num_steps` must be at least 1, got 0"),
        (lambda: b.Metropolis(BASE, step_size=-1.0), "`step_size` must be positive, got -1.0"),
        (lambda: b.HMC(BASE, num_leapfrog=0), "`num_leapfrog` must be at least 1, got 0"),
        (lambda: b.Langevin(BASE, friction=0.0), "`friction` must be positive, got 0.0"),
        (lambda: d.Bridge(BASE, TARGET, 1.5), r"`share` must be in \[0, 1\], got 1.5"),
        (lambda: d.Bridge(BASE, d.Normal.standard((3,))), "one event shape"),
        (lambda: d.Target(lambda x: -(x**2), (2,)), r"must return a scalar for one event of shape \(2,\)"),
        (lambda: TARGET.sample(jax.random.key(0)), "no sampler"),
        (lambda: d.Bridge(BASE, TARGET).sample(jax.random.key(0)), "no sampler"),
    ],
)
def test_nonsense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
