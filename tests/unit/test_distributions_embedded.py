"""Conditions that a flow sees through a network."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from pushforward.bijections import Standardize
from pushforward.distributions import ConditionalBase, Embedded, Normal, embedded
from pushforward.nets import AbstractConditioner

SHAPE = (1, 6, 6)


def cnn(key, out=3):
    one, two = jax.random.split(key)
    layers = [eqx.nn.Conv2d(1, 4, 3, stride=2, key=one), eqx.nn.Lambda(jax.nn.relu), eqx.nn.Lambda(jnp.ravel)]
    return eqx.nn.Sequential([*layers, eqx.nn.Linear(16, out, key=two)])


def flow(key, cond_dim=3):
    return pf.flows.maf(2, num_layers=2, width=8, cond_dim=cond_dim, key=key)


@pytest.fixture(scope="module")
def conditional():
    built = embedded(flow(jax.random.key(0)), cnn(jax.random.key(1)), cond_shape=SHAPE)
    return jax.tree.map(lambda leaf: leaf + 0.1 * jax.random.normal(jax.random.key(leaf.size), leaf.shape), built)


def images(key, *batch):
    return jax.random.normal(key, (*batch, *SHAPE))


def test_density_is_that_of_the_flow_given_what_the_network_gives(conditional, key):
    x, condition = jax.random.normal(key, (5, 2)), images(key, 5)
    seen = jax.vmap(conditional.embedding.as_given())(condition)
    np.testing.assert_allclose(
        conditional.log_prob(x, condition), conditional.distribution.log_prob(x, seen), rtol=1e-5
    )
    assert conditional.cond_shape == SHAPE


def test_draws_and_their_density_agree(conditional, key):
    condition = images(key, 3)
    x, log_prob = conditional.sample_and_log_prob(key, 4, condition)
    assert x.shape == (4, 3, 2)
    np.testing.assert_allclose(conditional.log_prob(x, condition), log_prob, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(conditional.sample(key, 4, condition), x, rtol=1e-5)


class Counting(AbstractConditioner):
    """Adds up how many conditions it is shown."""

    cond_dim: None = None
    in_shape: tuple[int, ...] = eqx.field(static=True, default=(3,))
    out_shape: tuple[int, ...] = eqx.field(static=True, default=(3,))

    def __call__(self, x, condition=None):
        jax.debug.callback(lambda n: SHOWN.append(int(n)), x.shape[-1])
        return x


SHOWN: list[int] = []


@pytest.mark.parametrize("outer", [False, True])
def test_the_network_runs_once_for_each_condition(outer, key):
    conditional = embedded(flow(key), Counting())
    conditional = Embedded(conditional, Standardize(jnp.zeros(3), 2.0)) if outer else conditional
    SHOWN.clear()
    conditional.sample(key, 500, jnp.zeros((2, 3))).block_until_ready()
    conditional.log_prob(jnp.zeros((500, 2)), jnp.zeros(3)).block_until_ready()
    jax.effects_barrier()
    assert sum(SHOWN) <= 2 + 1 + 8  # a mapped function may run a few times over the same ones, never 500


def test_network_and_flow_are_trained_saved_and_loaded(key, tmp_path):
    """The mean of x is the mean of the picture, so the best density is that of a normal around it."""
    condition = images(key, 600) + 2.0 * jax.random.normal(jax.random.key(1), (600, 1, 1, 1))
    x = jnp.mean(condition, axis=(1, 2, 3))[:, None] + 0.5 * jax.random.normal(jax.random.key(2), (600, 2))
    base = ConditionalBase(Normal(jnp.zeros(2)), 3, width=16, key=key)
    start = embedded(base, cnn(key), cond_shape=SHAPE)
    result = pf.fit(
        start, x, condition=condition, max_epochs=30, batch_size=64, learning_rate=1e-2, key=key, progress=False
    )
    entropy = 2 * (0.5 * np.log(2 * np.pi * np.e) + np.log(0.5))
    assert result.best_loss < entropy + 0.25
    before, after = jax.tree.leaves(start.embedding), jax.tree.leaves(result.flow.embedding)
    assert not any(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    pf.save(tmp_path / "a.safetensors", result.flow)
    loaded = pf.load(tmp_path / "a.safetensors")
    np.testing.assert_array_equal(loaded.log_prob(x, condition), result.flow.log_prob(x, condition))


class Batched(AbstractConditioner):
    """Mixes the batch into its output."""

    cond_dim: None = None
    in_shape: tuple[int, ...] = eqx.field(static=True, default=(3,))
    out_shape: tuple[int, ...] = eqx.field(static=True, default=(3,))

    def __call__(self, x, condition=None):
        return jnp.ones((min(3, x.shape[-1]), x.shape[-1]))


class WithBatch(eqx.Module):
    """Written for many conditions at once."""

    linear: eqx.nn.Linear

    def __call__(self, x):
        return jax.vmap(self.linear)(x)


BAD = [
    (lambda k: embedded(flow(k), Batched()), "batch last: .3, 1. for a batch of 1; it gives shape .1, 1."),
    (lambda k: embedded(flow(k), WithBatch(eqx.nn.Linear(4, 3, key=k)), cond_shape=4), "without a batch axis, but"),
    (lambda k: embedded(flow(k), cnn(k, 4), cond_shape=SHAPE), "must give 3 numbers, .* it gives shape .4,"),
    (lambda k: embedded(flow(k), cnn(k), cond_shape=(1, 9, 9)), "for one event of shape .1, 9, 9., .*calling it fails"),
    (lambda k: embedded(flow(k), cnn(k)), "give `cond_shape=`"),
    (lambda k: embedded(flow(k, None), cnn(k), cond_shape=SHAPE), "is not conditional; build it with `cond_dim=`"),
]


@pytest.mark.parametrize(("build", "message"), BAD, ids=range(len(BAD)))
def test_an_embedding_that_does_not_fit_is_refused_in_words(build, message, key):
    with pytest.raises(ValueError, match=message):
        build(key)


def test_a_condition_of_the_wrong_shape_is_refused(conditional, key):
    with pytest.raises(ValueError, match=r"the last axes of `condition` must be .1, 6, 6."):
        conditional.log_prob(jnp.zeros(2), jnp.zeros((6, 6)))
    with pytest.raises(ValueError, match=r"`condition` must have shape .rows, 1, 6, 6."):
        pf.fit(conditional, jnp.zeros((9, 2)), condition=jnp.zeros((9, 6, 6)), key=key, progress=False)
