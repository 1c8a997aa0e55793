"""The laws of every bijection in the case table."""

import time
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cases import CASES, perturb
from pushforward._params import partition
from pushforward.bijections import AbstractBijection, Chain, Flip

# Relative, of the kind of the harder direction: closed forms and loops round off, solvers stop a few steps early.
# An estimated log-det is exact without a key; `tests/unit/test_bijections_contractive.py` has the law of the estimates.
ROUND_TRIP = {
    "float64": {"analytic": 1e-10, "sequential": 1e-10, "iterative": 1e-9, "estimated": 1e-9},
    "float32": {"analytic": 1e-4, "sequential": 1e-4, "iterative": 1e-3, "estimated": 1e-3},
}
LOG_DET = 1e-9


def marked(names: Iterable[str]) -> list:
    """Names for `parametrize`, with the mark of those that are slow."""
    return [pytest.param(name, marks=pytest.mark.slow) if CASES[name].slow else name for name in names]


ALL = marked(CASES)


class Facts(NamedTuple):
    x: np.ndarray
    y: np.ndarray
    log_det: np.ndarray
    back: np.ndarray
    log_det_back: np.ndarray
    y_many: np.ndarray
    log_det_many: np.ndarray
    back_many: np.ndarray
    jacobian: np.ndarray | None = None
    jacobian_back: np.ndarray | None = None


def _facts(bijection: AbstractBijection, x, condition, *, derivatives: bool) -> Facts:
    axis = None if condition is None else 0
    last = None if condition is None else jnp.moveaxis(condition, 0, -1)
    size = int(np.prod(bijection.in_shape))

    def each(method, value):
        """Values, log-dets and Jacobians of a batch, by one differentiation."""

        def with_aux(v, c):
            y, log_det = method(v, c)
            return y, (y, log_det)

        if not derivatives:
            return (*jax.vmap(method, (0, axis))(value, condition), None)
        jacobian, (y, log_det) = jax.vmap(jax.jacrev(with_aux, has_aux=True), (0, axis))(value, condition)
        return y, log_det, jacobian.reshape(-1, size, size)

    y, log_det, jacobian = each(bijection.forward_and_log_det, x)
    back, log_det_back, jacobian_back = each(bijection.inverse_and_log_det, y)
    y_many, log_det_many = bijection._forward_many(jnp.moveaxis(x, 0, -1), last, None)
    back_many, _ = bijection._inverse_many(jnp.moveaxis(y, 0, -1), last, None)
    y_many, back_many = jnp.moveaxis(y_many, -1, 0), jnp.moveaxis(back_many, -1, 0)
    return Facts(x, y, log_det, back, log_det_back, y_many, log_det_many, back_many, jacobian, jacobian_back)


@cache
def facts(name: str, dtype: str) -> Facts:
    with jax.enable_x64(dtype == "float64"):
        case = CASES[name]
        key = jax.random.key(7)
        bijection = case.bijection(key)
        x, condition = case.points(bijection, key, 5), case.conditions(bijection, key, 5)
        run = jax.jit(lambda b, x, c: _facts(b, x, c, derivatives=dtype == "float64"))
        return jax.tree.map(np.asarray, run(bijection, x, condition))


def kind(name: str) -> str:
    bijection = CASES[name].bijection(jax.random.key(7))
    kinds = ("analytic", "sequential", "iterative", "estimated")
    return max(bijection.forward_kind, bijection.inverse_kind, key=kinds.index)


def within(name: str, tolerance: float) -> float:
    """The law's tolerance, or that of the case's solver where it is coarser."""
    return max(tolerance, CASES[name].tolerance)


def close(a, b, tolerance):
    scale = 1.0 + np.abs(b)
    np.testing.assert_array_less(np.abs(a - b) / scale, tolerance)


@pytest.mark.parametrize("name", ALL)
def test_log_det_is_that_of_autodiff(name):
    f = facts(name, "float64")
    sign, expected = np.linalg.slogdet(f.jacobian)
    assert np.all(sign != 0)
    close(f.log_det, expected, within(name, LOG_DET))


@pytest.mark.parametrize("name", ALL)
def test_log_det_of_the_inverse_is_the_negative(name):
    f = facts(name, "float64")
    close(f.log_det_back, -f.log_det, within(name, ROUND_TRIP["float64"][kind(name)]))


@pytest.mark.parametrize("name", ALL)
def test_jacobians_of_the_two_directions_are_inverses(name):
    f = facts(name, "float64")
    identity = np.eye(f.jacobian.shape[-1])
    size = np.linalg.norm(f.jacobian, axis=(1, 2)) * np.linalg.norm(f.jacobian_back, axis=(1, 2))
    product = np.einsum("nij,njk->nik", f.jacobian_back, f.jacobian)
    assert np.max(np.abs(product - identity) / size[:, None, None]) < within(name, 1e-7)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_inverse_undoes_forward(name, dtype):
    f = facts(name, dtype)
    assert f.back.dtype == dtype
    close(f.back, f.x, within(name, ROUND_TRIP[dtype][kind(name)]))


@pytest.mark.parametrize("name", ALL)
def test_a_batch_is_mapped_like_its_events(name):
    f = facts(name, "float64")
    close(f.y_many, f.y, within(name, 1e-11))
    close(f.log_det_many, f.log_det, within(name, 1e-11))
    close(f.back_many, f.back, within(name, 1e-9))


@pytest.mark.parametrize("name", ALL)
def test_what_lies_in_the_domain_goes_into_the_image_and_back(name):
    f, bijection = facts(name, "float32"), CASES[name].bijection(jax.random.key(7))
    taken = np.asarray(bijection.domain.contains(f.x, len(bijection.in_shape)))
    given = bijection.image.contains(f.y, len(bijection.out_shape))
    assert np.all(given[taken])
    assert taken.any() or bijection.domain.is_discrete  # points are drawn on the line: tests/unit/test_supports.py


FAR = marked(n for n, c in CASES.items() if c.whole_line and c.domain == "real" and not n.endswith("_conditional"))


@pytest.mark.parametrize("name", FAR)
def test_far_inputs_give_finite_densities_and_gradients(name):
    """Up to 1e4 times the data's scale, in float32, at wild weights: values, and gradients for inputs and weights."""
    case, key = CASES[name], jax.random.key(7)
    bijection = perturb(case.bijection(key), 1.0)
    x = 1e4 * jax.random.normal(key, (16, *bijection.out_shape))
    condition = None if bijection.cond_shape is None else jnp.ones((*bijection.cond_shape, 16))
    params, rest = partition(bijection)

    def log_prob(params, x):
        z, log_det = eqx.combine(params, rest)._inverse_many(jnp.moveaxis(x, 0, -1), condition, None)
        return jnp.sum(log_det) - 0.5 * jnp.sum(z * z)

    value, gradients = jax.jit(jax.value_and_grad(log_prob, argnums=(0, 1)))(params, x)
    assert np.isfinite(value)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(gradients))


@pytest.mark.slow
@pytest.mark.parametrize("name", FAR)
def test_the_gradient_of_three_layers_takes_no_longer_than_of_ten(name, key):
    """XLA may compute what one layer hands to the next again for every use: 900 times as long was seen."""
    layer = CASES[name].bijection(key)
    if layer.in_shape != layer.out_shape:
        pytest.skip("three of these cannot follow one another")
    mixed = Chain([layer, Flip(layer.out_shape)])
    three = Chain([mixed, mixed, mixed])
    x = CASES[name].points(layer, key, 512).reshape(-1, *layer.in_shape)
    condition = CASES[name].conditions(layer, key, 512)
    seconds = [_gradient_seconds(bijection, x, condition) for bijection in (layer, three)]
    assert seconds[1] < 10 * seconds[0] + 5e-3


def _gradient_seconds(bijection: AbstractBijection, x, condition) -> float:
    trained, frozen = partition(bijection)
    last = None if condition is None else jnp.moveaxis(condition, 0, -1)

    @jax.jit
    def gradient(trained, x):
        def loss(trained, x):
            z, log_det = eqx.combine(trained, frozen)._inverse_many(x, last, None)
            return jnp.mean(0.5 * jnp.sum(z**2, axis=tuple(range(z.ndim - 1))) - log_det)

        return jax.grad(loss, argnums=(0, 1))(trained, x)

    def once() -> float:
        start = time.perf_counter()
        jax.block_until_ready(gradient(trained, jnp.moveaxis(x, 0, -1)))
        return time.perf_counter() - start

    once()
    return min(once() for _ in range(7))
