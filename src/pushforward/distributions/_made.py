"""MADE as a density model: an autoregressive product of one-dimensional laws, over one order or several."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from pushforward._errors import as_key, did_you_mean
from pushforward._log_sum import log_sum
from pushforward._params import bounded_raw, positive, static
from pushforward._types import Activation, Kind, Shape
from pushforward.bijections.autoregressive._blocked import solve_in_order
from pushforward.bijections.coupling._templates import FAR
from pushforward.distributions._base import AbstractDistribution
from pushforward.distributions._independent import HALF_LOG_2PI
from pushforward.nets import MADE, Degrees
from pushforward.supports import REAL, Integers, Support

LAWS = ("gaussian", "mixture", "bernoulli")


class Autoregression(AbstractDistribution):
    r"""$p(x) = \prod_i p(x_i \mid x_{<i})$ with each factor's parameters from one masked network.

    With `num_orders` above 1, orders of the coordinates and connections of the hidden units are resampled while
    training: `log_prob` with a `key` uses one of them at random, without a key it averages the densities (not the
    log-densities) over all of them.

    Args:
        dim: Number of coordinates.
        law: `"gaussian"`, `"mixture"` (of Gaussians) or `"bernoulli"` (for coordinates 0 and 1).
        num_components: Gaussians in each mixture; 10 in the MAF paper.
        num_orders: How many orders; 1 keeps the given one.
        width: Hidden units.
        depth: Hidden layers.
        activation: Of the network.
        cond_dim: Size of the condition, or None.
        key: For the initial weights and the orders.

    Raises:
        ValueError: If `law` is unknown or a count is below 1.

    Reference:
        Germain, Gregor, Murray & Larochelle (2015), MADE, sections 3-4; Papamakarios et al. (2017), section 3.
    """

    net: MADE
    law: str = static()
    num_components: int = static()
    num_orders: int = static()
    order_seed: int = static()

    def __init__(
        self,
        dim: int,
        *,
        law: str = "gaussian",
        num_components: int = 10,
        num_orders: int = 1,
        width: int = 128,
        depth: int = 2,
        activation: Activation = "relu",
        cond_dim: int | None = None,
        order_seed: int = 0,
        key: PRNGKeyArray,
    ):
        key = as_key("Autoregression", key)
        if law not in LAWS:
            raise ValueError(f"Autoregression: unknown law {law!r}; {did_you_mean(law, LAWS)}.")
        if num_orders < 1 or num_components < 1:
            raise ValueError(
                f"Autoregression: counts must be at least 1, got num_orders={num_orders}, "
                f"num_components={num_components}."
            )
        num_params = {"gaussian": 2, "mixture": 3 * num_components, "bernoulli": 1}[law]
        net_key, symmetry_key = jax.random.split(key)
        net = MADE(dim, num_params, width=width, depth=depth, cond_dim=cond_dim, activation=activation, key=net_key)
        self.net = _break_symmetry(net, symmetry_key) if law == "mixture" else net
        self.law, self.num_components = law, num_components
        self.num_orders, self.order_seed = num_orders, order_seed

    @property
    def event_shape(self) -> Shape:
        return (self.net.dim,)

    @property
    def cond_shape(self) -> Shape | None:
        return None if self.net.cond_dim is None else (self.net.cond_dim,)

    @property
    def support(self) -> Support:
        return Integers(0, 1) if self.law == "bernoulli" else REAL

    @property
    def kinds(self) -> tuple[Kind, Kind]:
        return "analytic", "sequential"

    def degrees(self, index: ArrayLike) -> Degrees | None:
        """Order and connections number `index`; None stands for the given order."""
        if self.num_orders == 1:
            return None
        return self.net.draw_degrees(jax.random.fold_in(jax.random.key(self.order_seed), index))

    def _log_prob_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> Array:
        if self.num_orders == 1:
            return self._log_prob_in(None, x, condition)
        if key is not None:
            index = jax.random.randint(key, (), 0, self.num_orders)
            return self._log_prob_in(self.degrees(index), x, condition)
        each = lax.map(lambda i: self._log_prob_in(self.degrees(i), x, condition), jnp.arange(self.num_orders))
        return log_sum(each) - jnp.log(self.num_orders)

    def _log_prob_in(self, degrees: Degrees | None, x: Array, condition: Array | None) -> Array:
        return jnp.sum(self._log_law(self.net(x, condition, degrees), x), axis=0)

    def _sample_many(self, key: PRNGKeyArray, n: int, condition: Array | None, temperature: ArrayLike | None) -> Array:
        noise = jax.random.uniform(key, (self.net.dim, 2, n), jnp.result_type(float), minval=TINY)
        scale = 1.0 if temperature is None else temperature

        def step(raw: Array, pair: Array) -> tuple[Array, Array]:
            x = self._draw(raw, pair[:, 0], pair[:, 1], scale)
            return x, jnp.zeros_like(x)

        if self.num_orders == 1:
            return solve_in_order(self.net, step, noise, condition)[0]
        # Each draw has an order of its own: all in one order would be draws of one part of the mixture.
        chosen = jax.random.randint(jax.random.fold_in(key, 1), (n,), 0, self.num_orders)

        def in_order(index: Array, x: Array) -> Array:
            return jnp.where(chosen == index, self._sample_in(self.degrees(index), step, noise, condition), x)

        return lax.fori_loop(0, self.num_orders, in_order, jnp.zeros_like(noise[:, 0]))

    def _sample_in(self, degrees: Degrees | None, step, noise: Array, condition: Array | None) -> Array:
        """One pass a coordinate: a resampled order has no blocks."""
        assert degrees is not None  # the given order is solved in blocks

        def body(rank: Array, x: Array) -> Array:
            drawn, _ = step(self.net(x, condition, degrees), noise)
            return jnp.where((degrees.inputs == rank + 1)[:, None], drawn, x)

        return lax.fori_loop(0, self.net.dim, body, jnp.zeros_like(noise[:, 0]))

    def _log_law(self, raw: Array, x: Array) -> Array:
        if self.law == "bernoulli":
            log_prob = -jax.nn.softplus(jnp.where(x > 0.5, -raw[0], raw[0]))
            return jnp.where((x == 0) | (x == 1), log_prob, -jnp.inf)
        if self.law == "gaussian":
            return _log_normal(x, raw[0], raw[1])
        shares, locs, scales = jnp.split(raw, 3)
        return log_sum(jax.nn.log_softmax(shares, axis=0) + _log_normal(x, locs, scales))

    def _draw(self, raw: Array, u: Array, v: Array, temperature: ArrayLike) -> Array:
        if self.law == "bernoulli":
            return (u < jax.nn.sigmoid(raw[0] / temperature)).astype(u.dtype)
        noise = temperature * jax.scipy.special.ndtri(v)
        if self.law == "gaussian":
            return raw[0] + positive(bounded_raw(raw[1]))[0] * noise
        shares, locs, scales = jnp.split(raw, 3)
        ends = jnp.cumsum(jax.nn.softmax(shares, axis=0), axis=0)
        chosen = jnp.sum(u > ends[:-1], axis=0)
        here = jnp.arange(self.num_components).reshape(-1, *(1,) * u.ndim) == chosen
        loc, raw_scale = (jnp.sum(jnp.where(here, values, 0.0), axis=0) for values in (locs, scales))
        return loc + positive(bounded_raw(raw_scale))[0] * noise


TINY = 1e-7  # keeps the normal quantile finite


def _log_normal(x: Array, loc: Array, raw_scale: Array) -> Array:
    scale, log_scale = positive(bounded_raw(raw_scale))
    z = (x - loc) / scale
    near = jax.lax.clamp(-FAR, z, FAR)
    # So far out there is nothing in any precision; the square would overflow, and its gradient by the scale be NaN.
    return jnp.where(jnp.abs(z) > FAR, -jnp.inf, -0.5 * near * near - log_scale - HALF_LOG_2PI)


def _break_symmetry(net: MADE, key: PRNGKeyArray) -> MADE:
    """Components that start equal stay equal: spread the biases of a mixture's last layer."""
    bias = net.biases[-1]
    return eqx.tree_at(lambda n: n.biases[-1], net, bias + jax.random.normal(key, bias.shape, bias.dtype))
