"""Discrete flows for categories: shifts modulo their number."""

import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from pushforward._types import Activation
from pushforward.bijections import (
    AbstractBijection,
    Chain,
    Flip,
    ModuloAutoregressive,
    ModuloCoupling,
    OneHotToCodes,
    repeat,
)
from pushforward.distributions import OneHotCategorical, Transformed
from pushforward.flows._recipe import compiled


@compiled
def modulo(
    dim: int,
    *,
    num_categories: int = 2,
    num_layers: int = 2,
    autoregressive: bool = True,
    scaled: bool = False,
    temperature: float = 0.1,
    width: int = 128,
    depth: int = 2,
    activation: Activation = "relu",
    cond_dim: int | None = None,
    key: PRNGKeyArray,
) -> Transformed:
    """`x = mu + sigma z` modulo the number of categories, with independent categories as base.

    `log_prob` is the log of a probability, and -inf for a number that is not one of `0 .. num_categories - 1`.

    Args:
        dim: Number of columns, each a code from 0 on.
        num_categories: Categories of every column.
        num_layers: Layers, with the order of the columns reversed between them.
        autoregressive: Whether layers are autoregressive, else couplings of halves, which sample in one pass.
        scaled: Whether there is a factor `sigma`, else it is 1.
        temperature: Of the softmax that stands for a choice in gradients; 0.1 in the paper.
        width: Hidden units.
        depth: Hidden layers.
        activation: Of the networks.
        cond_dim: Size of the condition, or None.
        key: For the initial weights.

    Raises:
        ValueError: If there are fewer than two categories or the temperature is not positive.

    Reference:
        Tran, Vafa, Agrawal, Dinh & Poole (2019), Discrete flows: Invertible generative models of discrete data.

    Note:
        Plain (masked) networks on one-hot vectors where the paper has Transformers or LSTMs for text.
    """

    def layer(layer_key: PRNGKeyArray) -> AbstractBijection:
        options = {"width": width, "depth": depth, "cond_dim": cond_dim, "activation": activation}
        kind = ModuloAutoregressive if autoregressive else ModuloCoupling
        moved = kind(dim, num_categories, scaled=scaled, temperature=temperature, **options, key=layer_key)
        return Chain([moved, Flip((dim, num_categories))])

    base_key, key = jax.random.split(key)
    # Different from each other, for a shift of equal probabilities would have no gradient.
    logits = 0.5 * jax.random.normal(base_key, (dim, num_categories), jnp.result_type(float))
    layers = repeat(layer, num_layers, key)
    return Transformed(OneHotCategorical(logits), Chain([layers, OneHotToCodes((dim,), num_categories)]))
