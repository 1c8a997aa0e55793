"""A linear map that begins as the one from white noise to the first batch."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from pushforward._params import buffer, positive_raw
from pushforward.bijections.linear._actnorm import MIN_SPREAD
from pushforward.bijections.linear._linear import TriangularAffine

RIDGE = 1e-6
"""Of each variance, added to it: columns that depend on each other still have a factor."""
STEPS = 8
"""Rounding steps of all columns together, of which the ridge is no less: as many may be between a covariance of one
common cause and the nearest that has a factor."""


class Whitening(TriangularAffine):
    r"""$y = Lx + t$, started so that `inverse` of the first batch has mean 0 and the covariance of white noise.

    $L$ is lower triangular with a positive diagonal, at the start the Cholesky factor of the covariance; all of it is
    trained. `ActNorm` is the same without the correlations. Whether it was started is saved with the model.

    Args:
        dim: Size of the event.

    Example:
        >>> x = jax.random.normal(key, (500, 2)) @ jnp.array([[1.0, 0.9], [0.0, 0.1]])
        >>> flow = pf.distributions.Transformed(pf.distributions.Normal.standard((2,)), Whitening(2))
        >>> flow._data_init(x.T, None).bijection.matrix.round(1).tolist()
        [[1.0, 0.0], [0.9, 0.1]]
    """

    started: Float[Array, ""] = buffer()

    def __init__(self, dim: int):
        super().__init__(jnp.zeros(dim), jnp.eye(dim))
        self.started = jnp.zeros(())

    def _data_init(self, x: Array, condition: Array | None) -> "tuple[Whitening, Array]":
        mean = jnp.mean(x, axis=-1)
        off = x - mean[:, None]
        spread = jnp.sqrt(jnp.mean(off**2, axis=-1))
        # A column without spread (one row, a constant one) keeps scale 1.
        unit = jnp.where(spread > MIN_SPREAD, spread, 1.0)
        off = off / unit[:, None]
        ridge = max(RIDGE, STEPS * len(x) * float(jnp.finfo(x.dtype).eps))
        still = jnp.where(spread > MIN_SPREAD, ridge, 1.0)
        factor = unit[:, None] * jnp.linalg.cholesky(off @ off.T / x.shape[-1] + jnp.diag(still))
        fresh = self.started == 0
        values = (mean, positive_raw(jnp.diagonal(factor)), jnp.tril(factor, -1))
        now = (self.loc, self.diagonal_raw, self.lower)
        kept = [jnp.where(fresh, new, old) for new, old in zip(values, now, strict=True)]
        begun = eqx.tree_at(
            lambda layer: (layer.loc, layer.diagonal_raw, layer.lower, layer.started),
            self,
            (*kept, jnp.ones_like(self.started)),
        )
        return begun, begun._inverse_many(x, condition, None)[0]
