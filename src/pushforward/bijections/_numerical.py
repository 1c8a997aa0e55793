"""Increasing elementwise maps whose inverse is found by a root-finder."""

from typing import ClassVar

from jaxtyping import Array

from pushforward._roots import solve_increasing
from pushforward._types import Kind, Shape
from pushforward.bijections._base import AbstractBijection, AbstractElementwise
from pushforward.supports import Support
from pushforward.supports._events import Passage


class AbstractMonotone(AbstractElementwise):
    """An increasing elementwise map onto the whole line; a subclass implements `_forward_pointwise` alone.

    `inverse` is found by a bracketing root-finder, for numbers up to about 1e17. The bracket grows until it holds the
    target, and the result is within two rounding steps of the root, or else an error (NaN under `jax.jit`); gradients
    are those of the implicit function theorem.
    """

    inverse_kind: ClassVar[Kind] = "iterative"

    def _inverse_pointwise(self, x: Array) -> tuple[Array, Array]:
        y = solve_increasing(lambda z: self._forward_pointwise(z)[0], x, x)
        return y, -self._forward_pointwise(y)[1]


class NumericalInverse(AbstractMonotone):
    """A numerical inverse for an increasing elementwise map that has none in closed form.

    Args:
        bijection: An elementwise map whose `forward` increases, onto the whole line.

    Raises:
        ValueError: If the map is not elementwise.

    Example:
        >>> cube = NumericalInverse(SinhArcsinh(0.3, 1.2))
        >>> round(cube.inverse(cube.forward(jnp.array(0.5))).item(), 5)
        0.5
    """

    bijection: AbstractBijection

    def __check_init__(self):
        if self.bijection.in_shape != self.bijection.out_shape or self.bijection.cond_shape is not None:
            raise ValueError(
                f"NumericalInverse: needs an unconditional elementwise map, got {type(self.bijection).__name__} "
                f"{self.bijection.in_shape} -> {self.bijection.out_shape}."
            )

    @property
    def shape(self) -> Shape:
        return self.bijection.in_shape

    @property
    def forward_kind(self) -> Kind:
        return self.bijection.forward_kind

    @property
    def domain(self) -> Support:
        return self.bijection.domain

    @property
    def image(self) -> Support:
        return self.bijection.image

    def _carry(self, support: Support, passage: Passage) -> Support:
        return self.bijection._carry(support, passage)

    def _forward_pointwise(self, x: Array) -> tuple[Array, Array]:
        return self.bijection._forward_pointwise(x)
