"""How odd rows are, from derivatives of a flow: by its parameters, and by its noise."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from equinox import combine
from jaxtyping import Array, ArrayLike

from pushforward._errors import DataError, as_batch
from pushforward._params import partition
from pushforward.diagnostics.oddity._conformal import Scores
from pushforward.distributions import AbstractDistribution, Fitted, Transformed
from pushforward.distributions._fitted import flow_of

_CHUNK = 256  # rows whose gradients or Jacobians are held at once


def gradient_norm(flow: AbstractDistribution | Fitted, x: ArrayLike | Any, reference: ArrayLike | Any) -> np.ndarray:
    r"""$-\frac1L \sum_l \|g_l(x)\|^2 / E\|g_l\|^2$ with $g_l = \partial \log p(x) / \partial \theta_l$, `(rows,)`.

    The sum is over the $L$ arrays of parameters, the mean over ordinary rows. A row that would change the model much is
    odd: this is the score test, with Fisher's information taken for a multiple of the identity in each array. It is -1
    in the mean over the reference, and does not depend on the units of `x`.

    Args:
        flow: A flow without conditions, or a fitted estimator.
        x: Rows in the units of the flow, `(rows, *event_shape)`, inside its support.
        reference: Ordinary rows, such as some of the training rows.

    Raises:
        DataError: If a gradient is not finite, or all are 0.

    Note:
        The paper fits a Gaussian to the logarithms of the norms; this needs the means alone.

    Reference:
        Dauncey, Holmes, Williams & Falck (2024), Approximations to the Fisher information metric of deep generative
        models for out-of-distribution detection, section 4.
    """
    flow = flow_of("gradient_norm", flow)
    squares, usual = _all_squares(flow, x), _all_squares(flow, reference).mean(axis=0)
    if not (np.isfinite(squares).all() and np.isfinite(usual).all() and usual.any()):
        raise DataError("gradient_norm: a gradient is not finite, or all are 0", "leave impossible rows out")
    return -(squares[:, usual > 0] / usual[usual > 0]).mean(axis=1)


def local_dimension(flow: AbstractDistribution | Fitted, x: ArrayLike | Any, scale: float) -> np.ndarray:
    r"""In how many directions the model spreads by more than `scale` around each row, `(rows,)` whole numbers.

    The singular values of $\partial x / \partial z$ at the noise $z$ of a row are the deviations of the model around
    it; those above `scale` are counted. A row that is dense because the model is flat there (many pixels that cannot
    vary) has few. The paper's rule: a row is odd if its log-density is low, *or* if it is high and its local dimension
    is low. `density_and_dimension` is that as one score.

    Args:
        flow: A `Transformed` without conditions, whose map keeps the dimension, or a fitted estimator.
        x: Rows in the units of the flow, `(rows, *event_shape)`.
        scale: In the units of `x`, positive.

    Raises:
        DataError: If the flow has no such map, or `scale` is not positive.

    Reference:
        Kamkari, Ross, Cresswell, Caterini, Krishnan & Loaiza-Ganem (2024), A geometric explanation of the likelihood
        OOD detection paradox, section 4.
    """
    flow = flow_of("local_dimension", flow)
    size = math.prod(flow.event_shape)
    if not isinstance(flow, Transformed) or flow.cond_shape is not None or math.prod(flow.base.event_shape) != size:
        raise DataError(
            "local_dimension: needs a flow that maps noise of as many numbers to rows, without conditions.",
            "a fit with a background is a mixture: fit with `background=False`",
        )
    if not scale > 0:
        raise DataError(f"local_dimension: scale must be positive, got {scale}", "in the units of the rows")
    x = as_batch("local_dimension", "x", x, flow.event_shape).reshape(-1, *flow.event_shape)
    jacobians = [np.asarray(_inverse_jacobians(flow, x[i : i + _CHUNK])) for i in range(0, len(x), _CHUNK)]
    values = np.linalg.svd(np.concatenate(jacobians).astype(np.float64), compute_uv=False)
    return np.sum(values < 1 / scale, axis=1)


def density_and_dimension(
    scores: Scores, dimensions: Scores, reference: Scores, reference_dimensions: Scores
) -> np.ndarray:
    """The smaller of two ranks among ordinary rows, of the log-density and of the local dimension, `(rows,)` in [0, 1].

    Args:
        scores: Log-densities, `(rows,)`.
        dimensions: Local dimensions, `(rows,)`.
        reference: Log-densities of ordinary rows.
        reference_dimensions: Their local dimensions.

    Reference:
        As of `local_dimension`; they choose two thresholds, where this takes the smaller rank.
    """
    pairs = [(scores, reference), (dimensions, reference_dimensions)]
    ranks = [np.searchsorted(np.sort(np.asarray(known)), np.asarray(given), "right") for given, known in pairs]
    return np.minimum(*ranks) / max(1, len(np.asarray(reference)))


def _all_squares(flow: AbstractDistribution, x: ArrayLike | Any) -> np.ndarray:
    """`_squares` in chunks, float64."""
    x = as_batch("gradient_norm", "x", x, flow.event_shape).reshape(-1, *flow.event_shape)
    chunks = [np.asarray(_squares(flow, x[i : i + _CHUNK]), np.float64) for i in range(0, len(x), _CHUNK)]
    return np.concatenate(chunks) if chunks else np.zeros((0, 0))


@jax.jit
def _squares(flow: AbstractDistribution, x: Array) -> Array:
    """Squared norms of the gradients by each array of parameters, `(rows, arrays)`."""
    trained, rest = partition(flow)

    def of_row(row: Array) -> Array:
        gradient = jax.grad(lambda parameters: combine(parameters, rest).log_prob(row))(trained)
        return jnp.array([jnp.sum(leaf**2) for leaf in jax.tree.leaves(gradient)])

    return jax.vmap(of_row)(x)


@jax.jit
def _inverse_jacobians(flow: Transformed, x: Array) -> Array:
    """Of noise by rows, `(rows, dim, dim)`."""

    def noise(row: Array) -> Array:
        return flow.bijection.inverse(row.reshape(flow.event_shape)).reshape(-1)

    # Reverse mode, because splines have a gradient of their own that forward mode does not know.
    return jax.vmap(jax.jacrev(noise))(x.reshape(len(x), -1))
