"""Each law finds the distribution that breaks it, and finds nothing else; right ones pass."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from pushforward.distributions import AbstractDistribution, Uniform
from pushforward.testing import LawError, check_distribution

FOLLOW, FINITE = "samples follow the density", "log prob is finite or minus infinity"


class Right(AbstractDistribution):
    """Gaussian with independent coordinates of spread 1."""

    loc: Array
    event_shape: tuple[int, ...] = eqx.field(static=True)
    cond_shape = None

    def __init__(self, dim: int = 1):
        self.loc, self.event_shape = jnp.zeros(dim), (dim,)

    def _log_prob_many(self, x, condition, key):
        z = x - self.loc[:, None]
        return jnp.sum(-0.5 * z * z - 0.5 * jnp.log(2 * jnp.pi), axis=0)

    def _sample_many(self, key, n, condition, temperature):
        noise = jax.random.normal(key, (*self.event_shape, n), self.loc.dtype)
        return self.loc[:, None] + (noise if temperature is None else temperature * noise)


class NineTenths(Right):
    def _log_prob_many(self, x, condition, key):
        return Right._log_prob_many(self, x, condition, key) + jnp.log(0.9)


class ShiftedSampler(Right):
    def _sample_many(self, key, n, condition, temperature):
        return Right._sample_many(self, key, n, condition, temperature) + 0.1


class IndependentSampler(Right):
    """Its samples have the right law in each coordinate, and the density has a correlation of 0.6."""

    def _log_prob_many(self, x, condition, key):
        a, b = x - self.loc[:, None]
        return -0.5 * (a * a - 1.2 * a * b + b * b) / 0.64 - 0.5 * jnp.log(0.64) - jnp.log(2 * jnp.pi)


class OneKeyForAll(Right):
    def _sample_many(self, key, n, condition, temperature):
        return Right._sample_many(self, jax.random.key(3), n, condition, temperature)


class OtherDensityOfSamples(Right):
    def _sample_and_log_prob_many(self, key, n, condition):
        x = self._sample_many(key, n, condition, None)
        return x, self._log_prob_many(x, condition, None) + 0.1


class SeesNeighbours(Right):
    def _log_prob_many(self, x, condition, key):
        log_prob = Right._log_prob_many(self, x, condition, key)
        return log_prob + 0.1 * (1 < x.shape[-1] < 10)


class HidesNaN(Right):
    def log_prob(self, x, condition=None, *, key=None):
        return Right.log_prob(self, jnp.nan_to_num(x), condition, key=key)


class NoGradientFarOut(Right):
    def _log_prob_many(self, x, condition, key):
        z = x - self.loc[:, None]
        return jnp.sum(jnp.log(jnp.exp(-0.5 * z * z)) - 0.5 * jnp.log(2 * jnp.pi), axis=0)


class IgnoresTemperature(Right):
    def _sample_many(self, key, n, condition, temperature):
        return Right._sample_many(self, key, n, condition, None)


class IgnoresItsCondition(Right):
    cond_shape = (3,)


class MisspeltKind(Right):
    @property
    def kinds(self):
        return "closed form", "analytic"


class AsksNothing(Right):
    def log_prob(self, x, condition=None, *, key=None):
        return self._log_prob_many(
            jnp.moveaxis(jnp.asarray(x), -1, 0).reshape(jnp.shape(x)[-1], -1), None, None
        ).reshape(jnp.shape(x)[:-1])


BROKEN = {
    NineTenths: {"density integrates to one"},
    ShiftedSampler: {FOLLOW},
    OneKeyForAll: {"the same key gives the same samples"},
    OtherDensityOfSamples: {"density of a sample is the same from both passes"},
    SeesNeighbours: {"a batch is scored like its events"},
    HidesNaN: {"nan in nan out"},
    NoGradientFarOut: {FINITE},
    IgnoresTemperature: {"temperature is obeyed"},
    IgnoresItsCondition: {"the condition matters"},
    MisspeltKind: {"kinds are words for kinds"},
    AsksNothing: {"wrong input is refused in words"},
}


def laws_broken_by(distribution: AbstractDistribution, **options) -> set[str]:
    with pytest.raises(LawError) as caught:
        check_distribution(distribution, **options)
    return {failure.law for failure in caught.value.failures}


@pytest.mark.parametrize("cls", BROKEN, ids=lambda cls: cls.__name__)
def test_exactly_the_law_that_is_broken_fails(cls):
    assert laws_broken_by(cls()) == BROKEN[cls]


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_right_distribution_passes(dim):
    assert FOLLOW in check_distribution(Right(dim))


def test_a_correlation_that_the_sampler_lacks_is_found():
    assert laws_broken_by(IndependentSampler(2)) == {FOLLOW}


def test_a_shift_is_found_in_five_dimensions():
    class Shifted(ShiftedSampler):
        def _sample_many(self, key, n, condition, temperature):
            return Right._sample_many(self, key, n, condition, temperature) + 0.5

    assert laws_broken_by(Shifted(5)) == {FOLLOW}


def test_edges_are_given_as_bounds():
    check_distribution(Uniform(0.0, 2.0), bounds=[(0.0, 2.0)], noise=0.0)
    with pytest.raises(ValueError, match="`bounds` needs a pair for each of 1 coordinate"):
        check_distribution(Uniform(0.0, 2.0), bounds=[(0.0, 2.0), (0.0, 2.0)])


class Coin(AbstractDistribution):
    logit: Array
    event_shape = ()
    cond_shape = None

    def __init__(self):
        self.logit = jnp.array(0.3)

    def _log_prob_many(self, x, condition, key):
        return jax.nn.log_sigmoid(jnp.where(x > 0.5, self.logit, -self.logit))

    def _sample_many(self, key, n, condition, temperature):
        return jax.random.bernoulli(key, jax.nn.sigmoid(self.logit), (n,)).astype(self.logit.dtype)


class BiasedCoin(Coin):
    def _sample_many(self, key, n, condition, temperature):
        return jax.random.bernoulli(key, 0.5, (n,)).astype(self.logit.dtype)


def test_separate_values_are_added_up_and_counted():
    check_distribution(Coin(), values=np.array([0.0, 1.0]), noise=0.0)
    assert laws_broken_by(BiasedCoin(), values=np.array([0.0, 1.0]), noise=0.0) == {FOLLOW}
    assert laws_broken_by(Coin(), values=np.array([0.0]), noise=0.0) == {"density integrates to one"}


def test_what_is_no_distribution_is_refused():
    with pytest.raises(TypeError, match="distribution"):
        check_distribution("normal")
