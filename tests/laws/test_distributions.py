"""The laws of every distribution: it integrates to 1, and its samples follow it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cases import perturb
from pushforward import distributions as d
from pushforward import flows
from pushforward.bijections import Dequantize, Standardize
from pushforward.testing import check_distribution

SMALL = {"width": 8, "depth": 1}
BASES = {
    "normal": lambda s, k: d.Normal(jnp.full(s, 0.5), 1.5),
    "normal_standard": lambda s, k: d.Normal.standard(s),
    "uniform": lambda s, k: d.Uniform(jnp.full(s, -1.0), 2.0),
    "logistic": lambda s, k: d.Logistic(jnp.full(s, 0.5), 0.6),
    "laplace": lambda s, k: d.Laplace(jnp.full(s, 0.5), 1.2),
    "student_t": lambda s, k: d.StudentT(6.0, jnp.zeros(s), 0.8),
    "multivariate_normal": lambda s, k: d.MultivariateNormal(jnp.ones(s), 0.5 * jnp.eye(s[0]) + 0.3),
    "mixture": lambda s, k: d.Mixture([d.Normal(jnp.full(s, m), 0.7) for m in (-2.0, 1.0, 3.0)], [0.2, 0.5, 0.3]),
    "autoregression_gaussian": lambda s, k: d.Autoregression(s[0], law="gaussian", key=k, **SMALL),
    "autoregression_mixture": lambda s, k: d.Autoregression(s[0], law="mixture", num_components=3, key=k, **SMALL),
    "autoregression_orders": lambda s, k: d.Autoregression(s[0], law="gaussian", num_orders=3, key=k, **SMALL),
    "nsf": lambda s, k: flows.nsf_coupling(s[0], num_layers=2, width=8, key=k),
    "nsf-ar": lambda s, k: flows.nsf_autoregressive(s[0], num_layers=2, width=8, key=k),
    "maf": lambda s, k: flows.maf(s[0], num_layers=2, width=8, key=k),
    "nice": lambda s, k: flows.nice(s[0], num_layers=2, width=8, depth=1, key=k),
    "planar": lambda s, k: flows.planar(s[0], num_layers=2, key=k),
    "radial": lambda s, k: flows.radial(s[0], num_layers=2, key=k),
    "residual": lambda s, k: flows.residual(s[0], num_layers=2, width=8, depth=1, key=k),
}
CONDITIONAL = {
    "base": lambda k: d.ConditionalBase(d.Normal(jnp.zeros(2)), 3, width=8, key=k),
    "embedded": lambda k: d.Embedded(
        flows.maf(2, num_layers=2, cond_dim=3, width=8, key=k), Standardize(jnp.ones(3), 2.0)
    ),
    "autoregression": lambda k: d.Autoregression(2, cond_dim=3, key=k, **SMALL),
    "conditional_planar": lambda k: flows.planar(2, num_layers=2, cond_dim=3, width=8, key=k),
}


EDGES = {"uniform": (-1.0, 2.0)}


HEAVY = {"residual", "nsf", "planar"}
"""They take long to compile, and their maps have laws of their own."""
HEAVY_IN_TWO = {"nsf-ar", "nice", "radial", "autoregression_orders", "autoregression_mixture", "student_t", "mixture"}
"""Likewise in two dimensions; one is left here."""


def _in_dimensions() -> list:
    return [
        pytest.param(name, dim, marks=pytest.mark.slow if name in HEAVY or (dim == 2 and name in HEAVY_IN_TWO) else ())
        for name in BASES
        for dim in (1, 2)
    ]


@pytest.mark.parametrize(("name", "dim"), _in_dimensions())
def test_every_law_holds(name, dim, key):
    edges = EDGES.get(name)
    # Noise would move the edges.
    check_distribution(
        BASES[name]((dim,), key),
        bounds=None if edges is None else [edges] * dim,
        noise=0.2 if edges is None else 0.0,
    )


@pytest.mark.parametrize("name", CONDITIONAL)
def test_every_law_holds_given_a_condition(name, key):
    check_distribution(CONDITIONAL[name](key), noise=0.5)


def test_every_law_holds_in_five_dimensions(key):
    check_distribution(d.MultivariateNormal(jnp.ones(5), 0.5 * jnp.eye(5) + 0.3))


def test_every_law_holds_for_separate_values(key):
    every = np.stack(np.meshgrid(*[[0.0, 1.0]] * 4, indexing="ij"), axis=-1).reshape(-1, 4)
    bits = d.Autoregression(4, law="bernoulli", num_orders=3, key=key, **SMALL)
    check_distribution(bits, values=every, noise=0.5)


@pytest.mark.parametrize("name", BASES)
def test_samples_lie_in_the_support(name, key):
    distribution = perturb(BASES[name]((1,), key), 0.2)
    assert np.all(distribution.support.contains(distribution.sample(key, 10_000), 1))


@pytest.mark.parametrize("name", CONDITIONAL)
def test_conditions_broadcast_and_matter(name, key):
    distribution = perturb(CONDITIONAL[name](key), 0.5)
    conditions = jax.random.normal(key, (5, 3))
    x = distribution.sample(key, 7, conditions)
    assert x.shape == (7, 5, 2)
    log_prob = distribution.log_prob(x, conditions)
    assert log_prob.shape == (7, 5)
    np.testing.assert_allclose(log_prob[3, 2], distribution.log_prob(x[3, 2], conditions[2]), rtol=1e-4, atol=1e-4)
    assert not np.allclose(log_prob, distribution.log_prob(x, conditions + 1.0), atol=1e-3)


@pytest.mark.parametrize("most", [None, 7])
@pytest.mark.parametrize("name", CONDITIONAL)
def test_draws_given_one_condition_are_those_given_it_many_times(name, most, key, monkeypatch):
    from pushforward.distributions import _layout

    if most is not None:  # so that draws take several calls
        monkeypatch.setattr(_layout, "most_rows", lambda _: most)
        monkeypatch.setattr(_layout, "DRAWN_BLOCKS", 1)
    distribution, condition = perturb(CONDITIONAL[name](key), 0.5), jax.random.normal(key, (3,))
    repeated = jnp.broadcast_to(condition, (24, 3))
    x, log_prob = distribution.sample_and_log_prob(key, 24, condition)
    np.testing.assert_allclose(x, distribution.sample(key, (), repeated), rtol=1e-5)
    np.testing.assert_allclose(distribution.sample(key, (4, 6), condition[None, None]).reshape(24, 2), x, rtol=1e-5)
    np.testing.assert_allclose(log_prob, distribution.log_prob(x, repeated), rtol=1e-4, atol=1e-4)


def test_average_over_orders_is_that_of_densities(key):
    distribution = perturb(d.Autoregression(3, num_orders=4, key=key, **SMALL), 0.5)
    x = jax.random.normal(key, (3, 6))
    each = jnp.stack([distribution._log_prob_in(distribution.degrees(i), x, None) for i in range(4)])
    assert np.std(each, axis=0).min() > 1e-4  # the orders do differ
    np.testing.assert_allclose(distribution.log_prob(x.T), np.log(np.mean(np.exp(each), axis=0)), rtol=1e-4)


def test_each_order_is_autoregressive(key):
    """The Jacobian of the parameters is strictly triangular once rows and columns are put in the order drawn."""
    distribution = perturb(d.Autoregression(5, num_orders=4, key=key, **SMALL), 1.0)
    for i in range(4):
        degrees = distribution.degrees(i)
        jacobian = jax.jacrev(lambda x, g=degrees: distribution.net(x[:, None], None, g)[1, :, 0])(jnp.ones(5))
        order = np.argsort(degrees.inputs)
        np.testing.assert_array_equal(np.triu(np.asarray(jacobian)[order][:, order]), 0.0)


def test_temperature_shrinks_the_samples(key):
    flow = d.Normal(jnp.full((2,), 5.0), 2.0)
    cold = flow.sample(key, 2000, temperature=0.1)
    assert np.std(cold) == pytest.approx(0.2, rel=0.1)
    assert np.mean(cold) == pytest.approx(5.0, abs=0.05)


def test_blocks_of_rows_are_scored_like_the_rows(key, monkeypatch):
    from pushforward.distributions import _layout

    flow = perturb(CONDITIONAL["base"](key), 0.5)
    x, conditions = jax.random.normal(key, (24, 2)), jax.random.normal(key, (24, 3))
    expected = jnp.stack([flow.log_prob(*row) for row in zip(x, conditions, strict=True)])
    monkeypatch.setattr(_layout, "LEAST_ROWS", 1)
    monkeypatch.setattr(_layout, "MOST_ROWS", 7)
    np.testing.assert_allclose(flow.log_prob(x, conditions), expected, rtol=1e-6)


def test_blocks_get_different_noise(key, monkeypatch):
    from pushforward.distributions import _layout

    monkeypatch.setattr(_layout, "MOST_ROWS", 8)
    flow = d.Transformed(d.Normal(jnp.zeros(1)), Dequantize((1,)))
    assert len(set(flow.log_prob(jnp.ones((24, 1)), key=key).tolist())) == 24
