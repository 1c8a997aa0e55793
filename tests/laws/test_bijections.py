"""The laws of every bijection in the case table; they are written in `pushforward.testing`."""

import time
from collections.abc import Iterable

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

from cases import CASES, perturb
from pushforward._params import partition
from pushforward.bijections import AbstractBijection, Chain, Flip
from pushforward.testing import check_bijection


def marked(names: Iterable[str]) -> list:
    """Names for `parametrize`, with the mark of those that are slow."""
    return [pytest.param(name, marks=pytest.mark.slow) if CASES[name].slow else name for name in names]


@pytest.mark.parametrize("name", marked(CASES))
def test_every_law_holds(name, key):
    case = CASES[name]
    check_bijection(
        case.bijection(key),
        domain=case.domain,
        knots=case.knots,
        far=case.far,
        noise=case.noise,
        tolerance=case.tolerance,
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", marked(name for name, case in CASES.items() if case.far))
def test_the_gradient_of_three_layers_takes_no_longer_than_of_ten(name, key):
    """XLA may compute what one layer hands to the next again for every use: 900 times as long was seen."""
    layer = perturb(CASES[name].bijection(key), CASES[name].noise)
    if layer.in_shape != layer.out_shape:
        pytest.skip("three of these cannot follow one another")
    mixed = Chain([layer, Flip(layer.out_shape)])
    three = Chain([mixed, mixed, mixed])
    x = 1.5 * jax.random.normal(key, (*layer.in_shape, 512))
    condition = None if layer.cond_shape is None else jax.random.normal(key, (*layer.cond_shape, 512))
    seconds = [_gradient_seconds(bijection, x, condition) for bijection in (layer, three)]
    assert seconds[1] < 10 * seconds[0] + 5e-3


def _gradient_seconds(bijection: AbstractBijection, x, condition) -> float:
    trained, frozen = partition(bijection)

    @jax.jit
    def gradient(trained, x):
        def loss(trained, x):
            z, log_det = eqx.combine(trained, frozen)._inverse_many(x, condition, None)
            return jnp.mean(0.5 * jnp.sum(z**2, axis=tuple(range(z.ndim - 1))) - log_det)

        return jax.grad(loss, argnums=(0, 1))(trained, x)

    def once() -> float:
        start = time.perf_counter()
        jax.block_until_ready(gradient(trained, x))
        return time.perf_counter() - start

    once()
    return min(once() for _ in range(7))
