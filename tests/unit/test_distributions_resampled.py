"""A base that learns which draws to keep, and one with heavy tails."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from cases import perturb
from pushforward import distributions as d
from pushforward import flows
from pushforward.objectives import Batch, nll


@pytest.fixture(params=[10, 100])
def resampled(request, key):
    base = d.Resampled(d.Normal.standard((2,)), truncation=request.param, width=8, key=key)
    return perturb(base, 2.0)


def test_the_density_integrates_to_one_within_the_error_of_z(resampled, key):
    z, error = resampled.normaliser(key, num_samples=200_000)
    assert 0.01 < z < 0.99
    total = pf.diagnostics.integrate(resampled, bounds=[(-6.0, 6.0)] * 2, points=256, key=key)
    assert total == pytest.approx(1.0, abs=4 * float(error / z) * (200_000 / resampled.num_samples) ** 0.5)
    assert float(error / z) < 0.01


def test_samples_follow_the_density(resampled, key):
    """Half planes have the shares of samples that the density says; rejection does change the shares."""
    x = np.asarray(resampled.sample(key, 40_000))
    shares = [np.mean(x[:, 0] > 0), np.mean(x[:, 1] > 0.5)]
    axis = np.linspace(-6, 6, 601)[:-1] + 0.01
    points = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    p = np.exp(np.asarray(resampled.log_prob(points), np.float64))
    p /= p.sum()
    wanted = [p[points[:, 0] > 0].sum(), p[points[:, 1] > 0.5].sum()]
    assert max(abs(wanted[0] - 0.5), abs(wanted[1] - 0.3085)) > 0.005
    np.testing.assert_allclose(shares, wanted, atol=0.01)


def test_it_starts_as_its_base(key):
    base = d.Resampled(d.Normal.standard((2,)), width=8, key=key)
    x = jax.random.normal(key, (5, 2))
    np.testing.assert_allclose(base.log_prob(x), base.base.log_prob(x), atol=1e-5)


def test_training_draws_are_fresh_and_others_are_not(key):
    base = perturb(d.Resampled(d.Normal.standard((2,)), num_samples=64, width=8, key=key), 2.0)
    x = jnp.ones(2)
    assert base.log_prob(x) == base.log_prob(x)
    assert base.log_prob(x, key=key) != base.log_prob(x)
    assert not base.exact


def test_far_points_and_certain_acceptance_are_finite(key):
    base = d.Resampled(d.Normal.standard((2,)), width=8, key=key)
    far = jnp.array([[1e4, -1e4], [0.0, 0.0]])
    for bias in (-40.0, 40.0):
        net = base.net
        sure = jax.tree.map(lambda leaf: leaf, net)
        object.__setattr__(sure, "biases", (*net.biases[:-1], net.biases[-1] + bias))
        fixed = jax.tree.map(lambda leaf: leaf, base)
        object.__setattr__(fixed, "net", sure)
        assert np.isfinite(fixed.log_prob(far)).all()
        grad = jax.grad(lambda f: nll(f, Batch(far), key=key)[0])(fixed)
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(grad))
        np.testing.assert_allclose(fixed.log_prob(jnp.ones(2)), fixed.base.log_prob(jnp.ones(2)), atol=1e-4)


def test_it_learns_a_hole(key):
    """A ring, that no Gaussian base covers: below the entropy of any bell, near its own."""
    angle, radius = jax.random.uniform(key, (4000,)) * 2 * jnp.pi, 1.5 + 0.2 * jax.random.normal(key, (4000,))
    x = radius[:, None] * jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=1)
    base = d.Resampled(d.Normal(jnp.zeros(2), 1.2), width=32, num_samples=1024, key=key)
    options = {"max_epochs": 15, "learning_rate": 0.01, "progress": False, "key": key}
    ring, bell = pf.fit(base, x, **options), pf.fit(d.Normal(jnp.zeros(2), 1.2), x, **options)
    assert ring.best_loss < bell.best_loss - 0.3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda k: d.Resampled(d.Normal.standard((2, 2)), key=k), r"events of shape \(2, 2\)"),
        (lambda k: d.Resampled(flows.affine(2, cond_dim=1, key=k), key=k), r"condition of shape \(1,\)"),
        (lambda k: d.Resampled(d.Normal.standard((2,)), truncation=0, key=k), "truncation"),
        (lambda k: d.Resampled(d.Normal.standard((2,)), num_samples=1, key=k), "num_samples"),
    ],
)
def test_nonsense_is_refused(make, message, key):
    with pytest.raises(ValueError, match=message):
        make(key)


def test_any_recipe_takes_another_base(key):
    """Heavy tails: a flow on Student's t fits data from one better than a flow on a normal."""
    x = np.random.default_rng(0).standard_t(2.0, (4000, 2)).astype(np.float32)
    recipe = flows.maf(2, num_layers=2, width=16, key=key)
    heavy = d.Transformed(d.StudentT(2.0, jnp.zeros(2)), recipe.bijection)
    options = {"max_epochs": 5, "learning_rate": 3e-3, "progress": False, "key": key}
    light_loss, heavy_loss = (pf.fit(flow, x, **options).best_loss for flow in (recipe, heavy))
    assert heavy_loss < light_loss - 0.1
