"""Multi-scale flows: variables that are factored out on the way to the base."""

import functools
import itertools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray

from pushforward._types import Kind, Shape, of_parts, worst_kind
from pushforward.bijections._base import AbstractBatched, AbstractBijection
from pushforward.bijections._compose import shared_cond_shape
from pushforward.bijections._neighbours import check_neighbours
from pushforward.supports import Support
from pushforward.supports._events import FORWARD, NEEDED, Passage, divided, joined


class MultiScale(AbstractBatched):
    r"""Levels that each take in more variables: towards the data an image grows, towards the base it is factored out.

    Towards the data: the first level maps the first variables, every later one an image whose first channels are what
    the level before it gave and whose other channels are the next variables. Towards the base, this is the figure of
    RealNVP and Glow: squeeze, steps of flow, split off the other channels, and again. Sequences `(time, channels)` do
    as well as images: these are the early outputs of WaveGlow.

    Base events are vectors: the variables of the levels in order, coarsest first, each an image row by row. The log-det
    is the sum of the levels'.

    Args:
        levels: In the order in which `forward` applies them, the coarsest and smallest first; events are images, and
            each takes more channels than the one before it gives. Or sequences, all of them.

    Raises:
        ValueError: If there is no level, or what a level gives is not a part of what the next takes.

    Example:
        >>> halves = MultiScale([Identity((1, 1, 2)), Inverse(Squeeze((2, 2, 1)))])
        >>> halves.in_shape, halves.out_shape
        ((4,), (2, 2, 1))
        >>> halves.forward(jnp.arange(4.0))[..., 0].tolist()
        [[0.0, 1.0], [2.0, 3.0]]

    Reference:
        Dinh, Sohl-Dickstein & Bengio (2017), section 3.6; Kingma & Dhariwal (2018), figure 2b.
    """

    levels: tuple[AbstractBijection, ...]

    def __init__(self, levels: Sequence[AbstractBijection]):
        if not levels:
            raise ValueError("MultiScale: needs at least one level, got none.")
        for before, after in itertools.pairwise(levels):
            given, taken = before.out_shape, after.in_shape
            if given[:-1] != taken[:-1] or given[-1] >= taken[-1]:
                raise ValueError(
                    f"MultiScale: a level gives {given} and the next takes {taken}, but should take the same height "
                    "and width, or the same time, and more channels."
                )
        shared_cond_shape(levels, "MultiScale")
        self.levels = tuple(levels)
        check_neighbours(self)

    @property
    def in_shape(self) -> Shape:
        return (sum(math.prod(shape) for shape in self.latent_shapes),)

    @property
    def out_shape(self) -> Shape:
        return self.levels[-1].out_shape

    @property
    def latent_shapes(self) -> tuple[Shape, ...]:
        """Shape of the variables of each level, in order."""
        first, *later = (level.in_shape for level in self.levels)
        given = [level.out_shape[-1] for level in self.levels]
        rest = [(*shape[:-1], shape[-1] - kept) for shape, kept in zip(later, given, strict=False)]
        return (first, *rest)

    @property
    def cond_shape(self) -> Shape | None:
        return shared_cond_shape(self.levels, "MultiScale")

    @property
    def forward_kind(self) -> Kind:
        return worst_kind([level.forward_kind for level in self.levels])

    @property
    def inverse_kind(self) -> Kind:
        return worst_kind([level.inverse_kind for level in self.levels])

    @property
    def exact(self) -> bool:
        return all(level.exact for level in self.levels)

    @property
    def domain(self) -> Support:
        return self._carry(self.levels[-1].image, NEEDED)

    @property
    def image(self) -> Support:
        return self._carry(self.domain, FORWARD)

    def _carry(self, support: Support, passage: Passage) -> Support:
        shapes = self.latent_shapes
        if not passage.forward:
            return self._carry_back(support, passage)
        first, *others = divided(support, [(math.prod(shape),) for shape in shapes])
        found = self.levels[0]._carry(first, passage)
        for before, level, latent, shape in zip(self.levels, self.levels[1:], others, shapes[1:], strict=False):
            found = level._carry(joined([found, latent], [before.out_shape, shape], axis=len(shape) - 1), passage)
        return found

    def _carry_back(self, support: Support, passage: Passage) -> Support:
        shapes, latents = self.latent_shapes, []
        for i in reversed(range(1, len(self.levels))):
            support = self.levels[i]._carry(support, passage)
            support, latent = divided(support, [self.levels[i - 1].out_shape, shapes[i]], axis=len(shapes[i]) - 1)
            latents.append(latent)
        latents.append(self.levels[0]._carry(support, passage))
        return joined(latents[::-1], [(math.prod(shape),) for shape in shapes])

    def latents(self, z: Array) -> tuple[Array, ...]:
        """The variables of each level in its shape, `(prod, *batch) -> (height, width, channels, *batch)`."""
        sizes = [math.prod(shape) for shape in self.latent_shapes]
        pieces = jnp.split(z, list(itertools.accumulate(sizes))[:-1])
        shaped = zip(pieces, self.latent_shapes, strict=True)
        return tuple(piece.reshape(*shape, *z.shape[1:]) for piece, shape in shaped)

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        first, *others = self.latents(x)
        keys = self._keys(key)
        image, total = self.levels[0]._forward_many(first, condition, keys[0])
        for level, latent, level_key in zip(self.levels[1:], others, keys[1:], strict=True):
            image, log_det = level._forward_many(jnp.concatenate([image, latent], axis=-2), condition, level_key)
            total = total + log_det
        return image, total

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        latents, totals, keys = [], [], self._keys(key)
        for i in reversed(range(len(self.levels))):
            x, log_det = self.levels[i]._inverse_many(x, condition, keys[i])
            x, latent = self._split(x, i)
            latents.append(latent)
            totals.append(log_det)
        return jnp.concatenate(latents[::-1]), functools.reduce(jnp.add, totals)

    @of_parts
    def _data_init(self, x: Array, condition: Array | None) -> "tuple[MultiScale, Array]":
        begun, latents = [], []
        for i in reversed(range(len(self.levels))):
            level, x = self.levels[i]._data_init(x, condition)
            x, latent = self._split(x, i)
            begun.append(level)
            latents.append(latent)
        return MultiScale(begun[::-1]), jnp.concatenate(latents[::-1])

    def _split(self, x: Array, i: int) -> tuple[Array, Array]:
        """What goes on to the next coarser level, and the variables of level `i` as a vector, `(size, n)`."""
        kept = 0 if i == 0 else self.levels[i - 1].out_shape[-1]
        left = x[..., kept:, :]
        return x[..., :kept, :], left.reshape(math.prod(left.shape[:-1]), x.shape[-1])

    def _keys(self, key: PRNGKeyArray | None) -> list[PRNGKeyArray | None]:
        return [None] * len(self.levels) if key is None else list(jax.random.split(key, len(self.levels)))
