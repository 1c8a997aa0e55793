"""`own_array`: the same bits and derivatives, whatever the numbers are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pushforward._arrays import own_array

NUMBERS = [0.0, -0.0, 1.5, -6e4, 1e-4, np.inf, -np.inf, np.nan]


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16])
def test_every_bit_is_kept(dtype):
    x = jnp.asarray(NUMBERS, dtype)
    found = jax.jit(own_array)(x)
    assert found.dtype == dtype
    np.testing.assert_array_equal(np.asarray(found, np.float64), np.asarray(x, np.float64))
    np.testing.assert_array_equal(np.signbit(np.asarray(found, np.float64)), np.signbit(np.asarray(x, np.float64)))


def test_whole_numbers_and_nothing_pass():
    codes = jnp.arange(3)
    assert own_array(codes) is codes
    assert own_array(jnp.zeros((2, 0))).shape == (2, 0)


def test_derivatives_are_those_of_the_identity():
    x = jnp.asarray(NUMBERS[:-3])
    along = jnp.arange(1.0, 6.0)
    np.testing.assert_array_equal(jax.jvp(own_array, (x,), (along,))[1], along)
    np.testing.assert_array_equal(jax.grad(lambda x: jnp.vdot(along, own_array(x)))(x), along)
    np.testing.assert_array_equal(jax.hessian(lambda x: jnp.sum(own_array(x)))(x), np.zeros((5, 5)))
