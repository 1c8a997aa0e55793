"""Equal layers of a chain whose direction is a long program are the body of one loop; others are run in turn."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cases import perturb
from pushforward.bijections import (
    Affine,
    Autoregressive,
    Chain,
    Coupling,
    Flip,
    Identity,
    Inverse,
    RationalQuadraticSpline,
)
from pushforward.bijections._memory import stacked_if_alike

DIM = 4


def layers(number, key, inner=None):
    inner = Affine() if inner is None else inner
    keys = jax.random.split(key, number)
    chains = [Chain([Autoregressive(inner, DIM, width=12, key=k), Flip((DIM,))]) for k in keys]
    # Each weights of its own: an order that is wrong shows.
    return [perturb(chain, 0.2 + 0.1 * i) for i, chain in enumerate(chains)]


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("inverted", [False, True])
def test_the_loop_gives_what_the_layers_give_one_after_another(inverted, key):
    each = layers(3, key)
    each = [Inverse(layer) for layer in each[::-1]] if inverted else each
    chain = Chain(each)
    z = jax.random.normal(key, (DIM, 5))
    method = "_inverse_many" if inverted else "_forward_many"
    x, log_det = jax.jit(lambda c, z: getattr(c, method)(z, None, None))(chain, z)
    expected, total = z, jnp.zeros(5)
    for layer in each[::-1] if inverted else each:
        expected, more = getattr(layer, method)(expected, None, None)
        total = total + more
    np.testing.assert_allclose(x, expected, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(log_det, total, rtol=1e-10, atol=1e-10)


def test_the_program_for_samples_does_not_grow_with_the_layers(key):
    def instructions(number):
        chain = Chain(layers(number, key))
        lowered = jax.jit(lambda c, z: c._forward_many(z, None, None)).lower(chain, jnp.zeros((DIM, 8)))
        return lowered.as_text().count(" = ")

    few, many = instructions(2), instructions(6)
    # Nothing grows but the stacking of the weights: one instruction or two for each array of a layer.
    leaves = len(jax.tree.leaves(layers(1, key)))
    assert many - few < 4 * 4 * leaves
    assert many < 1.5 * few


def test_training_a_density_is_not_a_loop(key):
    """Its step takes 1.4 times as long as one."""
    chain = Chain(layers(3, key))
    text = jax.jit(lambda c, x: c._inverse_many(x, None, None)).lower(chain, jnp.zeros((DIM, 8))).as_text()
    assert "stablehlo.while" not in text


def test_loops_of_a_gradient_do_not_grow_with_the_layers(key):
    """Else XLA computes each layer again in all behind it, and compiles a loop of another length for each."""
    x = jnp.zeros((DIM, 64))

    def longest(number):
        chain = Chain(layers(number, key, Inverse(RationalQuadraticSpline(4))))
        loss = jax.jit(jax.grad(lambda c: jnp.mean(c._inverse_many(x, None, None)[0] ** 2)))
        text = loss.lower(chain).compile().as_text()
        return max(part.count(" = ") for part in re.split(r"\n(?=\S)", text) if part.startswith("%fused"))

    assert longest(6) < 1.3 * longest(3)


def test_layers_that_differ_are_not_stacked(key):
    one, other = layers(1, key)[0], layers(1, key, Inverse(RationalQuadraticSpline(4)))[0]
    assert stacked_if_alike([one]) is None
    assert stacked_if_alike([one, other]) is None
    assert stacked_if_alike([one, jax.tree.map(lambda a: a.astype(jnp.float16), one)]) is None
    wide = Chain([Autoregressive(Affine(), DIM, width=13, key=key), Flip((DIM,))])
    assert stacked_if_alike([one, wide]) is None
    coupling = Coupling(Affine(), DIM, width=4, key=key)
    stacked = stacked_if_alike([coupling, coupling])
    pairs = zip(jax.tree.leaves(stacked), jax.tree.leaves(coupling), strict=True)
    assert all(a.shape == (2, *b.shape) for a, b in pairs)


def test_a_deep_chain_asks_each_part_for_its_condition_once(monkeypatch):
    asked = []
    monkeypatch.setattr(Identity, "cond_shape", property(lambda self: asked.append(self) or (3,)))
    chain = Identity((2,))
    for _ in range(10):
        chain = Chain([chain])
    asked.clear()
    assert chain.cond_shape == (3,)
    assert len(asked) == 1
