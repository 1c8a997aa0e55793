"""Convolutions that halve images, and networks from images to vectors and back."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from pushforward.nets import ConvDecoder, ConvEncoder, convolve


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("shape", [(2, 6, 5, 3), (3, 7, 4, 1)])
def test_a_stride_keeps_one_in_so_many_pixels(x64, key, stride, shape):
    """Beside XLA's own convolution, written for another layout."""
    x = jax.random.normal(key, shape)
    weight = jax.random.normal(jax.random.fold_in(key, 1), (4, 3, 3, shape[0]))
    found = convolve(x, weight, stride=stride)
    right = jax.lax.conv_general_dilated(
        x.transpose(3, 0, 1, 2), weight.transpose(0, 3, 1, 2), (stride, stride), [(1, 1), (1, 1)]
    )
    np.testing.assert_allclose(found, right.transpose(1, 2, 3, 0), atol=1e-12)
    single = convolve(x, weight[:, 1:2, 1:2], stride=stride)
    every = jnp.einsum("oc,chwb->ohwb", weight[:, 1, 1], x)
    np.testing.assert_allclose(single, every[:, ::stride, ::stride], atol=1e-12)


@pytest.mark.parametrize("gated", [True, False])
@pytest.mark.parametrize("shape", [(8, 8, 1), (7, 10, 3)])
def test_every_pixel_is_seen_and_given(x64, key, gated, shape):
    """All features depend on all pixels, all numbers on the vector, and each event on itself alone."""
    encoder = ConvEncoder(shape, (5,), channels=5, gated=gated, unit=2.0, key=key)
    decoder = ConvDecoder((5,), (2, *shape), shape, channels=5, gated=gated, key=key)
    x = jax.random.normal(key, (*shape, 4))
    slope = jax.jacobian(encoder)(x)
    assert encoder(x).shape == (5, 4)
    own = np.stack([slope[:, i, ..., i] for i in range(4)])  # a rectifier hides a pixel from some events
    assert np.all(np.any(own != 0, axis=(0, 1)))
    assert not np.any(slope[:, 0, ..., 1])
    z = jax.random.normal(key, (5, 4))
    slope = jax.jacobian(decoder)(z)
    assert decoder(z).shape == (2, *shape, 4)
    own = np.stack([slope[..., i, :, i] for i in range(4)])
    assert np.all(np.any(own != 0, axis=(0, -1)))
    assert not np.any(slope[..., 0, :, 1])
    flat = ConvDecoder((5,), (2 * int(np.prod(shape)),), shape, channels=5, gated=gated, key=key)
    np.testing.assert_array_equal(flat(z), decoder(z).reshape(-1, 4))


def test_all_weights_are_trained(key):
    shape = (9, 9, 1)
    nets = ConvEncoder(shape, (4,), channels=2, key=key), ConvDecoder((4,), shape, shape, channels=2, key=key)
    x = jax.random.normal(key, (*shape, 6))
    slopes = jax.grad(lambda nets: jnp.sum(nets[1](nets[0](x)) ** 2))(nets)
    assert all(np.any(leaf) for leaf in jax.tree.leaves(slopes))


def test_shapes_that_do_not_fit_are_refused(key):
    with pytest.raises(ValueError, match="needs an image"):
        ConvEncoder((8, 8), (4,), key=key)
    with pytest.raises(ValueError, match="`depth` must be at least 1"):
        ConvDecoder((4,), (1, 8, 8, 1), (8, 8, 1), depth=0, key=key)
    with pytest.raises(ValueError, match="no multiple"):
        ConvDecoder((4,), (63,), (8, 8, 1), key=key)
    with pytest.raises(ValueError, match="convolutional"):
        pf.flows.vae_image((8, 8, 1), net="convolution", key=key)


@pytest.mark.parametrize("levels", [2, 16])
def test_a_convolutional_autoencoder_learns(key, levels, tmp_path):
    """Images of one bright half: the halves are told apart, and a file gives the same bound."""
    rng = np.random.default_rng(0)
    low, high = (0.1, 0.9) if levels == 2 else (0.3, 0.7)
    left = rng.integers(2, size=(300, 1, 1, 1))
    share = np.where((np.arange(8) < 4)[None, None, :, None] == left, high, low)
    x = rng.binomial(levels - 1, np.broadcast_to(share, (300, 8, 8, 1))).astype(np.uint8)
    vae = pf.flows.vae_image(
        (8, 8, 1), latent=2, net="convolutional", channels=4, depth=1, width=8, grey_levels=levels, key=key
    )
    found = pf.fit(vae, x, objective=pf.objectives.elbo, max_epochs=12, batch_size=32, progress=False, key=key)
    assert found.best_loss < found.start_loss - 5.0
    draws = found.flow.sample(key, 5)
    assert 0 <= draws.min() <= draws.max() <= levels - 1
    pf.save(tmp_path / "vae.safetensors", found.flow)
    again = pf.load(tmp_path / "vae.safetensors")
    np.testing.assert_array_equal(again.log_prob(x[:3], key=key), found.flow.log_prob(x[:3], key=key))
