"""A fully connected network with a bound on its slope that holds for any weights."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, PRNGKeyArray

from pushforward._errors import PushforwardError, as_key, did_you_mean
from pushforward._params import positive, positive_raw, static
from pushforward._types import Activation, Part, Shape
from pushforward.nets._activations import as_name
from pushforward.nets._mlp import check_hidden, dense_layers

LIPSWISH_SLOPE = 1.1  # the steepest slope of x sigmoid(x) is 1.0998

LIPSCHITZ_ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "elu": jax.nn.elu,
    "lipswish": lambda x: x * jax.nn.sigmoid(x) / LIPSWISH_SLOPE,
    "softplus": jax.nn.softplus,
    "tanh": jnp.tanh,
}
"""Slopes at most 1, and a second derivative, without which a log-det has no gradient: ReLU is not among them."""

GRAM_STEPS = 8
"""The bound exceeds the norm by at most a factor of rank**(1 / 512): 1.0095 at 128."""


def spectral_bound(matrix: Float[Array, "out in"]) -> Float[Array, ""]:
    r"""An upper bound of the spectral norm, tight to a percent and differentiable, by Gram iteration.

    $\|W\|_2 \le \|(W^\top W)^{2^{k-1}}\|_F^{2^{-k}}$ for every $k$, by repeated squaring.

    Reference:
        Delattre, Barthelemy, Araujo & Allauzen (2023), Efficient bound of Lipschitz constant for convolutional layers
        by Gram iteration, theorem 1.
    """
    small = matrix.T if matrix.shape[0] < matrix.shape[1] else matrix
    size = _frobenius(small)
    power, log_bound = small / size, jnp.log(size)
    for k in range(1, GRAM_STEPS + 1):
        power = jnp.matmul(power.T, power, precision=lax.Precision.HIGHEST)
        size = _frobenius(power)
        power, log_bound = power / size, log_bound + jnp.log(size) / 2.0**k
    return jnp.exp(log_bound)


def _frobenius(matrix: Array) -> Array:
    """The Frobenius norm, a little above 0 for a matrix of zeros."""
    return jnp.sqrt(jnp.maximum(jnp.sum(matrix * matrix), jnp.finfo(matrix.dtype).tiny))


def bounded(matrix: Float[Array, "out in"], norm: float) -> Float[Array, "out in"]:
    """The matrix, scaled down if its spectral norm is above `norm`."""
    # A Frobenius norm within the bound is enough, and at zero the bound has no derivative.
    small = jnp.sum(matrix * matrix) <= norm * norm
    bound = spectral_bound(jnp.where(small, jnp.ones_like(matrix), matrix))
    return matrix * jnp.where(small, 1.0, norm / jnp.maximum(bound, norm))


class LipschitzMLP(Part):
    r"""A network `(in_size + cond_dim, batch) -> (in_size, batch)` with $\|g(x) - g(y)\| \le c \|x - y\|$.

    Every weight matrix is divided by a bound of its spectral norm whenever the network runs, so no training step,
    edit or rounding of a file can break the bound. The condition may enter with any slope. Hidden layers apply
    $h(sx)/s$ with a trained sharpness $s > 0$, which does not change the steepest slope.

    Args:
        in_size: Number of inputs and outputs.
        coeff: $c$, above 0 and below 1.
        width: Units of each hidden layer.
        depth: Number of hidden layers.
        cond_dim: Size of the condition, which joins the inputs, or None.
        activation: A name in `LIPSCHITZ_ACTIVATIONS`.
        key: For the initial weights; the last layer starts at zero.

    Raises:
        ValueError: If `coeff` is not between 0 and 1, `width` or `depth` is below 1, or the activation is unknown.

    Reference:
        Behrmann et al. (2019), Invertible residual networks; Chen et al. (2019), Residual flows, section 3.3.
    """

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]
    cond_weight: Array | None
    sharpness_raw: Float[Array, " depth"]
    in_size: int = static()
    cond_dim: int | None = static()
    activation: str = static()
    coeff: float = static()

    def __init__(
        self,
        in_size: int,
        *,
        coeff: float = 0.9,
        width: int = 128,
        depth: int = 2,
        cond_dim: int | None = None,
        activation: Activation = "lipswish",
        key: PRNGKeyArray,
    ):
        key = as_key("LipschitzMLP", key)
        self.activation = as_name("LipschitzMLP", activation)
        check_options("LipschitzMLP", coeff, width, depth, self.activation)
        weights, self.biases = dense_layers([in_size + (cond_dim or 0), *[width] * depth, in_size], key)
        self.cond_weight = None if cond_dim is None else weights[0][:, in_size:]
        self.weights = (weights[0][:, :in_size], *weights[1:])
        # Inputs of units have a mean square of about in_size / width: sharp enough to bend there.
        self.sharpness_raw = jnp.full(depth, positive_raw(max(1.0, math.sqrt(width / in_size))))
        self.in_size, self.cond_dim, self.coeff = in_size, cond_dim, float(coeff)

    @property
    def in_shape(self) -> Shape:
        """Shape of one input."""
        return (self.in_size,)

    def __call__(
        self, x: Float[Array, "inputs batch"], condition: Float[Array, "cond batch"] | None = None
    ) -> Float[Array, "inputs batch"]:
        return self.run(self.bounded_weights(), x, condition)

    def bounded_weights(self) -> tuple[Array, ...]:
        """The weights that the network runs with: the product of their spectral norms is at most `coeff`.

        Raises:
            PushforwardError: If `coeff` or `activation`, which a file holds as plain data, cannot give a contraction.
        """
        check_contraction(self.coeff, self.activation)
        share = self.coeff ** (1.0 / len(self.weights))
        return tuple(bounded(weight, share) for weight in self.weights)

    def run(self, weights: tuple[Array, ...], x: Array, condition: Array | None) -> Array:
        """The network with weights from `bounded_weights`, which many runs may share."""
        act = LIPSCHITZ_ACTIVATIONS[self.activation]
        shift = 0.0 if condition is None or self.cond_weight is None else self.cond_weight @ condition
        h = x
        for weight, bias, sharpness in zip(
            weights[:-1], self.biases[:-1], positive(self.sharpness_raw)[0], strict=True
        ):
            h = act(sharpness * (weight @ h + bias[:, None] + shift)) / sharpness
            shift = 0.0
        return weights[-1] @ h + self.biases[-1][:, None]


def check_options(name: str, coeff: float, width: int, depth: int, activation: str) -> None:
    """A ValueError where a network cannot be built as a contraction."""
    if activation not in LIPSCHITZ_ACTIVATIONS:
        hint = did_you_mean(activation, LIPSCHITZ_ACTIVATIONS)
        raise ValueError(f"{name}: `activation` {activation!r} is not smooth with slopes up to 1; {hint}.")
    if not 0 < coeff < 1:
        raise ValueError(f"{name}: `coeff` must be above 0 and below 1, got {coeff}.")
    check_hidden(name, width, depth)


def check_contraction(coeff: Any, activation: Any) -> None:
    """Fail where plain data were edited so that the network need not be a contraction."""
    if not isinstance(coeff, int | float) or not 0 < coeff < 1 or activation not in LIPSCHITZ_ACTIVATIONS:
        raise PushforwardError(
            f"LipschitzMLP: coeff={coeff!r} with activation={activation!r} is no contraction, so x + g(x) need not be "
            "invertible.",
            f"the model was edited: `coeff` must be above 0 and below 1, `activation` one of "
            f"{', '.join(LIPSCHITZ_ACTIVATIONS)}; restore them, or fit the model again",
        )
