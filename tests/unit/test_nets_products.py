"""A matrix times one axis of an array."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pushforward.nets._products import times_first, times_last


@pytest.mark.parametrize("rest", [(), (5,), (2, 3, 5), (2, 0)])
def test_products_and_their_gradients_are_those_of_tensordot(key, x64, rest):
    matrix, x = jax.random.normal(key, (4, 3)), jax.random.normal(key, (3, *rest))
    weight = jax.random.normal(key, (4, *rest))

    def gradients(product):
        return jax.grad(lambda m, x: jnp.sum(weight * product(m, x)), (0, 1))(matrix, x)

    def by_tensordot(m, x):
        return jnp.tensordot(m, x, 1)

    def by_last(m, x):
        return jnp.moveaxis(times_last(m, jnp.moveaxis(x, 0, -1)), -1, 0)

    for product in (times_first, by_last):
        np.testing.assert_allclose(product(matrix, x), by_tensordot(matrix, x), rtol=0, atol=1e-12)
        for found, expected in zip(gradients(product), gradients(by_tensordot), strict=True):
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_half_precision_is_summed_up_in_full():
    matrix, x = jnp.full((1, 4096), 1.0, jnp.bfloat16), jnp.ones((4096, 2, 1), jnp.bfloat16).at[0].set(1 / 128)
    assert times_first(matrix, x, jnp.float32).dtype == jnp.float32
    np.testing.assert_allclose(times_first(matrix, x, jnp.float32), 4095 + 1 / 128, rtol=1e-6)
