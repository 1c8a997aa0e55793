"""MintNet's layer: a triangular Jacobian, an inverse that is reached from anywhere."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from cases import perturb
from pushforward._errors import PushforwardError
from pushforward.bijections import MaskedResidual
from pushforward.bijections.residual._fixed_point import iterate
from pushforward.bijections.residual._masked_residual import SPARE_STEPS, _value_and_diagonal


def layer(key, size, dim=4):
    return perturb(jax.jit(lambda k: MaskedResidual(dim, width=6, key=k))(key), size)


@pytest.mark.usefixtures("x64")
def test_the_jacobian_is_triangular_and_its_diagonal_positive(key):
    case, x = layer(key, 3.0), jnp.linspace(-1.0, 1.0, 4)
    jacobian, diagonal = jax.jit(
        lambda c: (jax.jacrev(c.inverse)(x), _value_and_diagonal((c, None), x[:, None])[1][:, 0])
    )(case)
    np.testing.assert_array_equal(np.triu(jacobian, 1), 0.0)
    np.testing.assert_allclose(np.diagonal(jacobian), diagonal, rtol=1e-12)
    assert np.all(diagonal > 0)


def test_where_the_iteration_runs_in_circles_the_roots_are_found_all_the_same(key):
    """Wild weights: steep bends, at which Newton's steps overshoot for ever."""
    case, x = layer(key, 3.0), jax.random.normal(key, (4, 300))

    @jax.jit
    def run(case, x):
        z, log_det = case._inverse_many(x, None, None)
        plain = iterate(_value_and_diagonal, (case, None), z, 4 + SPARE_STEPS).x
        return plain, log_det, *case._forward_many(z, None, None)

    plain, log_det, back, log_det_back = run(case, x)
    share = np.mean(np.isnan(plain).any(axis=0))
    assert 0.1 < share < 1.0  # else this tests nothing
    np.testing.assert_allclose(back, x, atol=2e-3)
    np.testing.assert_allclose(log_det_back, -log_det, atol=2e-3)


def test_gentle_layers_need_few_steps(key):
    found = jax.jit(lambda c: c.solution(jnp.array([0.3, -0.2, 1.0, 2.0])))(layer(key, 0.2))
    assert found.steps < 15
    assert found.rate < 0.5
    assert found.residual < 1e-5


def test_an_activation_edited_in_a_file_is_refused(tmp_path, key):
    case = layer(key, 0.2)
    object.__setattr__(case, "activation", "silu")
    pf.save(tmp_path / "layer", case)
    with pytest.raises(PushforwardError, match=r"'silu' does not increase(?s:.*)restore one of elu"):
        pf.load(tmp_path / "layer").inverse(jnp.ones(4))


def test_bad_options_say_what_is_legal(key):
    with pytest.raises(ValueError, match="'gelu' does not increase; did you mean 'elu'"):
        MaskedResidual(3, activation="gelu", key=key)
    with pytest.raises(ValueError, match="must be at least 1, got 0 and 2"):
        MaskedResidual(3, width=0, key=key)
    with pytest.raises(ValueError, match=r"must be a size or \(height, width, channels\), got \(3, 3\)"):
        MaskedResidual((3, 3), key=key)
    with pytest.raises(ValueError, match="`kernel` must be odd and at least 1, got 2"):
        MaskedResidual((3, 3, 1), kernel=2, key=key)


def image_layer(key, size, shape=(3, 3, 2)):
    return perturb(jax.jit(lambda k: MaskedResidual(shape, width=3, depth=1, key=k))(key), size)


@pytest.mark.usefixtures("x64")
def test_an_image_is_triangular_channel_by_channel_and_sees_whole_kernels_of_channels_before(key):
    case, x = image_layer(key, 1.0), jax.random.normal(key, (3, 3, 2))
    jacobian, log_det = jax.jit(lambda c: (jax.jacrev(c.inverse)(x), c.inverse_and_log_det(x)[1]))(case)
    by_channel = jnp.transpose(jacobian, (2, 0, 1, 5, 3, 4)).reshape(18, 18)
    np.testing.assert_array_equal(np.triu(by_channel, 1), 0.0)
    np.testing.assert_allclose(jnp.sum(jnp.log(jnp.diagonal(by_channel))), log_det, rtol=1e-12)
    assert np.all(jacobian[1, 1, 1, :, :, 0] != 0)
    assert np.count_nonzero(jacobian[1, 1, 1, :, :, 1]) == 5
    assert np.count_nonzero(jacobian[1, 1, 0, :, :, 1]) == 0


@pytest.mark.usefixtures("x64")
def test_images_of_wild_layers_come_back(key):
    """Where the iteration does not end, the numbers are solved one after another, in the order of the triangle."""
    case, x = image_layer(key, 3.0), jax.random.normal(key, (3, 3, 2, 20))

    @jax.jit
    def run(case, x):
        z, log_det = case._inverse_many(x, None, None)
        plain = iterate(_value_and_diagonal, (case, None), jnp.moveaxis(z, 2, 0), 18 + SPARE_STEPS).x
        return plain, log_det, *case._forward_many(z, None, None)

    plain, log_det, back, log_det_back = run(case, x)
    assert np.isnan(plain).any()  # else this tests nothing
    np.testing.assert_allclose(back, x, atol=1e-6)
    np.testing.assert_allclose(log_det_back, -log_det, atol=1e-6)
