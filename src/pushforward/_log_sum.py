"""The logarithm of a sum of exponentials, with gradients that stay numbers where the sum is 0."""

import jax
import jax.numpy as jnp
from jaxtyping import Array


def log_sum(logs: Array) -> Array:
    r"""$\log\sum_k e^{l_k}$ over the first axis; -inf, with a gradient of 0, where every term is -inf."""
    is_any = jnp.any(logs != -jnp.inf, axis=0)  # of NaN too
    return jnp.where(is_any, jax.nn.logsumexp(jnp.where(is_any, logs, 0.0), axis=0), -jnp.inf)
