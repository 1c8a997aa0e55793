"""How fast the device multiplies matrices, to say how far a training step is from its floor."""

import time

import jax
import jax.numpy as jnp

SIZE = 2048
SECONDS = 0.5


def matmul_rate(dtype: str) -> float:
    """The best rate of a `SIZE` x `SIZE` product in operations per second, over half a second."""
    a = jnp.ones((SIZE, SIZE), dtype)
    product = jax.jit(lambda a: a @ a)
    jax.block_until_ready(product(a))
    best, end = float("inf"), time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        start = time.perf_counter()
        jax.block_until_ready(product(a))
        best = min(best, time.perf_counter() - start)
    return 2.0 * SIZE**3 / best
