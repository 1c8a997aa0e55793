"""Autoregressive layers whose conditioner is a causal transformer over groups of coordinates."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, PRNGKeyArray

from pushforward._params import static
from pushforward._types import Activation, Kind, Shape
from pushforward.bijections._base import AbstractBatched, AbstractBijection, sum_event
from pushforward.bijections.coupling._templates import back_from, check_template, count_raw, fill, forth_to
from pushforward.nets import CausalTransformer, GuidedTransformer
from pushforward.supports import Support
from pushforward.supports._events import Passage, by_coordinate


class TransformerAutoregressive(AbstractBatched):
    r"""$x_t = g(z_t;\, \theta(x_{1:t-1}))$ for groups $x_t$ of coordinates, an elementwise $g$: a block of TarFlow.

    Coordinates `0 .. group_size - 1` are the first group, and so on; the last one may be smaller. Within a group
    coordinates do not see each other, so stack layers with a `Flip` between them.

    `inverse` (density) is one pass of the network. `forward` (sampling) takes one step for each group; keys and values
    of the groups before it are kept, so that all steps together cost about one pass.

    Args:
        inner: The map $g$ of one scalar, a template whose parameters the network predicts.
        dim: Size of the event.
        group_size: Coordinates of a group; for patches of an image, the numbers of a patch.
        width: Numbers that stand for a group inside the network.
        depth: Attention layers of the network.
        num_heads: Attentions side by side; a divisor of `width`.
        cond_dim: Size of the condition, or None.
        activation: Of the network.
        key: For the initial weights. The layer starts as `inner` itself, whatever the key.

    Raises:
        ValueError: If `inner` is not a scalar map, or a size does not fit.

    Example:
        >>> layer = TransformerAutoregressive(Affine(), dim=6, group_size=2, key=jax.random.key(0))
        >>> layer.inverse(jnp.zeros(6)).shape
        (6,)

    Reference:
        Zhai et al. (2025), Normalizing flows are capable generative models, section 3.1.
    """

    inner: AbstractBijection
    net: CausalTransformer | GuidedTransformer
    dim: int = static()

    def __init__(
        self,
        inner: AbstractBijection,
        dim: int,
        *,
        group_size: int = 1,
        width: int = 64,
        depth: int = 2,
        num_heads: int = 4,
        cond_dim: int | None = None,
        activation: Activation = "gelu",
        key: PRNGKeyArray,
    ):
        check_template("TransformerAutoregressive", inner)
        if not 1 <= group_size <= dim:
            raise ValueError(
                f"TransformerAutoregressive: `group_size` must be at least 1 and at most dim={dim}, got {group_size}."
            )
        self.inner, self.dim = inner, dim
        self.net = CausalTransformer(
            -(-dim // group_size),
            group_size,
            count_raw(inner),
            width=width,
            depth=depth,
            num_heads=num_heads,
            cond_dim=cond_dim,
            activation=activation,
            key=key,
        )

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
        return "iterative" if self.inner.forward_kind == "iterative" else "sequential"

    @property
    def inverse_kind(self) -> Kind:
        return self.inner.inverse_kind

    @property
    def domain(self) -> Support:
        return self.inner.domain

    @property
    def image(self) -> Support:
        return self.inner.image

    def _carry(self, support: Support, passage: Passage) -> Support:
        return by_coordinate(support, lambda part: self.inner._carry(part, passage))

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        batch = x.shape[-1]

        def step(carry, group):
            before, memories = carry
            place, z = group
            raw, memories = self.net.step(before, place, memories, condition)
            y, log_slope = forth_to(fill(self.inner, raw), z)
            return (y, memories), (y, log_slope)

        start = (jnp.zeros((self.net.token_dim, batch), x.dtype), self.net.empty(batch, x.dtype))
        groups = (jnp.arange(self.net.num_tokens), self._grouped(x))
        _, (y, log_slope) = lax.scan(step, start, groups)
        return self._flat(y), sum_event(self._flat(log_slope))

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        raw = self.net(self._grouped(x), condition).reshape(self.net.num_params, -1, x.shape[-1])[:, : self.dim]
        z, log_slope = back_from(fill(self.inner, raw), x)
        return z, sum_event(log_slope)

    def _grouped(self, x: Array) -> Array:
        """`(dim, batch) -> (groups, group_size, batch)`; zeros fill the last group, which no other sees."""
        missing = self.net.num_tokens * self.net.token_dim - self.dim
        return jnp.pad(x, ((0, missing), (0, 0))).reshape(self.net.num_tokens, self.net.token_dim, -1)

    def _flat(self, groups: Array) -> Array:
        return groups.reshape(-1, groups.shape[-1])[: self.dim]
