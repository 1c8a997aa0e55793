"""Argmax flows: a continuous flow whose largest number is the category."""

import jax
from jaxtyping import PRNGKeyArray

from pushforward._types import Activation
from pushforward.bijections import Argmax, Chain, Reshape
from pushforward.distributions import Transformed
from pushforward.flows._recipe import compiled
from pushforward.flows.coupling.nsf import nsf_coupling


@compiled
def argmax(
    dim: int,
    *,
    num_categories: int = 2,
    num_layers: int = 4,
    num_bins: int = 8,
    bound: float = 8.0,
    width: int = 128,
    depth: int = 2,
    activation: Activation = "relu",
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """Spline couplings on `dim * num_categories` numbers, of which each column takes the index of its largest.

    `log_prob` with a key is a draw of a **lower bound** of the log-probability, not the log-probability; see `Argmax`.
    Samples are exact and take one pass.

    Args:
        dim: Number of columns, each a code from 0 on.
        num_categories: Categories of every column.
        num_layers: Couplings of the continuous flow.
        num_bins: Bins of each spline.
        bound: The splines act on `[-bound, bound]`.
        width: Hidden units, of the couplings and of the network that draws numbers for a category.
        depth: Hidden layers of these.
        activation: Of the networks.
        cond_dim: Size of the condition, or None.
        key: For the initial weights.

    Raises:
        ValueError: If there are fewer than two categories.

    Reference:
        Hoogeboom, Nielsen, Jaini, Forré & Welling (2021), Argmax flows and multinomial diffusion.

    Note:
        Spline couplings where the paper has mixtures and autoregressive layers for text, and one number for each
        category where the paper may write a category in binary digits.
    """
    flow_key, map_key = jax.random.split(key)
    options = {"width": width, "depth": depth, "activation": activation, "cond_dim": cond_dim}
    size = dim * num_categories
    latent = nsf_coupling(size, num_layers=num_layers, num_bins=num_bins, bound=bound, **options, key=flow_key)
    choose = Argmax((dim,), num_categories, **options, key=map_key)
    return Transformed(latent, Chain([Reshape((size,), (dim, num_categories)), choose]))
