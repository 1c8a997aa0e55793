"""The bound of a convolution is one of the operator that runs, whatever is in the kernel."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cases import perturb
from pushforward import flows
from pushforward._errors import PushforwardError
from pushforward.bijections import Contractive
from pushforward.nets import LipschitzConvNet, conv_spectral_bound, convolve


def operator_norm(kernel, size, steps=200):
    """By power iteration on the convolution itself: approaches from below."""
    x = jax.random.normal(jax.random.key(1), (kernel.shape[-1], *size, 1))
    transpose = jax.linear_transpose(lambda v: convolve(v, kernel), x)

    def step(_, v):
        v = transpose(convolve(v, kernel))[0]
        return v / jnp.linalg.norm(v)

    v = jax.lax.fori_loop(0, steps, step, x / jnp.linalg.norm(x))
    return jnp.linalg.norm(convolve(v, kernel))


KERNELS = {
    "random": lambda rng: rng.normal(size=(3, 3, 3, 2)),
    "wide": lambda rng: rng.normal(size=(8, 3, 3, 1)),
    "all places alike": lambda rng: np.ones((1, 3, 3, 1)),
    "edges": lambda rng: np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1.0]]).reshape(1, 3, 3, 1),
    "one place": lambda rng: np.eye(9)[0].reshape(1, 3, 3, 1),
    "five by five": lambda rng: rng.normal(size=(2, 5, 5, 2)),
}


@pytest.mark.parametrize("size", [(2, 2), (4, 6), (20, 15)])
@pytest.mark.parametrize("name", KERNELS)
def test_the_bound_is_above_the_norm_of_the_operator(name, size):
    kernel = jnp.asarray(KERNELS[name](np.random.default_rng(0)), jnp.float32)
    bound, norm = jax.jit(lambda k: (conv_spectral_bound(k, size), operator_norm(k, size)))(kernel)
    assert norm <= bound * (1 + 1e-5)
    assert size == (2, 2) or bound < 1.6 * norm


def test_a_kernel_as_a_matrix_would_be_no_bound():
    """The trap: an average over nine pixels triples what its reshaped kernel says."""
    kernel = jnp.ones((1, 3, 3, 1)) / 9
    assert operator_norm(kernel, (16, 16)) > 2.8 * jnp.linalg.norm(kernel.reshape(1, 9), ord=2)


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e6])
def test_no_weights_break_the_bound(size, key):
    net = perturb(jax.jit(lambda k: LipschitzConvNet((4, 4, 1), coeff=0.9, width=4, key=k))(key), size)
    x = jax.random.normal(key, (32, 16)) * jnp.logspace(-2, 4, 32)[:, None]

    def image(v):
        return net(v.reshape(1, 4, 4, 1)).ravel()

    slopes = np.linalg.norm(np.asarray(jax.jit(jax.vmap(jax.jacfwd(image)))(x), np.float64), ord=2, axis=(1, 2))
    assert np.max(slopes) <= 0.9 * (1 + 1e-5)
    assert size < 1 or np.max(slopes) > 0.05


def test_gradients_are_finite_where_the_norm_has_none(key):
    net = jax.tree.map(jnp.zeros_like, LipschitzConvNet((2, 2, 1), width=2, key=key))
    gradient = jax.jit(jax.grad(lambda n: jnp.sum(n(jnp.ones((1, 2, 2, 1))))))(net)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(gradient))


@pytest.mark.usefixtures("x64")
def test_the_mean_of_estimates_is_exact_on_images(key):
    make = jax.jit(lambda k: Contractive((3, 2, 2), width=4, depth=1, coeff=0.7, key=k))
    case, x = perturb(make(key), 3.0), 0.1 * jnp.ones((3, 2, 2, 1))

    def log_det(k):
        return case._inverse_many(x, None, k)[1][0]

    exact, draws = jax.jit(lambda keys: (log_det(None), jax.vmap(log_det)(keys)))(jax.random.split(key, 2000))
    assert abs(exact) > 0.05
    assert abs(draws.mean() - exact) < 4 * draws.std() / 2000**0.5


def test_bad_options_say_what_is_legal(key):
    with pytest.raises(ValueError, match="above 0 and below 1"):
        LipschitzConvNet((4, 4, 1), coeff=1.0, key=key)
    with pytest.raises(ValueError, match="'relu' is not smooth"):
        LipschitzConvNet((4, 4, 1), activation="relu", key=key)
    with pytest.raises(ValueError, match=r"a size or \(height, width, channels\), got \(4, 4\)"):
        Contractive((4, 4), key=key)
    with pytest.raises(ValueError, match=r"residual_image: a 6 x 6 image cannot be halved 2 times.*num_levels=2"):
        flows.residual_image((6, 6, 1), key=key)
    layer = Contractive((2, 2, 1), width=2, key=key)
    object.__setattr__(layer.net, "coeff", 1.5)
    with pytest.raises(PushforwardError, match="is no contraction"):
        layer.inverse(jnp.ones((2, 2, 1)))
