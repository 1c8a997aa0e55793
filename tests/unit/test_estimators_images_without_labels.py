"""Images without a label in a classifier: what they cost, what they change, files, and what bad input gets."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import norm

from pushforward import DataError, ImageClassifier, ImageDensity
from pushforward.bijections.image._multi_scale import MultiScale
from pushforward.data import Images
from pushforward.distributions import ConditionalBase
from pushforward.estimators._class_labels import labels_in
from pushforward.estimators._class_start import gaussians, noise
from pushforward.estimators._image_classes import prepared_by_class
from pushforward.objectives import Augmented, Batch

SMALL = {"num_levels": 1, "num_steps": 2, "width": 8}
SETTINGS = {"options": SMALL, "max_epochs": 6, "batch_size": 16, "learning_rate": 0.01, "random_state": 0}
PRIOR = np.log([0.3, 0.7])


def pictures(count: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """4 x 4 in bytes, bright (1) or dark (0) with a lot of noise."""
    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=count)
    return rng.normal(100.0 + 50.0 * y[:, None, None], 40.0, (count, 4, 4)).clip(0, 255).astype(np.uint8), y


def few(y: np.ndarray, count: int = 3) -> np.ndarray:
    """The labels of so many images of each class, and -1."""
    kept = np.concatenate([np.flatnonzero(y == code)[:count] for code in (0, 1)])
    return np.where(np.isin(np.arange(len(y)), kept), y, -1)


def ready_of(way: str | None, labels: np.ndarray, **settings) -> tuple:
    """What is to be trained, of six images with these labels."""
    x, _ = pictures(len(labels))
    density = ImageDensity("glow", conditional=True, **SETTINGS | settings)
    found = labels_in(labels, "ImageClassifier", "image")
    return x[..., None], prepared_by_class(Images(x[..., None]), found, way, PRIOR, density)[0]


@jax.jit
def log_prob(flow, x, condition, key):
    return flow.log_prob(x, condition, key=key)


@jax.jit
def noise_of(flow, x, key):
    """Of images `(count, ...)`, `(dim, count)`, and the log-det."""
    return flow.bijection._inverse_many(jnp.moveaxis(jnp.asarray(x, jnp.float32), 0, -1), None, key)


@pytest.fixture(scope="module")
def fitted() -> ImageClassifier:
    x, y = pictures()
    return ImageClassifier("glow", class_prior="uniform", validation=None, **SETTINGS).fit(x, few(y))


@pytest.mark.parametrize("way", ["latent", "conditional"])
def test_an_image_without_a_label_costs_the_sum_over_classes(way, key):
    """And one with a label its own density and prior; both from the flow that is fitted, by class."""
    labels = np.array([0, -1, 1, 0, 1, -1])
    x, ready = ready_of(way, labels, options={"num_levels": 1, "num_steps": 1, "width": 4})
    leaves, tree = jax.tree.flatten(ready.flow)
    rng = np.random.default_rng(0)  # so that classes differ
    flow = tree.unflatten([np.asarray(a) + np.float32(0.1) * rng.normal(size=a.shape).astype(a.dtype) for a in leaves])
    hot = np.eye(2)[:, None].repeat(6, axis=1)
    whole = ready.finish(flow)
    if way == "conditional":
        given = np.stack([log_prob(whole, x, one, key) for one in hot])
    else:  # the noise that makes grey values continuous is drawn by the map alone
        z, log_det = noise_of(whole, x, key)
        given = np.stack([log_prob(whole.base, z.T, one, None) + log_det for one in hot])
    joint = given + PRIOR[:, None]
    assert np.ptp(given, axis=0).min() > 1e-3
    right = np.where(labels < 0, logsumexp(joint, axis=0), joint[np.maximum(labels, 0), np.arange(6)])
    batch = Batch(x, jnp.asarray(ready.condition))
    loss, _ = jax.jit(lambda flow, batch: ready.objective(flow, batch, key=key))(flow, batch)
    assert float(loss) == pytest.approx(-right.mean(), rel=1e-5)


def test_what_is_usual_goes_by_missing_labels():
    _, ready = ready_of(None, np.array([0, 1, 0, 1, 0, 1]))
    assert ready.condition.shape == (6, 2)
    _, ready = ready_of(None, np.array([0, 1, 0, 1, 0, -1]), flip=True)
    assert ready.condition[:, 0].tolist() == [0, 1, 0, 1, 0, 2]
    assert isinstance(ready.flow.distribution.base, ConditionalBase)
    assert isinstance(ready.objective, Augmented)
    assert ready.facts.labels == ("0", "1")
    assert ready.facts.condition_shares == (0.6, 0.4)


def test_the_start_is_that_of_the_noise_of_the_images():
    """Means of each class, and the spread within classes, of the map whose layers have begun from data."""
    labels = np.array([0, 1, 0, 1, 0, 1])
    x, ready = ready_of("latent", labels)
    whole = ready.finish(ready.flow)
    z = noise(whole.bijection, x, np.arange(len(x)))
    means, factor = gaussians(z, labels, np.ones(len(x)), np.asarray(ready.objective.log_priors))
    found = np.stack([whole.base.mean(jnp.eye(2)[code]) for code in (0, 1)])
    np.testing.assert_allclose(found, means, atol=1e-4)
    np.testing.assert_allclose(noise_of(whole, x, jax.random.key(0))[0].T, z, atol=1e-4)
    spread = np.sqrt(np.sum(factor**2, axis=1))
    wanted = norm.logpdf(z, means[0], spread).sum(axis=1)
    event = z.reshape(len(z), *whole.base.event_shape)
    np.testing.assert_allclose(whole.base.log_prob(event, np.tile(np.eye(2)[0], (len(z), 1))), wanted, rtol=1e-4)
    assert isinstance(whole.bijection.bijections[0], MultiScale)
    assert abs(z).max() < 10  # not in grey values


def test_no_label_is_no_class(fitted):
    x, _ = pictures(50, seed=1)
    assert fitted.classes_.tolist() == [0, 1]
    assert fitted.density_.labels_ == ("0", "1")
    assert fitted.temperature_ == 1.0
    assert set(fitted.predict(x)) <= {0, 1}
    np.testing.assert_allclose(fitted.predict_proba(x).sum(axis=1), 1.0)


def test_a_reload_says_the_same(fitted, tmp_path):
    x, _ = pictures(20, seed=2)
    fitted.save(tmp_path / "c.safetensors")
    again = ImageClassifier.load(tmp_path / "c.safetensors")
    np.testing.assert_array_equal(again.predict_proba(x), fitted.predict_proba(x))
    np.testing.assert_array_equal(again.sample(3, 1, random_state=0), fitted.sample(3, 1, random_state=0))
    assert again.classes is None
    assert again.model_.facts == fitted.model_.facts


def test_noise_of_a_class_goes_through_the_layers(fitted):
    way = fitted.density_.layers(2, 3, 0, y=[0, 1])
    np.testing.assert_array_equal(way.images[:, -1].astype(np.uint8), fitted.density_.sample(2, 0, y=[0, 1]))


def test_a_notebook_shows_it(fitted):
    assert "ImageClassifier" in fitted._html_repr()


def test_images_to_compare_with_need_a_label(fitted):
    x, y = pictures(6, seed=3)
    labels = np.where(np.arange(6) < 2, -1, y)
    for method in (fitted.score, fitted.report):
        with pytest.raises(DataError, match=r"2 of 6 labels are -1, which stands for none[\s\S]*give images whose"):
            method(x, labels)
    assert fitted.report(x[2:], y[2:]).accuracy == fitted.score(x[2:], y[2:])


@pytest.mark.parametrize(
    ("labels", "settings", "words"),
    [
        ([0, 1, 0, 1, 0, -1], {"classes": "laten"}, r"classes='laten' is not known[\s\S]*latent"),
        ([0, 1, 0, 1, 0, -1], {"flow": "idf-image", "options": None}, r"no Gaussian noise[\s\S]*classes='conditional'"),
        ([-1] * 6, {}, "no image has a label"),
        ([0, 1, 0, 1, 0, -1], {"class_prior": [0.2, 0.2, 0.6]}, "class_prior must be 2"),
    ],
)
def test_what_cannot_be_used_says_why(labels, settings, words):
    with pytest.raises(ValueError, match=words):
        ImageClassifier(**{"flow": "glow"} | SETTINGS | settings).fit(pictures(6)[0], labels)


def test_images_without_a_label_are_learned_from(fitted):
    """Of three labels a class: more images are right than without the others, and the density is better."""
    x, y = pictures()
    labels = few(y)
    alone = ImageClassifier("glow", classes="latent", validation=None, **SETTINGS).fit(x[labels >= 0], y[labels >= 0])
    new, truth = pictures(200, seed=1)
    assert fitted.score(new, truth) > max(0.9, alone.score(new, truth))
    assert fitted.score_samples(new).mean() > alone.score_samples(new).mean() + 1.0


def test_where_the_whole_flow_sees_the_class_they_count_too():
    x, y = pictures(100)
    labels = few(y, 20)
    settings = {"classes": "conditional"} | SETTINGS | {"max_epochs": 2}
    model = ImageClassifier("glow", **settings).fit(x, labels)
    alone = ImageClassifier("glow", **settings).fit(x[labels >= 0], y[labels >= 0])
    assert model.score(x, y) > 0.5
    assert not np.allclose(model.score_samples(x), alone.score_samples(x))


def test_with_all_labels_it_is_the_fit_of_a_conditional_density():
    x, y = pictures(40)
    settings = SETTINGS | {"max_epochs": 1}
    found = ImageClassifier("glow", **settings).fit(x, y)
    right = ImageDensity("glow", conditional=True, **settings).fit(x, y)
    assert jax.tree.all(jax.tree.map(np.array_equal, found.flow_, right.flow_))
