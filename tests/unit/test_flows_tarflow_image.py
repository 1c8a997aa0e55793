"""TarFlow on images: patches, noise whose bound is one, guidance, and samples that lose their noise."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.stats import norm

import pushforward as pf
from cases import perturb
from pushforward import bijections as b
from pushforward import flows
from pushforward.distributions import Normal, Transformed
from pushforward.nets import CausalTransformer, GuidedTransformer
from pushforward.objectives import Batch, DropCondition

TINY = {"patch": 2, "num_layers": 2, "width": 8, "depth": 1, "num_heads": 2}
SHAPE = (4, 4, 1)


def flow_of(key, **options):
    return perturb(flows.tarflow_image(SHAPE, key=key, **(TINY | options)), 0.5)


@pytest.fixture
def noisy(key):
    return flow_of(key, grey_levels=16, noise=0.1, cond_dim=2)


@pytest.mark.usefixtures("x64")
def test_a_pixel_depends_on_its_own_patch_and_those_of_one_order(key):
    """One block: the Jacobian, pixels by latents, connects a patch with itself and those before it."""
    flow = flow_of(key, num_layers=1, grey_levels=None)
    jacobian = jax.jit(jax.jacrev(lambda x: flow.bijection.inverse(x)))(jax.random.normal(key, SHAPE))
    seen = np.asarray(jacobian).reshape(4, 4, 2, 2, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(4, 4, 4, 4)
    seen = np.any(np.abs(seen) > 1e-12, axis=(1, 3))
    # The block is turned round on the side of the data: its first group is the last patch.
    np.testing.assert_array_equal(seen[:, ::-1], np.tri(4, dtype=bool))


def test_guided_sampling_by_memory_is_that_of_a_pass_for_each_patch(key):
    net = perturb(CausalTransformer(4, 3, 2, width=8, depth=2, num_heads=2, cond_dim=2, key=key), 1.0)
    condition, x = jax.random.normal(key, (2, 5)), jax.random.normal(key, (4, 3, 5))
    guided = GuidedTransformer(net, 1.5)
    plain, none = net(x, condition), net(x, jnp.zeros((2, 5)))
    np.testing.assert_allclose(guided(x, condition), plain + 1.5 * (plain - none), rtol=1e-5, atol=1e-5)
    memories, before = guided.empty(5, jnp.float32), jnp.zeros((3, 5))
    for place in range(4):
        raw, memories = guided.step(before, place, memories, condition)
        np.testing.assert_allclose(raw, guided(x, condition)[:, place], rtol=1e-4, atol=1e-4)
        before = x[place]


def test_guidance_of_zero_is_the_flow_itself_and_more_is_another(noisy, key):
    condition = jnp.eye(2)[0]
    smooth, _ = flows.without_rounding(noisy)
    plain = smooth.sample(key, 3, condition)
    np.testing.assert_allclose(flows.guided(smooth, 0.0).sample(key, 3, condition), plain, rtol=1e-5, atol=1e-4)
    led = flows.guided(smooth, 2.0)
    x, log_prob = led.sample_and_log_prob(key, 3, condition)
    assert np.abs(x - plain).max() > 0.1
    np.testing.assert_allclose(led.log_prob(x, condition), log_prob, rtol=1e-4)  # it is a flow of its own
    np.testing.assert_allclose(led.sample(key, 3, jnp.zeros(2)), smooth.sample(key, 3, jnp.zeros(2)), atol=1e-3)


@pytest.mark.usefixtures("x64")
def test_denoised_images_follow_the_formula(key):
    """Differences in place of the gradient."""
    noisy = flow_of(key, grey_levels=16, noise=0.1, num_layers=1)
    smooth, noise = flows.without_rounding(noisy)
    assert noise.std == pytest.approx(0.1 * 16 / 2)
    y = np.asarray(smooth.sample(key, 2))
    score = np.zeros_like(y)
    for place in itertools.product(range(4), range(4)):
        step = np.zeros(SHAPE)
        step[place] = 1e-4
        score[:, *place, 0] = (smooth.log_prob(y + step) - smooth.log_prob(y - step)) / 2e-4
    np.testing.assert_allclose(flows.denoise(noisy, y), y + noise.std**2 * score, rtol=1e-6, atol=1e-6)


def test_denoising_a_gaussian_gives_its_conditional_mean():
    """Images from N(m, s²) and noise of t: the mean of x given y is y - t² (y - m) / (s² + t²)."""
    mean, spread, std = 100.0, 20.0, 5.0
    line = b.Standardize(jnp.full((1, 1, 1), mean), (spread**2 + std**2) ** 0.5)
    flow = Transformed(Normal.standard((1, 1, 1)), b.Chain([line, b.GaussianDequantize((1, 1, 1), std, 256)]))
    y = jnp.array([90.0, 130.0]).reshape(2, 1, 1, 1)
    expected = y - std**2 * (y - mean) / (spread**2 + std**2)
    np.testing.assert_allclose(flows.denoise(flow, y), expected, rtol=1e-5)


@pytest.mark.usefixtures("x64")
def test_gaussian_noise_bounds_the_probability_that_samples_follow(key):
    """One number of three levels: p(y) P(x | y) integrated over y, beside draws and samples."""
    density, noise = Normal(jnp.ones(1), 0.8), b.GaussianDequantize((1,), 0.7, 3)
    flow = Transformed(density, b.Chain([b.Identity((1,)), noise]))
    assert not flow.exact
    y = np.linspace(-12.0, 14.0, 20_001)
    share = np.exp(density.log_prob(y[:, None])) * (y[1] - y[0])
    ends = norm.cdf((np.array([-np.inf, 0.5, 1.5, np.inf])[:, None] - y) / noise.std)
    exact = np.sum(share * np.diff(ends, axis=0), axis=1)
    assert exact.sum() == pytest.approx(1.0)
    draws = np.asarray(flow.log_prob(jnp.repeat(jnp.arange(3.0), 40_000)[:, None], key=key)).reshape(3, -1)
    np.testing.assert_allclose(np.exp(draws).mean(axis=1), exact, rtol=0.02)
    assert np.all(draws.mean(axis=1) < np.log(exact) - 0.01)
    counted = np.bincount(np.asarray(flow.sample(key, 40_000), int)[:, 0], minlength=3) / 40_000
    np.testing.assert_allclose(counted, exact, atol=4 * 0.5 / 200)


def test_the_contribution_of_noise_is_finite_however_small_or_large_it_is(key):
    x = jnp.tile(jnp.array([[0.0], [100.0], [255.0]]), 5_000)
    for std in (1e-3, 0.4, 6.4, 300.0):
        part = b.GaussianDequantize((3,), std, 256)
        y, contribution = jax.jit(lambda part, x: part._inverse_many(x, None, key))(part, x)
        assert np.all(np.isfinite(y))
        assert np.all(np.isfinite(contribution))
    np.testing.assert_array_equal(part.forward(jnp.array([-3.0, 7.4, 300.0])), [0.0, 7.0, 255.0])
    np.testing.assert_array_equal(part.inverse_and_log_det(x[:, 0])[0], x[:, 0])


def test_dropped_conditions_are_zeros_at_the_share_that_was_asked_for(key):
    seen = []

    def spy(flow, batch, *, key):
        seen.append(np.asarray(batch.condition))
        return jnp.zeros(()), {}

    DropCondition(spy, 0.3)(None, Batch(jnp.zeros((1000, 2)), jnp.ones((1000, 4))), key=key)
    dropped = np.all(seen[0] == 0, axis=1)
    assert np.all(seen[0][~dropped] == 1)
    assert dropped.mean() == pytest.approx(0.3, abs=0.06)


def test_a_saved_guided_flow_gives_the_same_bits(noisy, key, tmp_path):
    led = flows.guided(noisy, 1.0)
    pf.save(tmp_path / "led.safetensors", led)
    x = jnp.ones((2, *SHAPE))
    condition = jnp.eye(2)
    again = pf.load(tmp_path / "led.safetensors")
    np.testing.assert_array_equal(again.log_prob(x, condition), led.log_prob(x, condition))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda k: flows.tarflow_image((5, 4, 1), key=k, **TINY), "multiples of 2"),
        (lambda k: flows.tarflow_image(SHAPE, noise=-0.1, key=k, **TINY), "at least 0"),
        (lambda k: flows.tarflow_image(SHAPE, noise=0.1, alpha=0.05, key=k, **TINY), "without `alpha`"),
        (lambda k: flows.tarflow_image(SHAPE, noise=0.1, equalize=True, key=k, **TINY), "without `alpha`"),
        (lambda k: flows.tarflow_image(SHAPE, noise=0.1, grey_levels=None, key=k, **TINY), "for grey values"),
        (lambda k: flows.tarflow_image(SHAPE, num_layers=0, key=k), "`num_layers` must be at least 1"),
        (lambda k: flows.guided(flow_of(k), 1.0), "is not conditional"),
        (lambda k: flows.guided(flows.maf(2, cond_dim=1, key=k), 1.0), "has no transformer"),
        (lambda k: flows.denoise(flow_of(k), np.zeros(SHAPE)), r"noise=0\.05"),
        (lambda k: b.GaussianDequantize((1,), 0.0), "`std` must be positive"),
        (lambda k: DropCondition(pf.objectives.nll, 1.0), "below 1"),
        (lambda k: DropCondition(pf.objectives.nll)(None, Batch(jnp.zeros((1, 1))), key=k), "no condition to leave"),
    ],
)
def test_what_cannot_be_is_refused(build, message, key):
    with pytest.raises(ValueError, match=message):
        build(key)
