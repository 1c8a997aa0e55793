"""Traces and log-determinants: exact ones by another route, estimates in the mean of 10,000 draws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pushforward._trace import (
    Terms,
    exact_log_det,
    exact_trace,
    hutchinson_trace,
    jacobians,
    series_log_det,
    survival,
)

pytestmark = pytest.mark.usefixtures("x64")
DRAWS = 10_000


def bend(matrix, x):
    return jnp.tanh(matrix @ x)


@pytest.fixture
def problem(key):
    """A contraction of three coordinates with slopes up to 0.7, and one event."""
    matrix = np.asarray(jax.random.normal(key, (3, 3)))
    return jnp.asarray(0.7 * matrix / np.linalg.norm(matrix, ord=2)), 0.3 * jnp.ones((3, 1))


def noise_of(key, x):
    return jax.random.rademacher(key, x.shape, x.dtype)


def within_four_standard_errors(draws, expected):
    error = np.std(draws, axis=0) / np.sqrt(len(draws))
    np.testing.assert_array_less(np.abs(np.mean(draws, axis=0) - expected), 4 * error + 1e-12)


def test_exact_ones_agree_with_dense_jacobians(problem):
    matrix, x = problem
    dense = (1 - np.tanh(matrix @ x) ** 2) * matrix

    @jax.jit
    def run(matrix, x):
        return jacobians(bend, matrix, x), *exact_trace(bend, matrix, x), exact_log_det(bend, matrix, x)

    jacobian, y, trace, log_det = run(matrix, x)
    np.testing.assert_allclose(jacobian[0], dense, atol=1e-14)
    np.testing.assert_allclose(y, np.tanh(matrix @ x))
    np.testing.assert_allclose(trace[0], np.trace(dense), rtol=1e-12)
    np.testing.assert_allclose(log_det[0], np.log(np.linalg.det(np.eye(3) + dense)), rtol=1e-12)


def test_hutchinson_is_unbiased(problem, key):
    matrix, x = problem
    run = jax.jit(jax.vmap(lambda k: hutchinson_trace(bend, matrix, x, noise_of(k, x))[1][0]))
    expected = np.trace((1 - np.tanh(matrix @ x) ** 2) * matrix)
    within_four_standard_errors(np.asarray(run(jax.random.split(key, DRAWS))), expected)


@pytest.mark.parametrize("law", ["geometric", "poisson"])
def test_roulette_and_its_gradients_are_unbiased(law, problem, key):
    matrix, x = problem

    def estimate(matrix, x, k):
        noise_key, luck_key = jax.random.split(k)
        luck = 1.0 - jax.random.uniform(luck_key, (1,), x.dtype)
        return series_log_det(bend, matrix, x, noise_of(noise_key, x), Terms(2, law), luck)[0]

    exact, gradients = jax.jit(jax.value_and_grad(lambda m, v: exact_log_det(bend, m, v)[0], argnums=(0, 1)))(matrix, x)
    run = jax.jit(jax.vmap(jax.value_and_grad(estimate, argnums=(0, 1)), (None, None, 0)))
    draws, gradient_draws = run(matrix, x, jax.random.split(key, DRAWS))
    within_four_standard_errors(np.asarray(draws), exact)
    jax.tree.map(within_four_standard_errors, gradient_draws, gradients)


def test_a_short_series_is_biased_as_stated(problem, key):
    matrix, x = problem
    jacobian = np.asarray((1 - np.tanh(matrix @ x) ** 2) * matrix)
    powers = [np.trace(np.linalg.matrix_power(jacobian, k)) * (-1) ** (k + 1) / k for k in range(1, 4)]
    run = jax.jit(jax.vmap(lambda k: series_log_det(bend, matrix, x, noise_of(k, x), Terms(3))[0]))
    draws = np.asarray(run(jax.random.split(key, DRAWS)))
    within_four_standard_errors(draws, sum(powers))


def test_a_number_of_terms_is_as_likely_as_its_law_says():
    extra = jnp.arange(1.0, 6.0)
    np.testing.assert_allclose(survival(Terms(2, "geometric", 1.0), extra), 0.5**extra)
    poisson = 1 - np.exp(-2) * np.cumsum([1, 2, 2, 4 / 3, 2 / 3])
    np.testing.assert_allclose(survival(Terms(2, "poisson", 2.0), extra), poisson, rtol=1e-10)


def test_a_roulette_without_luck_is_refused(problem):
    matrix, x = problem
    with pytest.raises(ValueError, match="needs `luck`"):
        series_log_det(bend, matrix, x, x, Terms(2, "geometric"))
