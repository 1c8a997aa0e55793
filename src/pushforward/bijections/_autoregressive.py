"""Autoregressive layers: each coordinate is mapped by what came before it."""

from jaxtyping import Array, PRNGKeyArray

from pushforward._types import Kind, Shape
from pushforward.bijections._base import AbstractBatched, AbstractBijection, sum_event
from pushforward.bijections._blocked import solve_in_order
from pushforward.bijections._templates import check_template, count_raw, fill
from pushforward.nets import MADE


class Autoregressive(AbstractBatched):
    r"""$x_i = g(z_i;\, \theta(x_{1:i-1}))$ with an elementwise $g$: the layer of MAF.

    `inverse` (density) is one pass of the network. `forward` (sampling) computes every hidden unit once, as soon as
    the coordinates that it sees are known, so it costs about one pass too, in `dim` dependent steps.
    `Inverse(Autoregressive(...))` is the layer of IAF.

    Args:
        inner: The map $g$ of one scalar, a template whose parameters the network predicts.
        dim: Size of the event.
        width: Units of each hidden layer of the network.
        depth: Hidden layers of the network.
        cond_dim: Size of the condition, or None.
        activation: Of the network.
        key: For the initial weights. The layer starts as `inner` itself, whatever the key.

    Raises:
        ValueError: If `inner` is not a scalar map.

    Example:
        >>> layer = Autoregressive(Affine(), dim=3, key=jax.random.key(0))
        >>> layer.inverse(jnp.zeros(3)).shape
        (3,)

    Reference:
        Papamakarios, Pavlakou & Murray (2017), Masked autoregressive flow for density estimation.
    """

    inner: AbstractBijection
    net: MADE

    def __init__(
        self,
        inner: AbstractBijection,
        dim: int,
        *,
        width: int = 128,
        depth: int = 2,
        cond_dim: int | None = None,
        activation: str = "relu",
        key: PRNGKeyArray,
    ):
        check_template("Autoregressive", inner)
        self.inner = inner
        self.net = MADE(
            dim, count_raw(inner), width=width, depth=depth, cond_dim=cond_dim, activation=activation, key=key
        )

    @property
    def in_shape(self) -> Shape:
        return (self.net.dim,)

    @property
    def out_shape(self) -> Shape:
        return (self.net.dim,)

    @property
    def cond_shape(self) -> Shape | None:
        return None if self.net.cond_dim is None else (self.net.cond_dim,)

    @property
    def forward_kind(self) -> Kind:
        return "iterative" if self.inner.forward_kind == "iterative" else "sequential"

    @property
    def inverse_kind(self) -> Kind:
        return self.inner.inverse_kind

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        def step(raw: Array, z: Array) -> tuple[Array, Array]:
            return fill(self.inner, raw)._forward_pointwise(z)

        return solve_in_order(self.net, step, x, condition)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        z, log_slope = fill(self.inner, self.net(x, condition))._inverse_pointwise(x)
        return z, sum_event(log_slope)
