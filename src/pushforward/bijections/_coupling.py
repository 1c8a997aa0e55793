"""Coupling layers: one part of the event decides how the other part is mapped."""

import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from pushforward._params import static
from pushforward._types import Kind, Shape
from pushforward.bijections._base import AbstractBatched, AbstractBijection, sum_event
from pushforward.bijections._templates import check_template, count_raw, fill
from pushforward.nets import MLP


class Coupling(AbstractBatched):
    r"""$y_{1:d} = x_{1:d}$ and $y_{d+1:D} = g(x_{d+1:D};\, \theta(x_{1:d}))$ with an elementwise $g$.

    Triangular, so the log-det is the sum of the elementwise ones; both directions cost one pass.

    Args:
        inner: The map $g$ of one scalar, a template whose parameters the network predicts.
        dim: Size of the event, $D$.
        split: $d$, how many coordinates stay; default $\lfloor D/2 \rfloor$.
        width: Units of each hidden layer of the network.
        depth: Hidden layers of the network.
        cond_dim: Size of the condition, or None.
        activation: Of the network.
        circular: Whether the coordinates that stay are angles, of which the network sees cosine and sine.
        key: For the initial weights. The layer starts as `inner` itself, whatever the key.

    Raises:
        ValueError: If `inner` is not a scalar map, or `split` leaves nothing to map.

    Example:
        >>> layer = Coupling(Affine(), dim=4, key=jax.random.key(0))
        >>> layer.forward(jnp.arange(4.0)).shape
        (4,)

    Reference:
        Dinh, Sohl-Dickstein & Bengio (2017), Density estimation using Real NVP, section 3.2.
    """

    inner: AbstractBijection
    net: MLP
    dim: int = static()
    split: int = static()

    def __init__(
        self,
        inner: AbstractBijection,
        dim: int,
        *,
        split: int | None = None,
        width: int = 128,
        depth: int = 2,
        cond_dim: int | None = None,
        activation: str = "relu",
        circular: bool = False,
        key: PRNGKeyArray,
    ):
        check_template("Coupling", inner)
        split = dim // 2 if split is None else split
        if not 0 <= split < dim:
            raise ValueError(f"Coupling: `split` must be at least 0 and below dim={dim}, got {split}.")
        out_shape = (count_raw(inner), dim - split)
        self.net = MLP(
            split,
            out_shape,
            width=width,
            depth=depth,
            cond_dim=cond_dim,
            activation=activation,
            circular=circular,
            key=key,
        )
        self.inner, self.dim, self.split = inner, dim, split

    @property
    def in_shape(self) -> Shape:
        return (self.dim,)

    @property
    def out_shape(self) -> Shape:
        return (self.dim,)

    @property
    def cond_shape(self) -> Shape | None:
        return None if self.net.cond_dim is None else (self.net.cond_dim,)

    @property
    def forward_kind(self) -> Kind:
        return self.inner.forward_kind

    @property
    def inverse_kind(self) -> Kind:
        return self.inner.inverse_kind

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        kept, moved = x[: self.split], x[self.split :]
        moved, log_slope = fill(self.inner, self.net(kept, condition))._forward_pointwise(moved)
        return jnp.concatenate([kept, moved]), sum_event(log_slope)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        kept, moved = x[: self.split], x[self.split :]
        moved, log_slope = fill(self.inner, self.net(kept, condition))._inverse_pointwise(moved)
        return jnp.concatenate([kept, moved]), sum_event(log_slope)
