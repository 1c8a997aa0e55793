"""iUNet: orthogonal sampling, and a gradient whose memory does not grow with depth."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cases import perturb
from pushforward import bijections as b
from pushforward import flows


def test_sampling_stays_orthogonal_and_starts_as_the_haar_wavelet():
    layer = b.OrthogonalSqueeze((2, 2, 3))
    haar = 0.5 * np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]])
    np.testing.assert_allclose(layer.matrices, np.broadcast_to(haar, (3, 4, 4)), atol=1e-6)
    matrices = perturb(layer, 2.0).matrices
    assert np.abs(matrices - layer.matrices).max() > 0.1
    np.testing.assert_allclose(
        matrices @ jnp.swapaxes(matrices, 1, 2), np.broadcast_to(np.eye(4), (3, 4, 4)), atol=1e-5
    )


def test_channels_that_are_set_aside_wait():
    with pytest.raises(ValueError, match=r"keeps height and width, .* got \(2, 2, 1\) -> \(1, 1, 4\) and 1"):
        b.SetAside(b.Squeeze((2, 2, 1)), 1)


def test_memory_of_the_gradient_does_not_grow_with_the_couplings():
    def planned(num_steps: int) -> int:
        options = {"num_levels": 2, "num_steps": num_steps, "width": 8, "grey_levels": None}
        flow = jax.eval_shape(lambda key: flows.iunet((8, 8, 1), **options, key=key), jax.random.key(0))
        x = jax.ShapeDtypeStruct((64, 8, 8, 1), jnp.float32)
        gradient = jax.jit(jax.grad(lambda flow, x: jnp.mean(flow.log_prob(x))))
        return gradient.lower(flow, x).compile().memory_analysis().temp_size_in_bytes

    assert planned(12) < 1.1 * planned(3)
