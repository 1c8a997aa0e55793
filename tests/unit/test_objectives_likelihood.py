"""Maximum likelihood and its units."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pushforward import distributions, flows
from pushforward.objectives import Batch, bits_per_dim, nll


@pytest.fixture
def flow(key):
    return distributions.Normal(jnp.array([1.0, -1.0]), jnp.array([0.5, 2.0]))


def test_nll_is_the_mean_of_minus_log_prob(flow, key):
    x = jax.random.normal(key, (50, 2))
    loss, metrics = nll(flow, Batch(x), key=key)
    assert float(loss) == pytest.approx(-float(jnp.mean(flow.log_prob(x))), rel=1e-6)
    assert metrics == {}


def test_nll_of_a_conditional_flow_uses_the_condition(key):
    flow = flows.affine(2, cond_dim=3, key=key)
    x, condition = jax.random.normal(key, (20, 2)), jax.random.normal(key, (20, 3))
    loss, _ = nll(flow, Batch(x, condition), key=key)
    assert float(loss) == pytest.approx(-float(jnp.mean(flow.log_prob(x, condition))), rel=1e-5)


def test_a_weight_of_two_counts_like_two_rows(flow, key):
    x = jax.random.normal(key, (3, 2))
    weighted, _ = nll(flow, Batch(x, None, jnp.array([1.0, 2.0, 0.0])), key=key)
    repeated, _ = nll(flow, Batch(x[jnp.array([0, 1, 1])]), key=key)
    assert float(weighted) == pytest.approx(float(repeated), rel=1e-6)


def test_a_row_of_weight_zero_does_not_count_even_with_zero_density(key):
    flow = distributions.Uniform(jnp.zeros(1), jnp.ones(1))
    batch = Batch(jnp.array([[0.5], [7.0]]), None, jnp.array([1.0, 0.0]))
    loss, grad = jax.value_and_grad(lambda f: nll(f, batch, key=key)[0])(flow)
    assert float(loss) == pytest.approx(0.0, abs=1e-6)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(grad))


def test_nll_without_data_says_so(flow, key):
    with pytest.raises(ValueError, match="no `x`"):
        nll(flow, Batch(), key=key)


def test_bits_per_dim_of_uniform_grey_values_is_eight():
    raw = -3072 * math.log(256.0)  # uniform over 0..255 plus noise
    assert float(bits_per_dim(raw, (3, 32, 32))) == pytest.approx(8.0, rel=1e-6)
    assert float(bits_per_dim(0.0, (3, 32, 32), levels=256)) == pytest.approx(8.0)


def test_bits_per_dim_keeps_the_shape_of_log_prob():
    assert bits_per_dim(jnp.zeros((4, 5)), (2,)).shape == (4, 5)


@pytest.mark.parametrize(("shape", "levels"), [((0,), 1), ((2,), 0)])
def test_bits_per_dim_refuses_nonsense(shape, levels):
    with pytest.raises(ValueError, match="bits_per_dim"):
        bits_per_dim(0.0, shape, levels=levels)
