"""MintNet's layer: a triangular Jacobian, an inverse that is reached from anywhere."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from cases import perturb
from pushforward._errors import PushforwardError
from pushforward.bijections import MaskedResidual
from pushforward.bijections._fixed_point import iterate
from pushforward.bijections._masked_residual import SPARE_STEPS, _value_and_diagonal


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
