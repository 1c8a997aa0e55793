"""Classes of images by their densities: Bayes' rule, priors, calibration, files, and what bad input gets."""

import numpy as np
import pytest
from scipy.special import logsumexp

import pushforward as pf
from pushforward import DataError, FileError, ImageClassifier
from pushforward.data import Images
from pushforward.estimators._image_classifier import temperature_of

# With one step the label would reach only the half of the pixels that the other half tells already.
SMALL = {"num_levels": 1, "num_steps": 2, "width": 8}
SETTINGS = {"options": SMALL, "max_epochs": 6, "batch_size": 16, "learning_rate": 0.01, "random_state": 0}


def pictures(count: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """4 x 4 in bytes, bright or dark with a lot of noise."""
    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=count)
    x = rng.normal(np.where(y == 1, 150.0, 100.0)[:, None, None], 40.0, (count, 4, 4))
    return x.clip(0, 255).astype(np.uint8), np.where(y == 1, "bright", "dark")


@pytest.fixture(scope="module")
def fitted() -> ImageClassifier:
    return ImageClassifier("glow", class_prior=[0.25, 0.75], **SETTINGS).fit(*pictures())


def test_classes_are_found_by_bayes_rule(fitted):
    x, y = pictures(100, seed=1)
    assert fitted.score(x, y) > 0.9
    given = np.stack([fitted.density_.score_samples(x, [name] * 100, draws=4) for name in fitted.classes_], axis=1)
    joint = given / fitted.temperature_ + np.log([0.25, 0.75])
    right = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
    np.testing.assert_allclose(fitted.predict_proba(x), right, atol=1e-9)
    np.testing.assert_allclose(fitted.score_samples(x), logsumexp(given + np.log([0.25, 0.75]), axis=1))
    assert list(fitted.classes_) == ["bright", "dark"]
    found = fitted.report(x, y)
    assert found.accuracy == fitted.score(x, y)


def test_a_temperature_undoes_what_was_multiplied():
    """Of log-densities that are 20 times too far apart."""
    rng = np.random.default_rng(0)
    y, prior = rng.integers(2, size=20_000), np.log([0.5, 0.5])
    x = rng.normal(2.0 * y - 1.0)
    right = np.stack([-0.5 * (x + 1) ** 2, -0.5 * (x - 1) ** 2], axis=1)
    assert temperature_of(20.0 * right, y, prior) == pytest.approx(20.0, rel=0.05)


def test_a_reload_says_the_same(fitted, tmp_path):
    x, _ = pictures(20, seed=2)
    fitted.save(tmp_path / "c.safetensors")
    again = ImageClassifier.load(tmp_path / "c.safetensors")
    np.testing.assert_array_equal(again.predict_proba(x), fitted.predict_proba(x))
    said = {name: value for name, value in fitted.get_params().items() if value is not None and name != "options"}
    assert again.get_params() | said == again.get_params()  # what was left open is what was decided
    assert again.options.items() >= SMALL.items()
    assert isinstance(pf.estimators.load_estimator(tmp_path / "c.safetensors"), ImageClassifier)
    density = pf.ImageDensity.load(tmp_path / "c.safetensors")
    np.testing.assert_array_equal(
        density.score_samples(x, ["dark"] * 20), fitted.density_.score_samples(x, ["dark"] * 20)
    )
    density.save(tmp_path / "d.safetensors")
    with pytest.raises(FileError, match="no classifier"):
        ImageClassifier.load(tmp_path / "d.safetensors")


def test_draws_of_a_class_look_like_it(fitted):
    assert fitted.sample(200, "bright", random_state=0).mean() > fitted.sample(200, "dark", random_state=0).mean() + 20
    drawn = fitted.sample(400, random_state=0).mean(axis=(1, 2, 3))
    assert 0.15 < np.mean(drawn > 125) < 0.4  # a quarter is bright
    with pytest.raises(DataError, match="knows no label 'grey'"):
        fitted.sample(1, "grey")


@pytest.mark.parametrize(
    ("labels", "settings", "words"),
    [
        (None, {}, "needs labels"),
        (["a"] * 6, {}, "all images with a label are of one class, a"),
        (["a", "b"] * 2, {}, "6 images, but labels of shape"),
        (["a", "b"] * 3, {"class_prior": [1.0, 0.0]}, "class_prior must be 2 positive numbers"),
        ([0.5, 1.5] * 3, {}, "Unknown label type"),
        (["a", "b"] * 3, {"flow": "maf"}, "is not a flow of images"),
        (["a", "b"] * 3, {"flow": "vae-image", "options": None}, "cannot be conditional on labels"),
    ],
)
def test_what_cannot_be_used_says_why(labels, settings, words):
    with pytest.raises(ValueError, match=words):
        ImageClassifier(**{"flow": "glow"} | SETTINGS | settings).fit(pictures(6)[0], labels)


def test_other_labels_and_other_images_are_told(fitted):
    x, _ = pictures(3)
    with pytest.raises(DataError, match="'grey' is not a class"):
        fitted.report(x, ["grey", "dark", "dark"])
    with pytest.raises(DataError, match="images of shape"):
        fitted.predict(x[:, :3])
    labelled = Images(x[..., None], labels=np.array([0, 1, 1]), label_names=("bright", "dark"))
    assert fitted.score(labelled) in (0.0, 1 / 3, 2 / 3, 1.0)


def test_a_class_of_one_image_is_told():
    with pytest.warns(UserWarning, match="class b has one image"):
        ImageClassifier("glow", **SETTINGS | {"max_epochs": 1}).fit(pictures(12)[0], ["a"] * 11 + ["b"])


def test_numbers_of_labels_are_compared_with_their_names(fitted):
    x, y = pictures(20)
    names = {name: place for place, name in enumerate(fitted.classes_)}
    codes = np.array([names[one] for one in y])
    labelled = Images(x[..., None] if x.ndim == 3 else x, labels=codes, label_names=tuple(map(str, range(2))))
    classifier = ImageClassifier("glow", **SETTINGS).fit(labelled)
    assert list(classifier.classes_) == ["0", "1"]
    assert classifier.score(labelled, codes) == classifier.score(labelled)
    assert classifier.score(labelled, codes) == classifier.report(labelled, codes).accuracy


def test_options_that_are_not_there_are_named():
    with pytest.raises(DataError, match="flow='glow' has no option 'zz'"):
        pf.ImageDensity("glow", options={"zz": 1}).fit(pictures(6)[0])
