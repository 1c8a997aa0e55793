"""The layer of invertible residual networks."""

import math
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from pushforward._errors import did_you_mean
from pushforward._params import static
from pushforward._trace import Terms, exact_log_det, series_log_det
from pushforward._types import Activation, Kind, Shape
from pushforward.bijections._base import AbstractBatched
from pushforward.bijections.residual._fixed_point import ROUNDING_STEPS, Solve, iterate, solve
from pushforward.nets import LipschitzConvNet, LipschitzMLP

LOG_DETS = ("roulette", "series", "exact")
EXACT_UP_TO = 64
"""Numbers of an event up to which a log-det without a key is exact: so many passes, and their square for each row."""

TERMS_WITHOUT_KEY = 20


class Contractive(AbstractBatched):
    r"""`inverse` is $z = x + g(x)$ with $\operatorname{Lip}(g) \le c < 1$: the layer of i-ResNet and Residual Flow.

    Of an image, $g$ is a network of convolutions.

    Data to base is one pass. Base to data iterates $x \leftarrow z - g(x)$, whose error falls at least by $c$ with
    every step, until the equation holds to rounding; `solution` says how fast that was.

    The log-det of `inverse` is $\log\det(I + J_g)$. With a `key` it is an estimate, for training; without one it is
    exact up to 64 dimensions, and the first 20 terms with fixed noise beyond. In the other direction it is exact up to
    64 dimensions with a key, too.

    Args:
        shape: Size of a vector, or `(height, width, channels)`.
        log_det: With a key: `"roulette"`, without bias, `"series"`, the first terms, or `"exact"`.
        num_terms: Of the series; of the roulette, those that are always taken. Default 2 and 5.
        coeff: $c$; near 1 the layer bends more, and the iteration takes longer.
        width: Units or channels of each hidden layer of $g$.
        depth: Hidden layers of $g$.
        cond_dim: Size of the condition, which joins the first hidden layer of $g$, or None.
        activation: `"lipswish"`, `"elu"`, `"softplus"` or `"tanh"`.
        key: For the initial weights. The layer starts as the identity.

    Raises:
        ValueError: If an option is not legal.
        PushforwardError: When it is called, if `coeff` was edited to a number that is no contraction.

    Example:
        >>> layer = Contractive(2, key=jax.random.key(0))
        >>> layer.inverse(jnp.ones(2)).tolist()
        [1.0, 1.0]

    Reference:
        Behrmann, Grathwohl, Chen, Duvenaud & Jacobsen (2019), Invertible residual networks; Chen, Behrmann, Duvenaud &
        Jacobsen (2019), Residual flows for invertible generative modeling.

    Note:
        $c$ bounds the whole of $g$; in the papers it bounds each of its linear maps.
    """

    net: LipschitzMLP | LipschitzConvNet
    log_det: str = static()
    num_terms: int = static()

    forward_kind: ClassVar[Kind] = "iterative"

    def __init__(
        self,
        shape: int | Shape,
        *,
        log_det: str = "roulette",
        num_terms: int | None = None,
        coeff: float = 0.9,
        width: int = 128,
        depth: int = 2,
        cond_dim: int | None = None,
        activation: Activation = "lipswish",
        key: PRNGKeyArray,
    ):
        if log_det not in LOG_DETS:
            raise ValueError(f"Contractive: unknown log_det {log_det!r}; {did_you_mean(log_det, LOG_DETS)}.")
        self.num_terms = (2 if log_det == "roulette" else 5) if num_terms is None else num_terms
        if self.num_terms < 1:
            raise ValueError(f"Contractive: `num_terms` must be at least 1, got {num_terms}.")
        self.log_det = log_det
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        if len(shape) not in (1, 3) or min(shape) < 1:
            raise ValueError(f"Contractive: `shape` must be a size or (height, width, channels), got {shape}.")
        options = {"coeff": coeff, "width": width, "depth": depth, "cond_dim": cond_dim, "activation": activation}
        if len(shape) == 3:
            self.net = LipschitzConvNet(shape, key=key, **options)
        else:
            self.net = LipschitzMLP(shape[0], key=key, **options)

    @property
    def in_shape(self) -> Shape:
        return self.net.in_shape

    @property
    def out_shape(self) -> Shape:
        return self.net.in_shape

    @property
    def cond_shape(self) -> Shape | None:
        return None if self.net.cond_dim is None else (self.net.cond_dim,)

    @property
    def inverse_kind(self) -> Kind:
        return "analytic" if self.log_det == "exact" else "estimated"

    @property
    def exact(self) -> bool:
        return self.log_det == "exact" or math.prod(self.net.in_shape) <= EXACT_UP_TO

    def solution(self, z: ArrayLike, condition: ArrayLike | None = None) -> Solve:
        """How the iteration of `forward` went for one event: its steps, and their rate, which `coeff` bounds."""
        event, given = self._checked(z, condition, self.in_shape)
        params = self._params(None if given is None else given[:, None])
        found = iterate(_residual, params, event[..., None], self._max_steps)
        return Solve(found.x[..., 0], found.steps, found.rate[0], found.residual[0])

    def _forward_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        params = self._params(condition)
        y = solve(_residual, params, x, self._max_steps)
        return y, -self._log_det(params, y, None if self.exact else key)

    def _inverse_many(self, x: Array, condition: Array | None, key: PRNGKeyArray | None) -> tuple[Array, Array]:
        params = self._params(condition)
        return x + _bend(params, x), self._log_det(params, x, key)

    def _params(self, condition: Array | None) -> Any:
        return self.net, self.net.bounded_weights(), condition

    def _log_det(self, params: Any, x: Array, key: PRNGKeyArray | None) -> Array:
        if self.log_det == "exact" or (key is None and self.exact):
            return exact_log_det(_bend, params, x)
        noise_key, luck_key = jax.random.split(jax.random.key(0) if key is None else key)
        noise = jax.random.rademacher(noise_key, x.shape, x.dtype)
        if key is None:
            return series_log_det(_bend, params, x, noise, Terms(TERMS_WITHOUT_KEY))
        if self.log_det == "series":
            return series_log_det(_bend, params, x, noise, Terms(self.num_terms))
        luck = 1.0 - jax.random.uniform(luck_key, x.shape[-1:], x.dtype)
        return series_log_det(_bend, params, x, noise, Terms(self.num_terms, "geometric"), luck)

    @property
    def _max_steps(self) -> int:
        """After which the error is at rounding level even at the slowest rate."""
        eps = float(jnp.finfo(self.net.biases[0].dtype).eps)
        return 10 + math.ceil(math.log(eps * ROUNDING_STEPS / 10) / math.log(self.net.coeff))


def _bend(params: Any, x: Array) -> Array:
    net, weights, condition = params
    # Networks of images see channels first; a vector stays as it is.
    return jnp.moveaxis(net.run(weights, jnp.moveaxis(x, -2, 0), condition), 0, -2)


def _residual(params: Any, x: Array) -> tuple[Array, Array]:
    return x + _bend(params, x), jnp.ones_like(x)
