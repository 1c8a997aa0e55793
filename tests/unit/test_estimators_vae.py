"""`FlowVAE`: rows and images, what it answers, and what bad input gets."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError

import pushforward as pf
from pushforward import DataError, FlowVAE
from pushforward.data import Images
from pushforward.modalities import _learn

SMALL = {"options": {"width": 64}, "patience": 1000, "random_state": 0}


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """A plane in five columns, of other units and places, with noise."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(800, 2))
    x = z @ rng.normal(size=(2, 5)) + 0.1 * rng.normal(size=(800, 5))
    return 100.0 + np.array([1.0, 10.0, 0.1, 3.0, 1.0]) * x


@pytest.fixture(scope="module")
def of_rows(rows) -> FlowVAE:
    return FlowVAE(latent=2, posterior="full", prior="nsf", **SMALL).fit(rows)


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    return (load_digits().images > 7).astype(np.uint8)


@pytest.fixture(scope="module")
def of_images(digits) -> FlowVAE:
    return FlowVAE(latent=6, posterior="sylvester", options={"width": 48}, max_epochs=15, random_state=0).fit(digits)


@pytest.mark.slow
def test_rows_come_back_through_fewer_numbers(of_rows, rows):
    z, back = of_rows.encode(rows), of_rows.reconstruct(rows)
    assert z.shape == (800, 2)
    left = np.var(back - rows, axis=0) / np.var(rows, axis=0)
    assert np.all(left < 0.2)
    np.testing.assert_allclose(of_rows.decode(z), back)
    way = of_rows.interpolate(rows[:2], 5)
    np.testing.assert_allclose(way[[0, -1]], back[:2], rtol=1e-5)


def test_scores_are_a_bound_in_the_users_units(of_rows, rows):
    bound, found = of_rows.score_samples(rows[:100]), of_rows.estimate_log_prob(rows[:100], k=300)
    assert bound.mean() < found.log_prob.mean() + 0.05
    assert not of_rows.flow_.exact
    gauss = pf.FlowDensity("gaussian", random_state=0).fit(rows)
    assert found.log_prob.mean() > gauss.score(rows[:100]) - 1.0
    np.testing.assert_allclose(of_rows.score_samples(rows[:3]), bound[:3], rtol=1e-5)  # not of the neighbours
    assert of_rows.score(rows[:100]) == pytest.approx(bound.mean())


def test_samples_have_the_spread_of_the_data(of_rows, rows):
    draws = of_rows.sample(2000, random_state=0)
    np.testing.assert_allclose(draws.std(0), rows.std(0), rtol=0.25)
    np.testing.assert_allclose(draws.mean(0), rows.mean(0), atol=0.25 * rows.std(0).max())


def test_images_are_binary_where_they_are(of_images, digits):
    assert of_images.density_.levels_ == 2
    assert set(np.unique(of_images.sample(3, random_state=0))) <= {0, 1}
    assert of_images.encode(digits[:4]).shape == (4, 6)
    back = of_images.reconstruct(digits[:200])
    assert back.shape == (200, 8, 8, 1)
    assert 0 <= back.min() < back.max() <= 1
    assert np.mean((back[..., 0] > 0.5) == digits[:200]) > 0.8
    assert of_images.interpolate(digits[:2], 3).shape == (3, 8, 8, 1)
    bound, found = of_images.score_samples(digits[:100]), of_images.estimate_log_prob(digits[:100], k=100)
    assert bound.mean() < found.log_prob.mean()
    assert found.log_prob.mean() > -64 * np.log(2)


def test_grey_images_and_their_levels(digits):
    grey = Images(load_digits().images.astype(np.uint8)[..., None], levels=17)
    with pytest.warns(UserWarning, match="posterior collapse"):  # after two epochs
        vae = FlowVAE(latent=4, options={"width": 16, "decoder": "categorical"}, max_epochs=2, random_state=0).fit(grey)
    assert vae.density_.levels_ == 17
    assert vae.reconstruct(grey).max() <= 16
    with pytest.raises(ValueError, match="zeros and ones, and the data are 17 grey values"):
        FlowVAE(options={"decoder": "bernoulli"}).fit(grey)


def test_latent_variables_that_are_used_and_those_that_are_not(of_rows):
    assert of_rows.latent_use_.active.all()
    assert of_rows.latent_use_.kl_per_latent == pytest.approx(of_rows.latent_use_.kl / 2)
    noise = np.random.default_rng(0).normal(size=(400, 3))
    with pytest.warns(UserWarning, match="posterior collapse"):
        FlowVAE(latent=2, options={"width": 8}, random_state=0).fit(noise)


def test_a_file_is_that_of_the_shell(of_rows, rows, tmp_path):
    of_rows.save(tmp_path / "vae.safetensors")
    again = FlowVAE.load(tmp_path / "vae.safetensors")
    np.testing.assert_array_equal(again.score_samples(rows[:20]), of_rows.score_samples(rows[:20]))
    np.testing.assert_array_equal(again.encode(rows[:20]), of_rows.encode(rows[:20]))
    pf.FlowDensity("affine", max_epochs=1).fit(rows).save(tmp_path / "other.safetensors")
    with pytest.raises(DataError, match="no variational autoencoder"):
        FlowVAE.load(tmp_path / "other.safetensors")


def test_a_loaded_one_has_the_settings_of_its_fit(of_rows, of_images, tmp_path):
    for vae in (of_rows, of_images):
        vae.save(tmp_path / "vae.safetensors")
        again = FlowVAE.load(tmp_path / "vae.safetensors")
        run = ("random_state", "progress", "batch_size")  # of one run, or by images
        given = {name: value for name, value in vae.get_params().items() if name not in run}
        assert given == {name: value for name, value in again.get_params().items() if name in given}


def test_rows_and_images_in_each_others_place_and_nothing_are_told(of_rows, of_images, rows, digits):
    for method in (of_rows.score_samples, of_rows.encode, of_rows.estimate_log_prob, of_rows.reconstruct):
        with pytest.raises(DataError, match="the model is of rows, and these are images"):
            method(digits[:2])
    for method in (of_images.score_samples, of_images.encode, of_images.estimate_log_prob):
        with pytest.raises(DataError):
            method(rows[:2])
        with pytest.raises(DataError, match="there are no images"):
            method(digits[:0])
    for vae in (of_rows, of_images):
        size = vae.encode(rows[:1] if vae is of_rows else digits[:1]).shape[1]
        with pytest.raises(DataError, match="latent vectors must be finite, one or more"):
            vae.decode(np.zeros((0, size)))
        with pytest.raises(DataError, match="latent vectors must be finite, one or more"):
            vae.decode(np.full((2, size), np.nan))


def test_bad_input_is_told(of_rows, of_images, rows, digits):
    with pytest.raises(NotFittedError):
        FlowVAE().encode(rows)
    with pytest.raises(DataError, match="needs latent variables of shape"):
        of_rows.decode(np.zeros((3, 5)))
    with pytest.raises(DataError, match="the model is of images"):
        of_images.encode(rows)
    with pytest.raises(DataError, match="bytes"):
        FlowVAE().fit(digits.astype(float))
    with pytest.raises(DataError, match="give both ends"):
        of_rows.interpolate(rows[:3])
    with pytest.raises(ValueError, match="from 1 on"):
        of_rows.estimate_log_prob(rows[:3], k=0)


def test_columns_that_are_not_encoded_are_refused_before_training(rows, monkeypatch):
    monkeypatch.setattr(_learn, "fit", lambda *_, **__: pytest.fail("it was trained"))
    text = np.where(rows[:, :2] > rows[:, :2].mean(0), "a", "b").astype(object)
    with pytest.raises(DataError, match="categories, angles and atoms are not encoded"):
        FlowVAE().fit(text)
    with pytest.raises(ValueError, match="cannot be conditional"):
        FlowVAE().fit(np.column_stack([rows.astype(object), text]))
