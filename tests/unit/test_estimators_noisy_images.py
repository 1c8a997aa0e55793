"""Image models that are guided, and whose samples lose the noise that they were trained with."""

import jax
import numpy as np
import pytest

import pushforward as pf
from pushforward import flows
from pushforward.data import Images
from pushforward.modalities._model import Model
from pushforward.modalities.image._facts import ImageFacts
from pushforward.train import FitResult

OPTIONS = {"patch": 2, "num_layers": 2, "width": 8, "depth": 1, "num_heads": 2}


def fitted(**settings):
    x = np.random.default_rng(0).integers(0, 16, (64, 4, 4, 1), dtype=np.uint8)
    images = Images(x, 16, labels=np.arange(64) % 2, label_names=("even", "odd"))
    settings = {"options": OPTIONS, "max_epochs": 1, "random_state": 0} | settings
    return pf.ImageDensity("tarflow-image", **settings).fit(images)


@pytest.fixture(scope="module")
def model():
    return fitted(options=OPTIONS | {"noise": 0.2}, conditional=True, drop_labels=0.2)


def test_samples_lose_their_noise_unless_they_shall_keep_it(model):
    clean = model.sample(4, random_state=1, y="odd")
    assert clean.dtype == np.uint8
    np.testing.assert_array_equal(clean, model.sample(4, random_state=1, y="odd", denoised=True))
    assert np.any(clean != model.sample(4, random_state=1, y="odd", denoised=False))


def test_denoised_samples_are_those_of_the_formula(model):
    smooth, noise = flows.without_rounding(model.flow_)
    key = jax.random.fold_in(jax.random.key(int(np.random.RandomState(1).randint(2**31 - 1))), 0)
    condition = np.tile(np.eye(2, dtype=np.float32)[1], (4, 1))
    y = smooth.sample(key, (), condition)
    score = jax.grad(lambda at: smooth.log_prob(at, condition).sum())(y)
    expected = np.clip(np.floor(y + noise.std**2 * score + 0.5), 0, 15)
    # A number that falls between two levels may be rounded either way by another program.
    assert np.mean(expected != model.sample(4, random_state=1, y="odd")) < 0.05


def test_guidance_of_zero_changes_nothing_and_more_does(model):
    plain = model.sample(4, random_state=1, y="odd", denoised=False)
    np.testing.assert_array_equal(plain, model.sample(4, random_state=1, y="odd", denoised=False, guidance=0.0))
    assert model.sample(4, random_state=1, y="odd", guidance=2.0).shape == (4, 4, 4, 1)


def test_a_file_keeps_what_guidance_needs(model, tmp_path):
    model.save(tmp_path / "model.safetensors")
    loaded = pf.ImageDensity.load(tmp_path / "model.safetensors")
    draws = loaded.sample(2, random_state=1, y="even", guidance=1.0)
    np.testing.assert_array_equal(draws, model.sample(2, random_state=1, y="even", guidance=1.0))


def unfitted(labels=(), **settings):
    """A model of a fresh flow: what it refuses needs no training."""
    model = pf.ImageDensity("tarflow-image", **settings)
    cond_dim = len(labels) or None
    flow = flows.tarflow_image((4, 4, 1), cond_dim=cond_dim, key=jax.random.key(0), **OPTIONS)
    result = FitResult(flow, (), 0, np.nan, np.nan, "not begun", (), 0.0)
    model.model_ = Model("image", flow, ImageFacts(256, labels), model.get_params(), result)
    return model


def test_what_a_model_was_not_trained_for_is_refused():
    with pytest.raises(ValueError, match=r"not conditional on them[\s\S]*--labels"):
        fitted(drop_labels=0.1)
    with pytest.raises(ValueError, match=r"have none[\s\S]*noise=0\.05"):
        unfitted().sample(1, denoised=True)
    with pytest.raises(ValueError, match=r"knows labels[\s\S]*--drop-labels"):
        unfitted().sample(1, guidance=1.0)
    with pytest.raises(ValueError, match=r"never seen[\s\S]*drop_labels=0\.1"):
        unfitted(("even", "odd"), conditional=True).sample(1, y="odd", guidance=1.0)
