"""Flow++: noise that is learned gives a bound, networks see far, and bad sizes are told."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from cases import perturb
from pushforward import bijections as b
from pushforward.distributions import Logistic, Normal, Transformed
from pushforward.nets import ConvAttentionNet

TINY = {"num_checkers": 1, "num_channels": 1, "num_coarse": 0, "num_noise": 1, "num_components": 2} | {
    "width": 4,
    "depth": 1,
    "num_heads": 2,
}


def noise_of(key, spread: float = 0.2):
    """A distribution on the unit square that depends on an event of two numbers."""
    options = {"width": 4, "depth": 1, "cond_dim": 2, "key": key}
    layers = [b.Coupling(b.Affine(), 2, **options), b.Flip((2,)), b.Coupling(b.Affine(), 2, **options)]
    return perturb(Transformed(Logistic.standard((2,)), b.Chain([*layers, b.Sigmoid((2,))])), spread)


def cell_probabilities(density, cells: int = 120) -> np.ndarray:
    """Of the four pairs of 0 and 1: the integral of a density over the cells of (0, 2) x (0, 2), by midpoints."""
    middles = (jnp.arange(2 * cells) + 0.5) / cells
    grid = jnp.stack(jnp.meshgrid(middles, middles, indexing="ij"), axis=-1)
    p = np.exp(np.asarray(density.log_prob(grid), np.float64)) / cells**2
    return p.reshape(2, cells, 2, cells).sum(axis=(1, 3)).ravel()


def test_learned_noise_bounds_the_log_probability_of_every_event(key):
    """All probabilities of two pixels with two levels, by integration, beside draws with noise."""
    smooth = perturb(b.Chain([b.Coupling(b.Affine(), 2, width=4, depth=1, key=key), b.Sigmoid((2,), 0.0, 2.0)]))
    base = Normal.standard((2,))
    exact = cell_probabilities(Transformed(base, smooth))
    assert exact.sum() == pytest.approx(1.0, abs=1e-3)
    flow = Transformed(base, b.Chain([smooth, b.VariationalDequantize(noise_of(key), 2)]))
    assert not flow.exact
    events = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    draws = np.asarray(flow.log_prob(jnp.repeat(events, 20_000, axis=0), key=key), np.float64).reshape(4, -1)
    np.testing.assert_allclose(np.exp(draws).mean(axis=1), exact, rtol=0.05)
    assert np.all(draws.mean(axis=1) < np.log(exact) - 0.01)


def test_the_contribution_of_noise_integrates_to_one(key):
    """The mean of 1/q under q is the volume of a cell."""
    part = b.VariationalDequantize(noise_of(key))
    x = jnp.full((2, 50_000), 3.0)
    y, contribution = jax.jit(lambda part, x: part._inverse_many(x, None, key))(part, x)
    assert np.all(np.floor(y) == x)
    assert np.std(contribution) > 0.1
    assert np.exp(np.asarray(contribution, np.float64)).mean() == pytest.approx(1.0, rel=0.05)


def test_noise_stays_inside_its_cell_however_extreme(key):
    for shift in (-1e3, 30.0, 1e3):
        centre = Transformed(Logistic.standard((2,)), b.Chain([b.Shift(jnp.full(2, shift)), b.Sigmoid((2,))]))
        never_seen = b.Conditioned(b.Shift(jnp.zeros(2)), 2, width=2, depth=1, key=key)
        noise = Transformed(centre.base, b.Chain([never_seen, *centre.bijection.bijections]))
        x = jnp.array([0.0, 255.0])
        y, contribution = b.VariationalDequantize(noise, 256).inverse_and_log_det(x, key=key)
        np.testing.assert_array_equal(jnp.floor(y), x)
        assert y[0] > 0.0
        assert np.isfinite(contribution)


def test_without_a_key_noise_is_the_middle_of_the_cell(key):
    part = b.VariationalDequantize(noise_of(key), 2)
    x = jnp.array([0.0, 1.0])
    y, contribution = part.inverse_and_log_det(x)
    np.testing.assert_array_equal(y, x + 0.5)
    assert contribution == 0.0
    np.testing.assert_array_equal(part.forward(jnp.array([-3.0, 7.0])), x)


def test_a_mixture_cdf_is_the_formula_of_the_paper():
    map_ = perturb(b.mixture_cdf(3))
    affine, mixture = map_.bijections[0], map_.bijections[1].bijection
    x = np.linspace(-3.0, 3.0, 7)
    slopes = np.exp(np.arcsinh(np.asarray(mixture.slopes_raw, np.float64)))
    weights = np.exp(mixture.weights_raw) / np.exp(mixture.weights_raw).sum()
    means = -np.asarray(mixture.offsets) / slopes
    cdf = (weights / (1 + np.exp(-slopes * (x[:, None] - means)))).sum(axis=1)
    expected = (np.log(cdf / (1 - cdf)) - affine.loc) / affine.scale
    np.testing.assert_allclose(jax.vmap(map_.inverse)(x), expected, rtol=2e-5, atol=2e-5)


def test_attention_sees_the_opposite_corner_and_the_condition(key):
    net = ConvAttentionNet((8, 8, 1), (1, 8, 8, 1), width=4, depth=1, num_heads=2, cond_dim=(8, 8, 1), key=key)
    x, image = jax.random.normal(key, (8, 8, 1, 2)), jnp.zeros((8, 8, 1, 2))
    np.testing.assert_array_equal(net(x, image), 0.0)
    corner = lambda x, image: perturb(net)(x, image)[0, 0, 0, 0, 0]  # noqa: E731
    by_input, by_condition = jax.grad(corner, argnums=(0, 1))(x, image)
    # Convolutions alone reach three pixels from the corner.
    assert np.abs(by_input[7, 7, 0, 0]) > 1e-7
    assert np.abs(by_condition[7, 7, 0, 0]) > 1e-7
    np.testing.assert_array_equal(by_input[..., 1], 0.0)


def test_flowpp_scores_by_class_and_comes_back_from_a_file(key, tmp_path):
    flow = pf.flows.flowpp((4, 4, 1), grey_levels=17, cond_dim=3, key=key, **TINY)
    assert flow.kinds == ("estimated", "iterative")
    assert not flow.exact
    noise = flow.bijection.bijections[-1].bijections[-1]
    assert isinstance(noise, b.VariationalDequantize)
    y, contribution = jax.jit(lambda part, x: part._inverse_many(x, None, key))(noise, jnp.zeros((4, 4, 1, 256)))
    # It starts near the uniform one.
    assert (np.mean(y), np.std(y), np.mean(contribution) / 16) == pytest.approx((0.5, 12**-0.5, 0.0), abs=0.1)
    x = jnp.floor(17 * jax.random.uniform(key, (6, 4, 4, 1)))
    classes = jnp.eye(3)[jnp.arange(6) % 3]
    bits = -flow.log_prob(x, classes, key=key) / (16 * np.log(2))
    assert np.all((bits > 2.0) & (bits < 8.0))  # all levels alike are log2(17) = 4.1 bits
    moved = perturb(flow)
    assert np.abs(moved.log_prob(x, classes, key=key) - moved.log_prob(x, classes[::-1], key=key)).max() > 1e-3
    pf.save(tmp_path / "flow.safetensors", moved)
    loaded = pf.load(tmp_path / "flow.safetensors")
    np.testing.assert_array_equal(loaded.log_prob(x, classes, key=key), moved.log_prob(x, classes, key=key))
    images = moved.sample(key, 2, classes[0])
    assert images.shape == (2, 4, 4, 1)
    assert np.all((images == np.floor(images)) & (images >= 0) & (images <= 16))


def test_sizes_that_do_not_fit_say_why(key):
    with pytest.raises(ValueError, match="7 x 8 image cannot be cut into blocks of 2 x 2"):
        pf.flows.flowpp((7, 8, 1), key=key, **TINY)
    with pytest.raises(ValueError, match=r"a multiple of 4, such as 8, or num_coarse=0; got \(8, 6, 1\)"):
        pf.flows.flowpp((8, 6, 1), key=key, **TINY | {"num_coarse": 1})
    with pytest.raises(ValueError, match=r"rows of 3 pixels, in an image of shape .*even width"):
        b.Checkerboard((4, 3, 1))
    with pytest.raises(ValueError, match="`num_heads` must divide `width`, got 3 and 4"):
        pf.flows.flowpp((4, 4, 1), key=key, **TINY | {"num_heads": 3})
    with pytest.raises(ValueError, match=r"at least 0, got .*num_noise=-1"):
        pf.flows.flowpp((4, 4, 1), key=key, **TINY | {"num_noise": -1})
    with pytest.raises(ValueError, match="`attention` is a number of heads, for images"):
        b.Coupling(b.Affine(), 4, attention=2, key=key)
    with pytest.raises(ValueError, match="a condition that is an image needs `attention`"):
        b.Coupling(b.Affine(), (4, 4, 2), cond_dim=(4, 4, 1), key=key)
    with pytest.raises(ValueError, match=r"a condition that is an image must be \(4, 4\) too"):
        b.Coupling(b.Affine(), (4, 4, 2), attention=2, width=4, cond_dim=(2, 2, 1), key=key)
    with pytest.raises(ValueError, match="both have the same shape"):
        b.VariationalDequantize(Transformed(Logistic.standard((2,)), b.Sigmoid((2,))))
    with pytest.raises(ValueError, match="`num_components` must be at least 1"):
        b.mixture_cdf(0)
