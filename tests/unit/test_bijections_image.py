"""What image parts do to pixels, and what they say to sizes that do not fit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from cases import perturb
from pushforward import bijections as b
from pushforward.distributions import Normal, Transformed, Uniform
from pushforward.nets import ConvNet, convolve


@pytest.mark.parametrize(("height", "width", "kernel"), [(4, 5, 3), (1, 1, 3), (2, 1, 5), (1, 6, 7)])
@pytest.mark.parametrize(("channels", "out"), [(1, 8), (8, 1), (3, 4)], ids=["narrow in", "narrow out", "neither"])
def test_every_way_of_a_convolution_is_the_sum_over_neighbours(channels, out, height, width, kernel, x64, key):
    x = jax.random.normal(key, (channels, height, width, 2))
    weight = jax.random.normal(key, (out, kernel, kernel, channels))
    margin = kernel // 2

    def by_windows(x, weight):
        padded = jnp.pad(x, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
        places = [padded[:, i : i + height, j : j + width] for i in range(kernel) for j in range(kernel)]
        return jnp.einsum("pchwn,opc->ohwn", jnp.stack(places), weight.reshape(out, -1, channels))

    np.testing.assert_allclose(convolve(x, weight), by_windows(x, weight), atol=1e-12)
    along = jax.random.normal(key, (out, height, width, 2))
    slopes, expected = (
        jax.grad(lambda x, weight, f=f: jnp.sum(along * f(x, weight) ** 2), (0, 1))(x, weight)
        for f in (convolve, by_windows)
    )
    for slope, wanted in zip(slopes, expected, strict=True):
        np.testing.assert_allclose(slope, wanted, atol=1e-11)


@pytest.mark.parametrize(("channels", "out"), [(1, 8), (8, 1)])
def test_a_convolution_of_no_images_gives_none(channels, out):
    assert convolve(jnp.zeros((channels, 3, 3, 0)), jnp.ones((out, 3, 3, channels))).shape == (out, 3, 3, 0)


def test_a_flow_of_images_scores_and_draws_none(key):
    flow = pf.flows.glow((4, 4, 2), num_levels=2, num_steps=1, width=4, key=key)
    draws, log_prob = flow.sample_and_log_prob(key, 0)
    assert (draws.shape, log_prob.shape) == ((0, 4, 4, 2), (0,))
    assert flow.log_prob(draws, key=key).shape == (0,)


def test_a_network_starts_at_zero_and_sees_its_condition(key):
    net = ConvNet((4, 4, 1), (2, 4, 4, 1), width=4, cond_dim=3, residual=True, key=key)
    x, classes = jnp.ones((4, 4, 1, 3)), jnp.eye(3)
    np.testing.assert_array_equal(net(x, classes), 0.0)
    y = perturb(net)(x, classes)
    assert y.shape == (2, 4, 4, 1, 3)
    assert np.abs(y[..., 0] - y[..., 1]).max() > 1e-3


def test_squeeze_puts_the_pixels_of_a_channel_next_to_each_other():
    image = jnp.arange(4 * 2 * 2.0).reshape(4, 2, 2)
    squeezed = b.Squeeze((4, 2, 2)).forward(image)
    assert squeezed.shape == (2, 1, 8)
    assert squeezed[1, 0].tolist() == [8.0, 10.0, 12.0, 14.0, 9.0, 11.0, 13.0, 15.0]


def test_a_checkerboard_moves_one_colour_and_sees_the_other(key):
    layer = perturb(b.Coupling(b.Affine(), (4, 4, 1), checkerboard=1, width=4, key=key))
    x = jax.random.normal(key, (4, 4, 1))
    stays = np.add.outer(np.arange(4), np.arange(4))[..., None] % 2 == 1
    y = layer.forward(x)
    np.testing.assert_array_equal(y[stays], x[stays])
    assert np.all(y[~stays] != x[~stays])
    jacobian = jax.jacrev(layer.forward)(x).reshape(16, 16)
    moved_by_moved = jacobian[~stays.ravel()][:, ~stays.ravel()]
    np.testing.assert_array_equal(moved_by_moved, np.diag(np.diag(moved_by_moved)))


def test_multi_scale_keeps_its_variables_in_order():
    levels = [b.Shift(jnp.full((1, 1, 8), 100.0)), b.Inverse(b.Squeeze((2, 2, 4)))]
    flow = b.MultiScale(levels)
    z = jnp.arange(16.0)
    image = flow.forward(z)
    coarse, fine = flow.latents(z)
    assert (coarse.shape, fine.shape) == ((1, 1, 8), (1, 1, 8))
    assert coarse.ravel().tolist() == list(range(8))
    assert image[..., :2].ravel().tolist() == [100.0, 104.0, 101.0, 105.0, 102.0, 106.0, 103.0, 107.0]
    assert image[..., 2:].ravel().tolist() == [8.0, 12.0, 9.0, 13.0, 10.0, 14.0, 11.0, 15.0]
    np.testing.assert_array_equal(flow.inverse(image), z)


def test_actnorm_starts_each_channel_once(key):
    images = jnp.array([1.0, -5.0]) + jnp.array([2.0, 0.1]) * jax.random.normal(key, (64, 4, 4, 2))
    columns = jnp.moveaxis(images, 0, -1)
    started, normal = b.ActNorm((4, 4, 2))._data_init(columns, None)
    np.testing.assert_allclose(jnp.mean(normal, axis=(0, 1, 3)), 0.0, atol=1e-4)
    np.testing.assert_allclose(jnp.std(normal, axis=(0, 1, 3)), 1.0, atol=1e-4)
    again, _ = started._data_init(10.0 + 3.0 * columns, None)
    np.testing.assert_array_equal(again.loc, started.loc)
    np.testing.assert_array_equal(again.scale_raw, started.scale_raw)


def test_a_loaded_actnorm_is_not_started_again(key, tmp_path):
    flow = Transformed(Normal.standard((2, 2, 1)), b.ActNorm((2, 2, 1)))
    images = 7.0 + jax.random.normal(key, (32, 2, 2, 1))
    fitted = pf.fit(flow, images, max_epochs=1, progress=False, key=key).flow
    pf.save(tmp_path / "flow.safetensors", fitted)
    loaded = pf.load(tmp_path / "flow.safetensors")
    resumed, _ = loaded.bijection._data_init(jnp.moveaxis(images + 100.0, 0, -1), None)
    np.testing.assert_array_equal(resumed.loc, fitted.bijection.loc)


@pytest.mark.parametrize("options", [{}, {"alpha": 0.05}, {"equalize": True}], ids=str)
def test_grey_values_come_back_whole_and_inside(options, key):
    side = b.to_levels((2, 2, 1), 17, **options)
    grey = jnp.array([0.0, 3.0, 8.0, 16.0]).reshape(2, 2, 1)
    np.testing.assert_array_equal(side.forward(side.inverse(grey, key=key)), grey)
    far = side.forward(jnp.array([-1e4, 1e4, 0.0, 0.0]).reshape(2, 2, 1))
    assert far.ravel().tolist()[:2] == [0.0, 16.0]


def test_logit_of_grey_values_is_that_of_the_paper():
    """log(v / (1 - v)) with v = 0.05 + 0.9 (x + 1/2) / 256, and its log-det by the formula of the MAF paper."""
    x = jnp.array([0.0, 100.0, 255.0, 7.0]).reshape(2, 2, 1)
    z, log_det = b.to_levels((2, 2, 1), 256, alpha=0.05).inverse_and_log_det(x)
    v = 0.05 + 0.9 * (np.asarray(x) + 0.5) / 256
    np.testing.assert_allclose(z, np.log(v / (1 - v)), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(log_det, np.sum(np.log(0.9 / 256 / (v * (1 - v)))), rtol=1e-5)


def test_a_histogram_that_is_evened_out_is_the_probability_of_independent_pixels(key):
    grey = jax.random.choice(key, jnp.array([0.0, 1.0, 4.0]), (500, 2, 2, 3), p=jnp.array([0.8, 0.15, 0.05]))
    flow = Transformed(Normal.standard((2, 2, 3)), b.to_levels((2, 2, 3), 5, equalize=True))
    untouched = flow.log_prob(grey, key=key)
    np.testing.assert_allclose(untouched, -12 * np.log(5), rtol=1e-5)  # before a fit all levels are equally likely
    begun = flow._data_init(jnp.moveaxis(grey, 0, -1), None)
    shares = 0.99 * np.bincount(np.asarray(grey, int).ravel(), minlength=5) / grey.size + 0.01 / 5
    expected = np.log(shares)[np.asarray(grey, int)].sum(axis=(1, 2, 3))
    # Of every noise: within a bin the density is flat.
    np.testing.assert_allclose(begun.log_prob(grey, key=key), expected, rtol=2e-5)
    z = begun.bijection.inverse(grey[0], key=key)
    assert np.abs(z).max() < 6.0
    np.testing.assert_array_equal(begun._data_init(jnp.zeros((2, 2, 3, 9)), None).log_prob(grey), begun.log_prob(grey))


def test_a_layer_before_a_histogram_begins_with_the_spread_that_noisy_images_have(key):
    grey = jnp.floor(3.0 * jax.random.uniform(key, (400, 3)) ** 8)  # mostly black: at the middle of a cell one number
    chain = b.Chain([b.ActNorm(3), b.Equalize((3,), 3), b.Dequantize((3,), 3)])
    flow = Transformed(Normal.standard((3,)), chain)._data_init(grey.T, None)
    z = jax.vmap(lambda x, k: flow.bijection.inverse(x, key=k))(grey, jax.random.split(key, 400))
    np.testing.assert_allclose(z.std(0), 1.0, atol=0.15)


def test_a_value_on_an_end_is_one_that_was_rounded():
    ends = b.Equalize((2,), 256).inverse(jnp.array([0.0, 256.0]))
    beside = b.Equalize((2,), 256).inverse(jnp.array([2.0**-24, 256.0 - 2.0**-16]))
    np.testing.assert_allclose(ends, beside, rtol=0.1)  # not where the type ends, 13 deviations out


def test_a_loaded_histogram_is_that_of_the_first_fit(key, tmp_path):
    images = jax.random.choice(key, jnp.array([0.0, 3.0]), (40, 2, 2, 1), p=jnp.array([0.9, 0.1]))
    flow = pf.flows.glow((2, 2, 1), num_levels=1, num_steps=1, width=4, equalize=True, grey_levels=4, key=key)
    fitted = pf.fit(flow, images, max_epochs=1, progress=False, key=key).flow
    pf.save(tmp_path / "flow.safetensors", fitted)
    again = pf.fit(pf.load(tmp_path / "flow.safetensors"), 3.0 - images, max_epochs=1, progress=False, key=key).flow
    probs = [f.bijection.bijections[1].bijections[0].probs for f in (fitted, again)]
    assert probs[0][0] > 0.8
    np.testing.assert_array_equal(*probs)


def test_bits_are_those_of_equally_likely_levels(key):
    flow = Transformed(Uniform.standard((3,)), b.Chain([b.Scale(jnp.full(3, 16.0)), b.Dequantize((3,), 16)]))
    bits = pf.objectives.average_bits_per_dim(flow, jnp.array([[0.0, 7.0, 15.0], [1.0, 2.0, 3.0]]), draws=2, key=key)
    assert bits.mean == pytest.approx(4.0)
    assert bits.bound
    assert bits.each.shape == (2,)
    assert str(bits) == "at most 4.0000 ± 0.0000 bits per dimension"


def test_sizes_that_cannot_be_halved_say_which_can(key):
    with pytest.raises(ValueError, match=r"a 12 x 12 image cannot be halved 3 times.*16 x 16.*num_levels=2"):
        pf.flows.glow((12, 12, 1), key=key)
    with pytest.raises(ValueError, match="an odd side cannot be halved at all"):
        pf.flows.realnvp_image((7, 8, 1), key=key)
    with pytest.raises(ValueError, match="crop or resize to 6 x 4"):
        b.Squeeze((7, 5, 1))
    with pytest.raises(ValueError, match="three whole numbers"):
        pf.flows.nsf_image(8, key=key)


def test_parts_that_do_not_fit_say_why(key):
    with pytest.raises(ValueError, match="`checkerboard` is 0 or 1, for images"):
        b.Coupling(b.Affine(), 4, checkerboard=0, key=key)
    with pytest.raises(ValueError, match=r"vectors, sequences \(time, channels\) or images"):
        b.Coupling(b.Affine(), (4, 4, 4, 4), key=key)
    with pytest.raises(ValueError, match="`residual` and `precision` are for images"):
        b.Coupling(b.Affine(), 4, residual=True, key=key)
    with pytest.raises(ValueError, match="the same height and width, or the same time, and more channels"):
        b.MultiScale([b.Identity((2, 2, 1)), b.Identity((2, 2, 1))])
    with pytest.raises(ValueError, match="`alpha` must be at least 0 and below 1/2"):
        b.to_levels((2, 2, 1), alpha=0.5)
    with pytest.raises(ValueError, match="`equalize` takes the place of `alpha`"):
        b.to_levels((2, 2, 1), alpha=0.05, equalize=True)
    with pytest.raises(ValueError, match="`equalize` evens out a histogram of grey values"):
        pf.flows.nice_image((2, 2, 1), width=4, depth=1, equalize=True, grey_levels=None, key=jax.random.key(0))
    with pytest.raises(ValueError, match="`bins` must be at least 2"):
        b.Equalize((2,), 1)
    with pytest.raises(ValueError, match="`coupling` must be one of affine, additive"):
        pf.flows.glow((8, 8, 1), coupling="cubic", key=key)
    with pytest.raises(ValueError, match="is for images, and these are rows of columns"):
        pf.FlowDensity("glow").fit(np.random.default_rng(0).normal(size=(20, 2)))


def test_an_outlier_grows_no_faster_through_glow_than_its_shifts(key):
    """Steps whose scale grows with what the network says would square it, one after another."""
    flow = perturb(pf.flows.glow((4, 4, 1), num_levels=1, num_steps=12, width=8, grey_levels=None, key=key), 1.0)
    far = 1e3 * jax.random.normal(key, (4, 4, 1))
    near, farther = (float(jnp.abs(flow.bijection.inverse(x)).max()) for x in (far, 10.0 * far))
    assert 1.0 < farther / near < 30.0
