"""Categories as the argmax of numbers."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from pushforward._params import bounded_raw, positive, static
from pushforward._types import Activation, Kind, Shape
from pushforward.bijections._base import AbstractSurjection, sum_event
from pushforward.bijections.discrete._codes import check_categories, log_known, one_hot
from pushforward.nets import MLP
from pushforward.supports import Categories, Support


class Argmax(AbstractSurjection):
    r"""$x_i = \arg\max_k v_{ik}$; back, $v \sim q(v \mid x)$, which puts all its mass where that holds: a **bound**.

    $u = \mu + \sigma\epsilon$ with $\mu, \sigma$ from a network of $x$, then $v_{x} = u_{x}$ and
    $v_k = u_x - \log(1 + e^{u_x - u_k})$ for the others, which is below $v_x$. In place of a log-det stands
    $-\log q(v \mid x) = \sum [\log\sigma + \tfrac12\epsilon^2 + \tfrac12\log 2\pi] + \sum_{k \ne x}\log S(u_x - u_k)$
    with the logistic $S$.

    With a key, a density through this map is in the mean a lower bound of the log-probability. Without one $\epsilon$
    is 0, so that a score is a function of the event: neither a bound nor an unbiased estimate.

    Args:
        shape: Shape of the codes, $s$; numbers have shape `(*s, K)`.
        num_categories: $K$, at least 2.
        width: Units of each hidden layer of the network.
        depth: Hidden layers of the network.
        cond_dim: Size of the condition, or None.
        activation: Of the network.
        key: For the initial weights.

    Raises:
        ValueError: If `num_categories` is below 2.

    Reference:
        Hoogeboom, Nielsen, Jaini, Forré & Welling (2021), Argmax flows and multinomial diffusion: Learning categorical
        distributions, sections 3 and 3.2 (thresholding).
    """

    net: MLP
    shape: Shape = static()
    num_categories: int = static()

    forward_kind: ClassVar[Kind] = "analytic"
    inverse_kind: ClassVar[Kind] = "estimated"

    def __init__(
        self,
        shape: Shape,
        num_categories: int,
        *,
        width: int = 128,
        depth: int = 2,
        cond_dim: int | None = None,
        activation: Activation = "relu",
        key: PRNGKeyArray,
    ):
        check_categories("Argmax", num_categories)
        self.shape, self.num_categories = tuple(shape), num_categories
        size = num_categories
        for length in shape:
            size *= length
        out_shape = (2, *shape, num_categories)
        self.net = MLP(size, out_shape, width=width, depth=depth, cond_dim=cond_dim, activation=activation, key=key)

    @property
    def in_shape(self) -> Shape:
        return (*self.shape, self.num_categories)

    @property
    def out_shape(self) -> Shape:
        return self.shape

    @property
    def cond_shape(self) -> Shape | None:
        return None if self.net.cond_dim is None else (self.net.cond_dim,)

    @property
    def image(self) -> Support:
        return Categories(self.num_categories)

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        return jnp.argmax(x, axis=-2).astype(x.dtype), jnp.zeros(x.shape[-1], x.dtype)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        chosen = one_hot(x, self.num_categories)
        loc, raw = self.net(chosen.reshape(-1, x.shape[-1]), condition)
        scale, log_scale = positive(bounded_raw(raw))
        noise = jnp.zeros_like(loc) if key is None else jax.random.normal(key, loc.shape, loc.dtype)
        u = loc + scale * noise
        top = jnp.sum(jnp.where(chosen > 0, u, 0.0), axis=-2, keepdims=True)
        # A softplus that rounds to 0 must not leave a tie.
        least = jnp.finfo(u.dtype).eps * jnp.maximum(jnp.abs(top), 1.0)
        v = jnp.where(chosen > 0, u, top - jnp.maximum(jax.nn.softplus(top - u), least))
        contribution = log_scale + 0.5 * noise * noise + HALF_LOG_2PI
        contribution += jnp.where(chosen > 0, 0.0, jax.nn.log_sigmoid(top - u))
        return v, sum_event(contribution) + log_known(x, self.num_categories)


HALF_LOG_2PI = 0.9189385332046727
