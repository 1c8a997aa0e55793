"""What is done with flows of noisy images after training: guidance, and taking the noise away."""

from typing import TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike

from pushforward._errors import as_batch, check_condition
from pushforward.bijections import Chain, GaussianDequantize
from pushforward.distributions import AbstractDistribution, Transformed
from pushforward.nets import CausalTransformer, GuidedTransformer

T = TypeVar("T", bound=AbstractDistribution)


def guided(flow: T, guidance: float) -> T:
    r"""The flow with guided networks: parameters $\theta(c) + w\,(\theta(c) - \theta(0))$ in every block.

    It is an exact flow of its own, autoregressive as the first, and it samples, scores and is saved as any other. With
    a positive weight its samples show more of what sets their condition apart, and vary less.

    Args:
        flow: Conditional, of `TransformerAutoregressive` blocks, trained with `objectives.DropCondition`.
        guidance: $w$, 0 for the flow itself; 1 to 3 are usual.

    Raises:
        ValueError: If the flow has no transformer that is conditional.

    Example:
        >>> flow = pf.flows.tarflow(4, num_layers=1, depth=1, cond_dim=3, key=key)
        >>> pf.flows.guided(flow, 2.0).sample(key, 5, jnp.eye(3)[0]).shape
        (5, 4)

    Reference:
        Zhai et al. (2025), Normalizing flows are capable generative models, section 3.4.

    Note:
        The weight is the same for all groups and blocks, and acts on raw parameters, of which the scale is
        `exp(arcsinh(raw))`.
    """

    def is_net(part: object) -> bool:
        return isinstance(part, CausalTransformer)

    nets = [part for part in jax.tree.leaves(flow, is_leaf=is_net) if is_net(part)]
    if not nets or any(net.cond_dim is None for net in nets):
        what = "is not conditional" if nets else "has no transformer"
        raise ValueError(f"guided: the flow {what}. Build `tarflow_image` or `tarflow` with `cond_dim=`.")
    return jax.tree.map(lambda p: GuidedTransformer(p, float(guidance)) if is_net(p) else p, flow, is_leaf=is_net)


def without_rounding(flow: AbstractDistribution) -> tuple[Transformed, GaussianDequantize]:
    """The flow of noisy images, real numbers, that stands behind one of whole grey values; and what stood between.

    Raises:
        ValueError: If the flow was not built for Gaussian noise.
    """
    chain = flow.bijection if isinstance(flow, Transformed) else None
    if isinstance(flow, Transformed) and isinstance(chain, Chain):
        *parts, last = chain.bijections
        if isinstance(last, GaussianDequantize):
            return Transformed(flow.base, Chain(parts)), last
    raise ValueError(
        "denoise: the flow is not one of images with Gaussian noise. Build `tarflow_image` with `noise=0.05`, "
        "and train it anew."
    )


def denoise(flow: AbstractDistribution, y: ArrayLike, condition: ArrayLike | None = None) -> Array:
    r"""$\mathbb{E}[x \mid y] = y + \sigma^2\, \nabla_y \log p(y \mid c)$: the mean of what a noisy image may have been.

    Args:
        flow: Of whole grey values, trained with Gaussian noise: `tarflow_image(noise=...)`.
        y: Noisy images, real numbers in grey values, `(*batch, height, width, channels)`; samples of
            `without_rounding(flow)[0]`, for one.
        condition: `(*batch, *cond_shape)`, if the flow is conditional.

    Returns:
        Real numbers, shaped like `y`.

    Raises:
        ValueError: If the flow was not built for Gaussian noise, or a shape does not fit.

    Reference:
        Zhai et al. (2025), Normalizing flows are capable generative models, section 3.3; Efron (2011), Tweedie's
        formula and selection bias.
    """
    smooth, noise = without_rounding(flow)
    check_condition("denoise", condition, smooth.cond_shape)
    y = as_batch("denoise", "y", y, smooth.event_shape)
    return y + noise.std**2 * _score(smooth, y, condition)


@jax.jit
def _score(flow: Transformed, y: Array, condition: ArrayLike | None) -> Array:
    return jax.grad(lambda at: jnp.sum(flow.log_prob(at, condition)))(y)
