"""`ImageOutlier`: states, false alarms, files; and the states that a model of images keeps."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import pushforward as pf
from pushforward import DataError, FileError, ImageOutlier
from pushforward.data import Images
from pushforward.modalities.image.oddity._ordinary import Ordinary
from pushforward.modalities.image.oddity._states import states_of

SMALL: Any = {"options": {"num_levels": 2, "num_steps": 1, "width": 4}, "max_epochs": 1, "random_state": 0}


def pictures(count: int, seed: int) -> Images:
    """Smooth pictures of 8 x 8 pixels and 16 grey values."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, 8, 8, 1)).cumsum(axis=1).cumsum(axis=2)
    return Images(np.clip(8 + x, 0, 15).astype(np.uint8), levels=16)


@pytest.fixture(scope="module")
def fitted() -> ImageOutlier:
    return ImageOutlier("glow", alpha=0.1, calibration=0.4, **SMALL).fit(pictures(500, 0))


def test_the_noise_of_a_level_is_that_of_its_latent_variables(key):
    """Without noise in the grey values: SciPy's log-densities of the variables of each level, coarsest first."""
    flow = pf.flows.glow((4, 4, 1), num_levels=2, num_steps=1, width=4, grey_levels=None, key=key)
    images = np.random.default_rng(0).integers(0, 4, (3, 4, 4, 1)).astype(np.uint8)
    states = states_of(flow, images)
    z = np.asarray(flow.bijection._inverse_many(jnp.moveaxis(jnp.asarray(images, float), 0, -1), None, None)[0])
    np.testing.assert_allclose(states[:, 0], flow.log_prob(images.astype(float)), rtol=1e-5)
    np.testing.assert_allclose(states[:, 2:], stats.norm.logpdf(z).reshape(2, 8, 3).sum(axis=1).T, rtol=1e-5)
    np.testing.assert_array_equal(states[:, 1], pf.diagnostics.oddity.png_nats(images))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nice-image", "vae-image"])
def test_a_flow_without_levels_has_one_noise(name, key):
    flow = pf.flows.RECIPES[name].build((8, 8, 1), grey_levels=16, key=key, width=8)
    states = states_of(flow, pictures(300, 1).values)
    assert states.shape == (300, 3)
    assert np.isfinite(states).all()


def test_the_first_number_is_a_draw_of_the_log_density(fitted):
    images = pictures(200, 2)
    model = fitted.model_
    ours = states_of(model.flow, images.values)[:, 0]
    other = np.asarray(model.flow.log_prob(images.values.astype(float), key=jax.random.key(5)))
    assert abs(np.mean(ours - other)) < 4 * np.std(ours - other) / np.sqrt(200)
    assert np.corrcoef(ours, other)[0, 1] > 0.9


@pytest.mark.parametrize("score_by", ["states", "complexity", "typicality", "log_prob"])
def test_noise_is_odd_and_false_alarms_are_few(fitted, score_by):
    ordinary = Ordinary(fitted.model_.facts.ordinary.states, unseen=True)
    noise = np.random.default_rng(0).integers(0, 16, (50, 8, 8, 1)).astype(np.uint8)
    scores = [ordinary.scores(score_by, states_of(fitted.flow_, each)) for each in (noise, pictures(500, 3).values)]
    known = ordinary.calibration(score_by)
    odd, usual = (pf.diagnostics.oddity.conformal_p_values(known, each) for each in scores)
    assert np.median(odd) < 0.05 or score_by == "complexity"
    # Given 100 images that calibrate, the share is Beta(10, 91): its deviation is 0.03.
    assert abs(np.mean(usual <= 0.1) - 0.1) < 0.1


def test_a_picture_that_is_too_likely_for_the_length_of_its_file_is_odd():
    """Lengths by the model and of the file go together; the log-density of the noise is that of 50 numbers."""
    rng = np.random.default_rng(0)
    length = np.exp(rng.normal(6.0, 0.3, 400))
    states = np.column_stack([-length * np.exp(rng.normal(0, 0.05, 400)), length, rng.normal(-70, 5, 400)])
    known = Ordinary.of(states, unseen=True)
    usual = [-np.exp(6.0), np.exp(6.0), -70.0]
    asked = np.array([usual, [0.5 * usual[0], *usual[1:]], [1.5 * usual[0], *usual[1:]], [*usual[:2], -40.0]])
    scores = known.scores("states", asked)
    assert scores[0] > np.median(known.calibration("states"))
    assert (scores[1:] < known.calibration("states").min()).all()
    assert known.scores("log_prob", asked)[1] > known.scores("log_prob", asked)[0]
    assert np.isneginf(known.scores("states", np.array([[-np.inf, 1.0, 2.0]]))[0])


def test_predict_flags_the_images_whose_p_value_is_at_most_alpha(fitted):
    images = pictures(300, 5)
    np.testing.assert_array_equal(fitted.predict(images) == -1, fitted.p_values(images) <= fitted.alpha)
    assert len(fitted.calibration_scores_) == 100


@pytest.mark.slow
def test_the_images_apart_are_not_learned_from():
    images = pictures(500, 6)
    first = ImageOutlier("glow", calibration=0.4, **SMALL)
    _, apart = first._divided(500)
    changed = images.values.copy()
    changed[apart] = 0
    first.fit(images)
    second = ImageOutlier("glow", calibration=0.4, **SMALL).fit(Images(changed, levels=16))
    x = images.values[:3].astype(float)
    np.testing.assert_array_equal(first.flow_.log_prob(x), second.flow_.log_prob(x))


def test_a_file_tells_the_same(fitted, tmp_path):
    images = pictures(20, 7)
    fitted.save(tmp_path / "o.safetensors")
    for loaded in (
        ImageOutlier.load(tmp_path / "o.safetensors"),
        pf.estimators.load_estimator(tmp_path / "o.safetensors"),
    ):
        assert isinstance(loaded, ImageOutlier)
        assert loaded.alpha == 0.1
        np.testing.assert_array_equal(loaded.decision_function(images), fitted.decision_function(images))
    with pytest.raises(FileError, match="not fitted by FlowOutlier"):
        pf.FlowOutlier.load(tmp_path / "o.safetensors")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"score_by": "state"}, "did you mean 'states'"),
        ({"calibration": 0.1}, "20 of 200 images would be set apart, and 80 are needed"),
        ({"alpha": 1.5}, "alpha must lie between 0 and 1"),
        ({"contamination": 0.8}, "contamination must be 'auto'"),
    ],
)
def test_what_cannot_be_is_refused_before_the_fit(wrong, said):
    with pytest.raises(ValueError, match=said):
        ImageOutlier("glow", **SMALL, **wrong).fit(pictures(200, 0))


def test_images_of_another_size_are_refused(fitted):
    with pytest.raises(DataError, match="the model has images of shape"):
        fitted.score_samples(np.zeros((2, 4, 4, 1), np.uint8))
