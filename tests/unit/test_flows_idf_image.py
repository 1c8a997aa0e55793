"""Integer discrete flows with laws that a network predicts: probabilities, samples, and bytes that come back."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from cases import perturb
from pushforward import distributions as d
from pushforward import flows, io
from pushforward._errors import FileError

TINY = {"num_levels": 2, "num_steps": 2, "width": 4, "depth": 2, "num_components": 2}
VECTOR = {"num_layers": 2, "num_components": 2, "unit": 2.0, "width": 8, "depth": 1}


@pytest.fixture(scope="module")
def images():
    return perturb(flows.idf_image((4, 4, 1), grey_levels=16, cond_dim=2, key=jax.random.key(1), **TINY), 0.3)


@pytest.fixture(scope="module")
def halves():
    """Two numbers, of which the second has a law that is predicted from the first."""
    return perturb(flows.idf(2, num_splits=1, key=jax.random.key(1), **VECTOR), 0.6)


def every_pair() -> np.ndarray:
    numbers = np.arange(-80.0, 81.0)
    return np.stack(np.meshgrid(numbers, numbers, indexing="ij"), axis=-1).reshape(-1, 2)


def test_predicted_probabilities_add_up_to_one_and_samples_follow_them(halves, key):
    log_prob = np.asarray(halves.log_prob(every_pair()), np.float64)
    assert np.exp(log_prob).sum() == pytest.approx(1.0, abs=1e-5)
    _, drawn = halves.sample_and_log_prob(key, 20_000)
    entropy, spread = -np.sum(np.exp(log_prob) * log_prob), np.std(drawn) / np.sqrt(20_000)
    assert -np.mean(drawn) == pytest.approx(entropy, abs=4 * float(spread))


def test_the_estimator_gives_it_whole_numbers_as_they_are(key):
    x = np.random.default_rng(0).integers(-50, 50, (60, 4))
    options = VECTOR | {"num_splits": 2}
    model = pf.FlowDensity("idf", options=options, columns={"*": "integer"}, max_epochs=1, random_state=0).fit(x)
    assert np.all(np.isfinite(model.score_samples(x)))
    np.testing.assert_array_equal(io.decompress(model.flow_, io.compress(model.flow_, x)), x)


def test_the_second_number_depends_on_the_first(halves):
    laws = halves.base.others.laws(jnp.array([[-3.0, 0.0, 5.0]]))
    assert laws.shape == (3 * (2 + 1), 1, 3)  # a wide component beside the two that are trained
    assert np.std(laws, axis=-1).max() > 0.1


def test_a_coder_sees_the_probabilities_of_the_law(halves):
    law, x = halves.base.others, np.arange(-60.0, 60.0)[:, None]
    condition = jnp.array([[2.0]])
    below = law.below(np.asarray(law.laws(condition))[:, 0], np.append(x, [[60.0]], axis=0))
    mass = np.exp(np.asarray(law.log_prob(x, condition.T), np.float64))
    np.testing.assert_allclose(np.diff(below[:, 0]), mass, atol=1e-6)


def labelled(images, n, key):
    condition = np.eye(2, dtype=np.float32)[np.arange(n) % 2]
    return np.asarray(images.sample(key, (), condition)).astype(np.int16), condition


def test_images_come_back_in_as_many_bits_as_the_flow_says(images, key):
    x, condition = labelled(images, 1500, key)
    packed = io.compress(images, x, condition)
    back = io.decompress(images, packed, condition)
    assert back.dtype == x.dtype
    np.testing.assert_array_equal(back, x)
    bits = -np.asarray(images.log_prob(x, condition), np.float64).sum() / np.log(2)
    assert 8 * len(packed) == pytest.approx(bits, rel=0.01)
    with pytest.raises(FileError, match="do not come back"):
        io.decompress(images, packed, condition[::-1])
    with pytest.raises(FileError, match="do not come back"):
        io.decompress(perturb(images, 0.1), packed, condition)


@pytest.mark.parametrize("n", [0, 1, 257])
def test_any_images_come_back_however_unlikely(images, n, key):
    x, condition = np.random.default_rng(0).integers(-(2**23), 2**23, (n, 4, 4, 1)), np.zeros((n, 2))
    x[:, 0] = np.arange(n)[:, None, None]
    np.testing.assert_array_equal(io.decompress(images, io.compress(images, x, condition), condition), x)


def test_rows_that_do_not_come_back_are_stored_as_they_are(images, key, monkeypatch):
    """A flow whose two directions disagree on every 50th row, as rounding may make them."""
    from pushforward.io import _coding

    x, condition = labelled(images, 300, key)
    forward = _coding._forward

    def wrong(bijection, z, given):
        y = forward(bijection, z, given)
        return y.at[..., ::50].add(1.0) if y.shape[0] == 4 else y

    monkeypatch.setattr(_coding, "_forward", wrong)
    packed = io.compress(images, x, condition)
    np.testing.assert_array_equal(io.decompress(images, packed, condition), x)


def test_what_is_no_image_has_probability_zero_and_gradients_are_finite(images):
    x = np.full((3, 4, 4, 1), 5.0)
    x[0, 0, 0], x[1, 0, 0] = 0.5, np.nan
    condition = jnp.zeros((3, 2))
    np.testing.assert_array_equal(np.isfinite(images.log_prob(x, condition)), [False, False, True])
    loss = lambda flow: -jnp.mean(flow.log_prob(1e4 * x[2:], condition[2:]))  # noqa: E731
    leaves = jax.tree.leaves(jax.jit(jax.grad(loss))(images))
    assert all(np.all(np.isfinite(leaf)) for leaf in leaves)


def test_both_levels_start_from_data_once(key):
    flow = flows.idf_image((4, 4, 1), grey_levels=256, key=key, **TINY)
    x = jnp.full((4, 4, 1, 50), 100.0)
    start = jax.jit(lambda flow, x: flow._data_init(x, None))
    started = start(flow, x)
    laws = started.base.others.inner, started.base.kept.base
    for law in laws:
        np.testing.assert_allclose(law.unit * law.loc.mean(axis=0), 100.0 - 128.0, atol=0.2)
    again = start(started, 0 * x)
    np.testing.assert_array_equal(again.base.kept.base.loc, started.base.kept.base.loc)


def test_a_reload_decodes_what_was_coded(images, key, tmp_path):
    x, condition = labelled(images, 300, key)
    pf.save(tmp_path / "flow.safetensors", images)
    again = pf.load(tmp_path / "flow.safetensors")
    np.testing.assert_array_equal(io.decompress(again, io.compress(images, x, condition), condition), x)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda k: flows.idf_image((6, 6, 1), key=k, **TINY), "num_levels=1"),
        (lambda k: flows.idf_image((4, 4, 1), grey_levels=1, key=k, **TINY), "`grey_levels` must be at least 2"),
        (lambda k: flows.idf_image((4, 4, 1), unit=-1.0, key=k, **TINY), "`unit` must be positive"),
        (
            lambda k: d.SplitOff(d.Normal.standard((2,)), d.PredictedLogistic((2,), (3,), key=k)),
            r"conditional on shape \(2,\)",
        ),
        (
            lambda k: d.SplitOff(d.Normal.standard((2, 2, 1)), d.PredictedLogistic((2,), (4,), key=k)),
            "all axes but the last",
        ),
    ],
)
def test_what_cannot_be_is_refused(build, message, key):
    with pytest.raises(ValueError, match=message):
        build(key)
