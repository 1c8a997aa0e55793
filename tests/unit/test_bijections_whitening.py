"""Linear maps that begin from data."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward.bijections as b


def test_whitening_begins_with_the_covariance_of_the_first_batch(key, x64):
    matrix = jnp.array([[1.0, 0.0, 0.0], [0.9, 0.01, 0.0], [0.0, 3.0, 20.0]])
    x = matrix @ jax.random.normal(key, (3, 400)) + jnp.array([[5.0], [-2.0], [1e3]])
    begun, z = b.Whitening(3)._data_init(x, None)
    np.testing.assert_allclose(np.mean(z, axis=1), 0.0, atol=1e-9)
    np.testing.assert_allclose(z @ z.T / 400, np.eye(3), atol=2e-2)  # the ridge, where a column is nearly another
    assert np.allclose((z @ z.T / 400)[1:, 1:], np.eye(2), atol=2e-2)
    again, _ = begun._data_init(7 * x, None)
    assert jax.tree.all(jax.tree.map(np.array_equal, begun, again))


def test_whitening_takes_columns_that_stand_still_or_depend_on_each_other(key):
    x = jax.random.normal(key, (1, 50)) * jnp.array([[1e4], [2e4], [0.0]]) + jnp.array([[0.0], [0.0], [3.0]])
    begun, z = b.Whitening(3)._data_init(x, None)
    assert np.isfinite(begun.matrix).all()
    assert np.isfinite(z).all()
    assert np.allclose(z[2], 0.0, atol=1e-6)
    assert np.abs(z).max() < 5


@pytest.mark.parametrize(("dim", "rows", "causes"), [(100, 50, 50), (370, 512, 3), (370, 3000, 1), (1000, 512, 2)])
def test_whitening_of_many_columns_with_few_causes_is_finite(key, dim, rows, causes):
    """Of such a covariance the smallest eigenvalues are rounding, some below 0."""
    causes_of = jax.random.normal(key, (dim, causes)) @ jax.random.normal(jax.random.key(1), (causes, rows))
    begun, z = b.Whitening(dim)._data_init(1e3 * causes_of + 5e4, None)
    assert np.isfinite(begun.matrix).all()
    assert np.abs(z).max() < 10
