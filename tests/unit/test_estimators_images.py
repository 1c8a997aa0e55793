"""The estimator of images: what it learns, gives back, keeps in a file and refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from pushforward.data import Images
from pushforward.objectives import Augmented, Batch, nll

OPTIONS = {"num_levels": 1, "num_steps": 1, "width": 4}


def pictures(count=60, size=4, seed=0):
    """Images of three grey values, brighter on the left, in two labels."""
    draws = np.random.default_rng(seed).integers(0, 2, (count, size, size, 1), dtype=np.uint8)
    draws[:, :, : size // 2] += 1
    labels = np.arange(count) % 2
    return Images(draws, 3, labels=labels, label_names=("even", "odd"))


@pytest.fixture(scope="module")
def images():
    return pictures()


@pytest.fixture(scope="module")
def model(images):
    return pf.ImageDensity("glow", options=OPTIONS, max_epochs=3, random_state=0).fit(images)


@pytest.fixture(scope="module")
def conditional(images):
    return pf.ImageDensity(
        "glow", options=OPTIONS, conditional=True, flip=True, shift=1, max_epochs=1, random_state=0
    ).fit(images)


def test_bits_for_each_number_are_those_of_the_mean_log_probability(model, images):
    nats = model.score_samples(images, draws=4)
    np.testing.assert_allclose(model.bits_per_dim(images), -nats / (16 * np.log(2)), rtol=1e-6)


def test_training_lowers_the_bits(model, images):
    assert model.result_.best_loss < model.result_.start_loss


def test_more_draws_of_the_noise_give_their_mean(model, images):
    one, many = model.score_samples(images, draws=1), model.score_samples(images, draws=3)
    assert not np.array_equal(one, many)
    np.testing.assert_allclose(one.mean(), many.mean(), atol=1.0)


def test_samples_are_grey_values_and_follow_the_seed(model):
    samples = model.sample(5, random_state=1)
    assert samples.shape == (5, 4, 4, 1)
    assert samples.dtype == np.uint8
    assert samples.max() < 3
    np.testing.assert_array_equal(samples, model.sample(5, random_state=1))


@pytest.mark.parametrize("temperature", [np.nan, np.inf, -1.0])
def test_a_temperature_that_is_no_scale_is_refused(model, temperature):
    with pytest.raises(ValueError, match=f"temperature.*got {temperature}"):
        model.sample(2, random_state=0, temperature=temperature)


def test_images_come_back_from_their_latents(model, images):
    np.testing.assert_array_equal(model.decode(model.encode(images)), images.values)


def test_a_file_keeps_every_bit(model, images, tmp_path):
    model.save(tmp_path / "model.safetensors")
    loaded = pf.ImageDensity.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.bits_per_dim(images), model.bits_per_dim(images))
    said, kept = model.get_params(), loaded.get_params()
    assert {**kept["options"], **said["options"]} == kept["options"]
    assert all(kept[name] == value for name, value in said.items() if value is not None and name != "options")


def test_a_conditional_model_draws_what_it_is_asked_for(conditional):
    assert conditional.labels_ == ("even", "odd")
    assert conditional.model_.facts.condition_shares == (0.5, 0.5)
    assert conditional.sample(2, random_state=0, y="odd").shape == (2, 4, 4, 1)
    assert conditional.sample(2, random_state=0, y=["odd", "even"]).shape == (2, 4, 4, 1)


def test_labels_are_asked_for_and_named(conditional, model, images):
    with pytest.raises(ValueError, match=r"conditional on a label[\s\S]*even, odd"):
        conditional.sample(2)
    with pytest.raises(ValueError, match=r"knows no label 'evn'[\s\S]*'even'"):
        conditional.sample(2, y="evn")
    with pytest.raises(ValueError, match="not conditional"):
        model.sample(2, y="even")
    with pytest.raises(ValueError, match=r"needs labels[\s\S]*subfolder"):
        conditional.score(Images(images.values, 3))


def test_other_sizes_and_levels_are_refused(model):
    with pytest.raises(ValueError, match=r"\(4, 4, 1\)[\s\S]*got \(5, 4, 1\)[\s\S]*--resize 4x4"):
        model.score(np.zeros((2, 5, 4), np.uint8))
    with pytest.raises(ValueError, match=r"3 grey values, got images of 256"):
        model.score(np.zeros((2, 4, 4), np.uint8))
    with pytest.raises(ValueError, match=r"needs bytes"):
        model.score(np.zeros((2, 4, 4)))


@pytest.mark.parametrize("count", [0, -1])
def test_no_draws_and_no_latent_vectors_are_refused(model, count):
    with pytest.raises(ValueError, match="n_samples must be a whole number of at least 1"):
        model.sample(count, 0)
    with pytest.raises(ValueError, match="latent vectors must be finite, one or more"):
        model.decode(np.zeros((0, 16)))
    with pytest.raises(ValueError, match="latent vectors must be finite, one or more"):
        model.decode(np.full((2, 16), np.nan))


def test_images_that_are_none_and_other_latents_are_told(model, images):
    for method in (model.bits_per_dim, model.score_samples, model.encode):
        with pytest.raises(ValueError, match="there are none"):
            method(images.take([]))
    with pytest.raises(ValueError, match=r"needs latent vectors of 16 numbers, got \(1, 3\)"):
        model.decode(np.zeros((1, 3)))
    with pytest.raises(ValueError, match="`has` must be truth values"):
        model.attribute(images, np.arange(len(images)))


def test_a_flow_of_tables_is_refused(images):
    with pytest.raises(ValueError, match=r"'maf' is not a flow of images[\s\S]*glow"):
        pf.ImageDensity("maf").fit(images)


def test_bytes_train_like_floats(images):
    flow = pf.flows.glow((4, 4, 1), grey_levels=3, key=jax.random.key(0), **OPTIONS)
    options = {"max_epochs": 1, "progress": False, "key": jax.random.key(1)}
    from_bytes = pf.fit(flow, images.values, **options)
    from_floats = pf.fit(flow, images.values.astype(np.float32), **options)
    assert from_bytes.best_loss == from_floats.best_loss


def test_augmentation_mirrors_and_moves(images):
    seen = []

    def spy(flow, batch, *, key):
        seen.append(np.asarray(batch.x))
        return nll(flow, batch, key=key)

    x = jnp.asarray(images.values[:20], jnp.float32)
    flow = pf.distributions.Normal.standard((4, 4, 1))
    Augmented(spy, flip=True)(flow, Batch(x), key=jax.random.key(0))
    mirrored = [np.array_equal(new, old[:, ::-1]) for new, old in zip(seen[0], np.asarray(x), strict=True)]
    kept = [np.array_equal(new, old) for new, old in zip(seen[0], np.asarray(x), strict=True)]
    assert all(a or b for a, b in zip(mirrored, kept, strict=True))
    assert 3 < sum(mirrored) < 17
    ramp = jnp.broadcast_to(jnp.arange(4.0)[None, None, :, None], (50, 4, 4, 1))
    Augmented(spy, shift=1)(flow, Batch(ramp), key=jax.random.key(0))
    rows = {tuple(image[0, :, 0]) for image in seen[1]}
    assert rows == {(0, 0, 1, 2), (0, 1, 2, 3), (1, 2, 3, 3)}
