"""Flows whose conditionals are exact: affine maps of Gaussians, autoregressive ones in their order, and mixtures."""

import abc
import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from pushforward.bijections import AbstractBijection, Autoregressive, Chain, Concatenate, Inverse, Permute, Scan
from pushforward.bijections._shape import AbstractRearrangement
from pushforward.bijections.autoregressive._blocked import solve_in_order
from pushforward.bijections.discrete._one_hot import one_hot
from pushforward.distributions import (
    AbstractDistribution,
    Autoregression,
    GivenCategories,
    Mixture,
    MultivariateNormal,
    Normal,
    Transformed,
)
from pushforward.distributions._independent import AbstractIndependent
from pushforward.distributions._maps import acts_by_coordinate, is_affine

MOST_COMBINATIONS = 2**14
"""Of categories that are summed over one by one."""


class AbstractExact(abc.ABC):
    """What is fixed has a density in closed form, and the rest can be drawn given it.

    Args:
        flow: The joint law.
        fixed: Places of the fixed coordinates.
    """

    def __init__(self, flow: AbstractDistribution, fixed: tuple[int, ...]):
        self.flow, self.fixed = flow, fixed
        self.dim = flow.event_shape[0]
        self.free = tuple(i for i in range(self.dim) if i not in fixed)

    @abc.abstractmethod
    def log_prob(self, values: np.ndarray) -> np.ndarray:
        """Of the fixed coordinates, `(rows, fixed) -> (rows,)`."""

    @abc.abstractmethod
    def sample(self, key: PRNGKeyArray, n: int, values: np.ndarray) -> np.ndarray:
        """Whole events `(n, dim)` given the values `(fixed,)` of one row."""


def exact_of(flow: AbstractDistribution, fixed: tuple[int, ...]) -> AbstractExact | None:
    """The exact conditional of a flow given some coordinates, or None where it has none."""
    if not fixed or len(fixed) == flow.event_shape[0]:
        return None
    gaussian = _gaussian_of(flow)
    if gaussian is not None:
        return GaussianPart(flow, fixed, *gaussian)
    if isinstance(flow, Mixture):
        parts = [exact_of(part, fixed) for part in flow.components]
        known = [part for part in parts if part is not None]
        return MixedParts(flow, fixed, known) if len(known) == len(parts) else None
    if isinstance(flow, Autoregression) and flow.num_orders == 1 and sorted(fixed) == list(range(len(fixed))):
        return FirstFactors(flow, fixed)
    if isinstance(flow, Transformed) and isinstance(flow.base, AbstractIndependent):
        noise = _noise_of(flow.bijection, fixed)
        return None if noise is None else FirstNoise(flow, fixed, noise)
    return _counted(flow, fixed)


class GaussianPart(AbstractExact):
    r"""$b \sim N(\mu_b, \Sigma_{bb})$ and $a \mid b \sim N(\mu_a + S(b - \mu_b), \Sigma_{aa} - S\Sigma_{ba})$.

    The slopes are $S = \Sigma_{ab}\Sigma_{bb}^{-1}$; all in float64.
    """

    def __init__(self, flow: AbstractDistribution, fixed: tuple[int, ...], mean: np.ndarray, covariance: np.ndarray):
        AbstractExact.__init__(self, flow, fixed)
        b, a = list(self.fixed), list(self.free)
        self.mean, self.covariance = mean, covariance
        self.factor = np.linalg.cholesky(covariance[np.ix_(b, b)])
        self.slopes = np.linalg.solve(covariance[np.ix_(b, b)], covariance[np.ix_(b, a)])
        rest = covariance[np.ix_(a, a)] - covariance[np.ix_(a, b)] @ self.slopes
        self.rest = np.linalg.cholesky(0.5 * (rest + rest.T))

    def log_prob(self, values: np.ndarray) -> np.ndarray:
        """A Gaussian density."""
        gap = values - self.mean[list(self.fixed)]
        z = np.linalg.solve(self.factor, gap.T)
        constant = np.log(np.diag(self.factor)).sum() + 0.5 * len(self.fixed) * math.log(2.0 * math.pi)
        return -0.5 * (z**2).sum(axis=0) - constant

    def sample(self, key: PRNGKeyArray, n: int, values: np.ndarray) -> np.ndarray:
        """Gaussian draws beside the values."""
        noise = np.asarray(jax.random.normal(key, (n, len(self.free))), np.float64)
        out = np.empty((n, self.dim))
        out[:, list(self.fixed)] = values
        shift = (values - self.mean[list(self.fixed)]) @ self.slopes
        out[:, list(self.free)] = self.mean[list(self.free)] + shift + noise @ self.rest.T
        return out


class MixedParts(AbstractExact):
    r"""$p(b) = \sum_k \pi_k p_k(b)$, and $p(a \mid b) = \sum_k \pi_k p_k(b)\, p_k(a \mid b) / p(b)$."""

    def __init__(self, flow: Mixture, fixed: tuple[int, ...], parts: list[AbstractExact]):
        AbstractExact.__init__(self, flow, fixed)
        self.log_weights, self.parts = np.asarray(jax.nn.log_softmax(flow.logits), np.float64), parts

    def log_prob(self, values: np.ndarray) -> np.ndarray:
        """The mixture of the parts' densities."""
        return np.logaddexp.reduce(self._each(values), axis=0)

    def sample(self, key: PRNGKeyArray, n: int, values: np.ndarray) -> np.ndarray:
        """Of each part as many as its weight given the values says."""
        choice_key, *keys = jax.random.split(key, 1 + len(self.parts))
        chosen = np.asarray(jax.random.categorical(choice_key, jnp.asarray(self._each(values[None])[:, 0]), shape=(n,)))
        out = np.empty((n, self.dim))
        for number, (part, part_key) in enumerate(zip(self.parts, keys, strict=True)):
            mine = np.flatnonzero(chosen == number)
            if len(mine):
                out[mine] = part.sample(part_key, len(mine), values)
        return out

    def _each(self, values: np.ndarray) -> np.ndarray:
        return np.stack([part.log_prob(values) for part in self.parts]) + self.log_weights[:, None]


class FirstFactors(AbstractExact):
    """The first coordinates of an `Autoregression`: the sum of their factors, and ancestral draws of the others."""

    flow: Autoregression

    def log_prob(self, values: np.ndarray) -> np.ndarray:
        """The sum of the first factors, which see none of what is behind."""
        x = jnp.zeros((self.dim, len(values))).at[jnp.asarray(self.fixed)].set(values.T)
        each = self.flow._log_law(self.flow.net(x, None, None), x)[: len(self.fixed)]
        return np.asarray(jnp.sum(each, axis=0), np.float64)

    def sample(self, key: PRNGKeyArray, n: int, values: np.ndarray) -> np.ndarray:
        """One coordinate after another, the first ones at their values."""
        noise = jax.random.uniform(key, (self.dim, 2, n), minval=1e-7)
        kept = jnp.full((self.dim,), jnp.nan).at[jnp.asarray(self.fixed)].set(values)
        noise = jnp.concatenate([noise, jnp.broadcast_to(kept[:, None, None], (self.dim, 1, n))], axis=1)

        def step(raw: Array, given: Array) -> tuple[Array, Array]:
            drawn = self.flow._draw(raw, given[:, 0], given[:, 1], 1.0)
            x = jnp.where(jnp.isnan(given[:, 2]), drawn, given[:, 2])
            return x, jnp.zeros_like(x)

        return np.asarray(solve_in_order(self.flow.net, step, noise, None)[0].T, np.float64)


class FirstNoise(AbstractExact):
    r"""Coordinates $b = f_b(z_L)$ that are a map of as many coordinates $z_L$ of the noise.

    $\log p(b) = \sum_{i \in L} \log p(z_i) + \log|\det \partial z_L / \partial b|$; the other coordinates are drawn by
    the other noise.
    """

    flow: Transformed

    def __init__(self, flow: Transformed, fixed: tuple[int, ...], noise: tuple[int, ...]):
        AbstractExact.__init__(self, flow, fixed)
        self.noise = noise
        # Any event of the flow does for what the noise does not see.
        self.filler = flow.sample(jax.random.key(0))

    def log_prob(self, values: np.ndarray) -> np.ndarray:
        """By the Jacobian of the fixed coordinates."""
        return np.asarray(jax.jit(jax.vmap(self._log_prob))(jnp.asarray(values)), np.float64)

    def sample(self, key: PRNGKeyArray, n: int, values: np.ndarray) -> np.ndarray:
        """The map of the noise of the values and of new noise."""
        z = self.flow.base._sample_many(key, n, None, None)
        z = z.at[jnp.asarray(self.noise)].set(self._noise(jnp.asarray(values))[:, None])
        x = jax.jit(lambda z: self.flow.bijection._forward_many(z, None, None)[0])(z)
        out = np.array(x.T, np.float64)
        out[:, list(self.fixed)] = values
        return out

    def _log_prob(self, values: Array) -> Array:
        z, slopes = self._noise(values), jax.jacfwd(self._noise)(values)
        base, places = self.flow.base, jnp.asarray(self.noise)
        assert isinstance(base, AbstractIndependent)
        if base.loc is None:
            each = base._log_density(z)
        else:
            each = base._log_density((z - base.loc[places]) / base.scale[places]) - jnp.log(base.scale[places])
        return jnp.sum(each) + jnp.linalg.slogdet(slopes)[1]

    def _noise(self, values: Array) -> Array:
        x = self.filler.at[jnp.asarray(self.fixed)].set(values)
        return self.flow.bijection._inverse_many(x[:, None], None, None)[0][jnp.asarray(self.noise), 0]


class SummedCategories(AbstractExact):
    """Some categories fixed and nothing else: the others are summed over, and numbers drawn given all of them."""

    def __init__(self, flow: AbstractDistribution, fixed: tuple[int, ...], law: GivenCategories, places: np.ndarray):
        AbstractExact.__init__(self, flow, fixed)
        self.law, self.places = law, places
        sizes = law.categories.sizes
        self.codes = np.stack(np.meshgrid(*(np.arange(s) for s in sizes), indexing="ij"), -1).reshape(-1, len(sizes))
        self.log_probs = np.asarray(law.categories.log_prob(jnp.asarray(self.codes, float)), np.float64)
        self.own = [int(np.flatnonzero(places == place)[0]) for place in fixed]

    def log_prob(self, values: np.ndarray) -> np.ndarray:
        """The sum of probabilities."""
        given = self._given(values)
        return np.logaddexp.reduce(given, axis=1)

    def sample(self, key: PRNGKeyArray, n: int, values: np.ndarray) -> np.ndarray:
        """Categories by their probabilities, then numbers."""
        code_key, key = jax.random.split(key)
        chosen = jax.random.categorical(code_key, jnp.asarray(self._given(values[None])[0]), shape=(n,))
        codes = jnp.asarray(self.codes, float)[chosen].T
        numbers = _drawn(self.law.others, key, one_hot(codes, self.law.categories.sizes))
        out = np.empty((n, self.dim))
        out[:, self.places] = np.concatenate([codes, numbers]).T
        return out

    def _given(self, values: np.ndarray) -> np.ndarray:
        """Log-probabilities of all combinations, -inf for those with other values, `(rows, combinations)`."""
        same = (self.codes[None][..., self.own] == values[:, None]).all(axis=-1)
        return np.where(same, self.log_probs, -np.inf)


@jax.jit
def _drawn(law: AbstractDistribution, key: PRNGKeyArray, conditions: Array) -> Array:
    return law._sample_many(key, conditions.shape[1], conditions, None)


def _counted(flow: AbstractDistribution, fixed: tuple[int, ...]) -> SummedCategories | None:
    places, law = np.arange(flow.event_shape[0]), flow
    if isinstance(flow, Transformed) and isinstance(flow.bijection, Permute):
        law = flow.base
        # Where each coordinate of the law goes.
        there = flow.bijection._forward_many(jnp.arange(len(places), dtype=float)[:, None], None, None)[0][:, 0]
        places = np.argsort(np.asarray(there).astype(int))
    if not isinstance(law, GivenCategories):
        return None
    sizes = law.categories.sizes
    if math.prod(sizes) > MOST_COMBINATIONS or not set(fixed) <= set(places[: len(sizes)].tolist()):
        return None
    return SummedCategories(flow, fixed, law, places)


def _gaussian_of(flow: AbstractDistribution) -> tuple[np.ndarray, np.ndarray] | None:
    """Mean and covariance of a Gaussian, or None."""
    if isinstance(flow, MultivariateNormal):
        return np.asarray(flow.factor.loc, np.float64), np.asarray(flow.covariance, np.float64)
    if isinstance(flow, Normal) and len(flow.event_shape) == 1:
        dim = flow.event_shape[0]
        if flow.loc is None:
            return np.zeros(dim), np.eye(dim)
        scale = np.broadcast_to(np.asarray(flow.scale, np.float64), (dim,))
        return np.broadcast_to(np.asarray(flow.loc, np.float64), (dim,)), np.diag(scale**2)
    if not isinstance(flow, Transformed) or not is_affine(flow.bijection) or flow.cond_shape is not None:
        return None
    inside = _gaussian_of(flow.base)
    if inside is None:
        return None
    mean, covariance = inside

    def there(z: Array) -> Array:
        return flow.bijection._forward_many(z[:, None], None, None)[0][:, 0]

    matrix = np.asarray(jax.jacfwd(there)(jnp.zeros(len(mean))), np.float64)
    return matrix @ mean + np.asarray(there(jnp.zeros(len(mean))), np.float64), matrix @ covariance @ matrix.T


def _noise_of(bijection: AbstractBijection, fixed: tuple[int, ...]) -> tuple[int, ...] | None:
    """The coordinates of the noise that see none but the fixed ones, if there are as many as these."""
    if bijection.in_shape != bijection.out_shape or len(bijection.in_shape) != 1 or not bijection.exact:
        return None
    sees = dependence(bijection)
    others = [i for i in range(len(sees)) if i not in fixed]
    alone = np.flatnonzero(~sees[:, others].any(axis=1))
    return tuple(alone.tolist()) if len(alone) == len(fixed) else None


def dependence(bijection: AbstractBijection) -> np.ndarray:
    """Which coordinates of the noise may depend on which of the data, `(noise, data)`; all, where nothing is known."""
    dim = bijection.in_shape[0]
    if acts_by_coordinate(bijection):
        return np.eye(dim, dtype=bool)
    if isinstance(bijection, Chain | Scan):
        parts = bijection.bijections if isinstance(bijection, Chain) else tuple(bijection.layers())
        whole = np.eye(dim, dtype=bool)
        for part in parts:
            whole = whole @ dependence(part)
        return whole
    if isinstance(bijection, Concatenate):
        whole, start = np.zeros((dim, dim), bool), 0
        for part in bijection.bijections:
            stop = start + part.in_shape[0]
            whole[start:stop, start:stop] = dependence(part)
            start = stop
        return whole
    if isinstance(bijection, Inverse) and isinstance(bijection.bijection, AbstractRearrangement):
        return dependence(bijection.bijection).T
    if isinstance(bijection, Inverse) and isinstance(bijection.bijection, Autoregressive):
        return dependence(bijection.bijection)
    if isinstance(bijection, AbstractRearrangement):
        places = bijection._inverse_many(jnp.arange(dim, dtype=float)[:, None], None, None)[0][:, 0]
        return np.asarray(places).astype(int)[:, None] == np.arange(dim)
    if isinstance(bijection, Autoregressive):
        order = np.arange(dim) if bijection.order is None else np.asarray(bijection.order).astype(int)
        sees = np.zeros((dim, dim), bool)
        sees[np.ix_(order, order)] = np.tri(dim, dtype=bool)
        return sees
    return np.ones((dim, dim), bool)
