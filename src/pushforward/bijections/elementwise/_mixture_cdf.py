"""The elementwise map of Flow++: through a mixture's distribution function."""

import jax.numpy as jnp

from pushforward._types import Shape
from pushforward.bijections._compose import Chain, Inverse
from pushforward.bijections.elementwise._affine import Affine
from pushforward.bijections.elementwise._sigmoidal import DeepSigmoidal


def mixture_cdf(num_components: int = 32, *, shape: Shape = ()) -> Chain:
    r"""Towards the base: $z = \big(\operatorname{logit} F(x) - t\big) / s$ with $F$ a mixture of logistic laws.

    $F(x) = \sum_j w_j\,\sigma(a_j x + b_j)$, computed with its complement in log space. `inverse` is in closed form,
    and `forward` solves one equation for each number. The template of Flow++: `Coupling(mixture_cdf(), ...)`.

    Args:
        num_components: Logistic laws in the mixture.
        shape: The event's shape; a template has none.

    Raises:
        ValueError: If `num_components` is below 1.

    Example:
        >>> round(mixture_cdf(1).inverse(jnp.array(0.7)).item(), 6)
        0.7

    Reference:
        Ho, Chen, Srinivas, Duan & Abbeel (2019), Flow++, section 3.2.

    Note:
        A component is given by slope and offset, $a_j = 1/s_j$ and $b_j = -\mu_j/s_j$, not by mean and log-scale; the
        affine map divides on the way to the base.
    """
    if num_components < 1:
        raise ValueError(f"mixture_cdf: `num_components` must be at least 1, got {num_components}.")
    return Chain([Affine(jnp.zeros(shape)), Inverse(DeepSigmoidal(num_components, shape=shape))])
