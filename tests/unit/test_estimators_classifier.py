"""Classes by their densities."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import log_loss

import pushforward as pf
from pushforward import DataError, FileError, FlowClassifier, bijections, distributions
from pushforward.bijections.discrete._one_hot import OneHot
from pushforward.estimators import _class_start
from pushforward.estimators._class_labels import labels_in
from pushforward.modalities._classes import judged
from pushforward.objectives import Batch, ByClass, nll
from pushforward.objectives._classes import class_log_probs

SETTINGS = {"options": {"width": 8}, "max_epochs": 20, "random_state": 0}


@pytest.fixture(scope="module")
def blobs():
    """Two Gaussians of deviation 1 at -1.5 and 1.5 in the first of two columns: Bayes' error is 6.7 %."""
    rng = np.random.default_rng(0)
    y = np.repeat(["no", "yes"], 600)
    return rng.normal(size=(1200, 2)) + np.where(y == "yes", 1.5, -1.5)[:, None] * [1.0, 0.0], y


@pytest.fixture(scope="module", params=["latent", "conditional"])
def fitted(blobs, request):
    return FlowClassifier("affine", classes=request.param, **SETTINGS).fit(*blobs)


def test_probabilities_are_those_of_the_two_gaussians(fitted, blobs):
    X, _ = blobs
    right = 1.0 / (1.0 + np.exp(-3.0 * X[:, 0]))  # the log-ratio of the two densities is 3 x
    assert np.mean(np.abs(fitted.predict_proba(X)[:, 1] - right)) < 0.05
    np.testing.assert_allclose(fitted.predict_proba(X).sum(axis=1), 1.0, atol=1e-6)
    assert list(fitted.classes_) == ["no", "yes"]
    assert fitted.score(X, blobs[1]) > 0.91


def test_the_density_is_that_of_the_mixture(fitted):
    """Over a grid it sums to 1."""
    axis = np.linspace(-8, 8, 161)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    assert np.exp(fitted.score_samples(grid)).sum() * 0.1**2 == pytest.approx(1.0, abs=0.01)


def test_draws_of_a_class_lie_where_it_does(fitted):
    assert fitted.sample(500, "yes", random_state=0)[:, 0].mean() == pytest.approx(1.5, abs=0.25)
    assert abs(fitted.sample(2000, random_state=0)[:, 0].mean()) < 0.2
    with pytest.raises(DataError, match="'maybe' is not a class"):
        fitted.sample(1, "maybe")


def test_a_reload_says_the_same(fitted, blobs, tmp_path):
    fitted.save(tmp_path / "c.safetensors")
    again = FlowClassifier.load(tmp_path / "c.safetensors")
    np.testing.assert_array_equal(again.predict_proba(blobs[0]), fitted.predict_proba(blobs[0]))
    np.testing.assert_array_equal(again.predict(blobs[0]), fitted.predict(blobs[0]))
    assert isinstance(pf.estimators.load_estimator(tmp_path / "c.safetensors"), FlowClassifier)
    pf.FlowDensity("affine", **SETTINGS | {"max_epochs": 1}).fit(blobs[0]).save(tmp_path / "d.safetensors")
    with pytest.raises(FileError, match="no classifier"):
        FlowClassifier.load(tmp_path / "d.safetensors")


def test_whole_numbers_come_back_as_they_were(blobs, tmp_path):
    X, y = blobs
    many = np.where(y == "yes", 12, 2)  # as text, 12 would stand before 2
    model = FlowClassifier("affine", **SETTINGS | {"max_epochs": 2}).fit(X, many)
    model.save(tmp_path / "c.safetensors")
    again = FlowClassifier.load(tmp_path / "c.safetensors")
    assert again.classes_.dtype == many.dtype
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_more_than_ten_classes_keep_their_order():
    X = np.repeat(np.arange(12.0) * 10, 6)[:, None] + np.random.default_rng(0).normal(size=(72, 1))
    y = np.repeat(np.arange(12), 6)
    assert FlowClassifier("affine", **SETTINGS).fit(X, np.where(np.arange(72) % 6 == 0, -1, y)).score(X, y) > 0.9


def test_the_noise_is_found_in_blocks(x64, monkeypatch):
    monkeypatch.setattr(_class_start, "BLOCK", 64)
    x, rows = np.random.default_rng(0).normal(size=(200, 2)), np.arange(0, 200, 2)
    layer = bijections.Affine(jnp.array([1.0, -2.0]), jnp.array([3.0, 0.5]))
    np.testing.assert_allclose(_class_start.noise(layer, x, rows), (x[rows] - [1.0, -2.0]) / [3.0, 0.5], rtol=1e-12)


def test_with_labels_everywhere_the_start_is_the_linear_discriminant():
    """With weights, and a class without a row."""
    rng = np.random.default_rng(0)
    z, codes, weights = rng.normal(size=(400, 3)), rng.choice([0, 2], 400), rng.uniform(0.5, 2.0, 400)
    z[:, 1] += z[:, 0] + codes
    means, factor = _class_start.gaussians(z, codes, weights, np.log(np.full(3, 1 / 3)))
    weights /= weights.mean()
    right = [np.average(z[codes == c], axis=0, weights=weights[codes == c]) for c in (0, 2)]
    centre = np.average(z, axis=0, weights=weights)
    np.testing.assert_allclose(means, [right[0], centre, right[1]], atol=1e-12)
    away = z - means[codes]
    total, overall = weights.sum(), np.average((z - centre) ** 2, axis=0, weights=weights)
    within = ((away.T * weights) @ away + 3 * np.diag(overall)) / (total + 3)
    drawn = total / (total + 3) * within
    np.fill_diagonal(drawn, np.diagonal(within))
    np.testing.assert_allclose(factor @ factor.T, drawn, rtol=1e-10)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_the_start_takes_weights_of_any_scale(scale):
    rng = np.random.default_rng(0)
    z, codes, prior = 3.0 + rng.normal(size=(200, 2)), rng.integers(3, size=200), np.log([0.5, 0.5])
    z[:, 1] += z[:, 0]
    usual = _class_start.gaussians(z, codes, np.ones(200), prior)
    for one, other in zip(usual, _class_start.gaussians(z, codes, np.full(200, scale), prior), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9)


def test_rows_without_a_label_start_in_the_heap_of_a_few_that_have_one():
    """Two flat heaps side by side: the labelled rows alone would cut them the wrong way."""
    rng = np.random.default_rng(1)
    truth = np.repeat([0, 1], 500)
    z = np.column_stack([rng.normal(size=1000), 0.1 * rng.normal(size=1000) + truth - 0.5])
    codes = np.full(1000, 2)
    codes[[*np.argsort(z[:500, 0])[:3], *(500 + np.argsort(-z[500:, 0])[:3])]] = [0, 0, 0, 1, 1, 1]
    means, factor = _class_start.gaussians(z, codes, np.ones(1000), np.log([0.5, 0.5]))
    np.testing.assert_allclose(means, [z[:500].mean(axis=0), z[500:].mean(axis=0)], atol=0.02)
    covariance = 0.5 * (np.cov(z[:500].T) + np.cov(z[500:].T))
    np.testing.assert_allclose(factor @ factor.T, covariance, atol=0.02)


def test_many_rows_start_from_those_with_a_label_first():
    known, weights = np.arange(100) % 20 == 0, np.where(np.arange(100) < 2, 0.0, 1.0)
    rows = _class_start._looked_at(known, weights, 10)
    assert len(rows) == 10
    assert set(rows) >= {20, 40, 60, 80}
    assert 0 not in rows


def test_the_report_counts_what_is_right(fitted, blobs):
    X, y = blobs
    found = fitted.report(X, y)
    assert found.accuracy == fitted.score(X, y)
    assert found.log_loss == pytest.approx(log_loss(y, fitted.predict_proba(X)), rel=1e-6)
    assert found.calibration_error < 0.05
    with pytest.raises(DataError, match="'maybe' is not a class"):
        fitted.report(X[:1], ["maybe"])


@pytest.mark.parametrize("judge", ["score", "report"])
def test_rows_without_a_label_are_not_judged(fitted, blobs, judge):
    X, y = blobs
    with pytest.raises(DataError, match=r"(?s)2 of 1,200 labels are -1, .* `predict` is for the others"):
        getattr(fitted, judge)(X, np.where(np.arange(len(y)) < 2, "-1", y))


def test_the_calibration_error_is_that_of_a_known_guess():
    """Two bins: 60 % sure and never right, 90 % sure and always right."""
    sure = np.log([[0.6, 0.4]] * 5 + [[0.9, 0.1]] * 5)
    found = judged(sure, np.array([1] * 5 + [0] * 5))
    assert found.accuracy == 0.5
    assert found.calibration_error == pytest.approx(0.5 * 0.6 + 0.5 * 0.1)


def test_rows_without_a_label_are_learned_from(blobs):
    """Two labelled rows, both at one edge of their class: the other rows say where the gap is."""
    X, y = blobs
    few = np.full(len(y), -1)
    for code, name in enumerate(("no", "yes")):
        few[np.flatnonzero(y == name)[:5]] = code
    model = FlowClassifier("affine", class_prior="uniform", **SETTINGS | {"max_epochs": 60}).fit(X, few)
    truth = (y == "yes").astype(int)
    assert model.score(X, truth) > 0.9
    assert (
        model.score_samples(X).mean()
        > FlowClassifier("affine", **SETTINGS).fit(X[few >= 0], few[few >= 0]).score_samples(X).mean()
    )


def test_priors(blobs):
    X, y = blobs
    model = FlowClassifier("affine", class_prior=[0.9, 0.1], **SETTINGS | {"max_epochs": 1}).fit(X, y)
    np.testing.assert_allclose(model.class_log_prior_, np.log([0.9, 0.1]))
    weights = np.where(y == "yes", 3.0, 1.0)
    model = FlowClassifier("affine", **SETTINGS | {"max_epochs": 1}).fit(X, y, weights)
    np.testing.assert_allclose(np.exp(model.class_log_prior_), [0.25, 0.75])


@pytest.mark.parametrize(
    ("settings", "labels", "words"),
    [
        ({"classes": "laten"}, [0, 1] * 10, "latent"),
        ({"generative_weight": 0.0}, [0, 1] * 10, "positive number"),
        ({"class_prior": [0.5, 0.6]}, [0, 1] * 10, "sum to 1"),
        ({}, [-1] * 20, "no row has a label"),
        ({}, [3] * 20, "all rows with a label are of one class, 3"),
        ({}, [0, 1] * 9, "18 rows, but X has 20"),
        ({"flow": "moons"}, [0, 1] * 10, "is not known"),
        ({}, [0.5, 1.5] * 10, "Unknown label type"),
    ],
)
def test_what_cannot_be_used_says_why(settings, labels, words):
    X = np.random.default_rng(0).normal(size=(20, 2))
    with pytest.raises(ValueError, match=words):
        FlowClassifier(**{"flow": "affine", "max_epochs": 1} | settings).fit(X, labels)


def test_categories_need_the_whole_flow_to_see_the_class():
    X = np.array([["a", 0.1], ["b", 0.2], ["a", 0.3], ["b", 0.5]] * 10, dtype=object)
    y = np.arange(40) % 2
    with pytest.raises(DataError, match="classes='conditional'"):
        FlowClassifier("affine", max_epochs=1, random_state=0).fit(X, y)
    model = FlowClassifier("affine", classes="conditional", max_epochs=1, random_state=0).fit(X, y)
    assert model.predict_proba(X).shape == (40, 2)


def test_a_class_of_one_row_is_told():
    X, y = np.random.default_rng(0).normal(size=(20, 2)), np.array(["a"] * 19 + ["b"])
    with pytest.warns(UserWarning, match="class b has one row"):
        FlowClassifier("affine", max_epochs=1, random_state=0).fit(X, y)


def test_two_labels_of_which_one_is_minus_one_are_classes(blobs):
    X, y = blobs
    with pytest.warns(UserWarning, match="taken for a class"):
        model = FlowClassifier("affine", **SETTINGS | {"max_epochs": 1}).fit(X, np.where(y == "yes", 1, -1))
    assert list(model.classes_) == [-1, 1]


@pytest.fixture
def two_classes(key):
    """N(0, 1) for code 0 and, by a network, another law for code 1, behind a map that sees no class."""
    base = distributions.ConditionalBase(distributions.Normal(jnp.zeros(2)), 2, width=4, key=key)
    flow = distributions.Transformed(base, bijections.Coupling(bijections.Affine(), dim=2, width=4, key=key))
    leaves, tree = jax.tree.flatten(distributions.Embedded(flow, OneHot((2,))))
    keys = jax.random.split(key, len(leaves))
    return jax.tree.unflatten(
        tree, [a + 0.3 * jax.random.normal(k, a.shape) for a, k in zip(leaves, keys, strict=True)]
    )


def test_one_pass_of_the_map_says_what_one_for_each_class_does(two_classes, key):
    x = jax.random.normal(key, (2, 9))
    each = jnp.stack([two_classes._log_prob_many(x, jnp.full((1, 9), float(code)), None) for code in range(2)])
    np.testing.assert_allclose(class_log_probs(two_classes, x, 2, None), each, rtol=1e-5)


def test_with_weight_one_it_is_the_likelihood_of_row_and_label(two_classes, key):
    x, codes = jax.random.normal(key, (9, 2)), jnp.arange(9.0)[:, None] % 2
    prior = np.log([0.3, 0.7])
    batch = Batch(x, codes)
    loss, _ = ByClass(tuple(prior))(two_classes, batch, key=key)
    right = nll(two_classes, batch, key=key)[0] - np.mean(prior[np.arange(9) % 2])
    assert float(loss) == pytest.approx(float(right), rel=1e-5)


def test_a_row_without_a_label_counts_by_its_density(two_classes, key):
    x = jax.random.normal(key, (4, 2))
    batch = Batch(x, jnp.full((4, 1), 2.0))
    loss, _ = ByClass((np.log(0.5),) * 2, weight=0.25, unlabelled=2)(two_classes, batch, key=key)
    each = jnp.stack([two_classes.log_prob(x, jnp.full((4, 1), float(c))) for c in range(2)]) + np.log(0.5)
    assert float(loss) == pytest.approx(-0.25 * float(jnp.mean(jax.nn.logsumexp(each, axis=0))), rel=1e-5)


def test_a_part_without_a_condition_takes_no_notice_of_one(key):
    """A conditional layer beside one that is not, a base that is beside a map that is not, either way round."""
    affine = bijections.Affine()
    seeing = bijections.Coupling(affine, dim=2, width=4, cond_dim=3, key=key)
    given, x = jnp.ones(3), jnp.array([0.3, -0.2])
    for other in (
        bijections.Coupling(affine, dim=2, width=4, key=key),
        bijections.Autoregressive(affine, 2, width=4, key=key),
    ):
        chain = bijections.Chain([seeing, other])
        y = chain.forward(x, given)
        np.testing.assert_allclose(y, other.forward(seeing.forward(x, given)), rtol=1e-6)
        np.testing.assert_allclose(chain.inverse(y, given), x, atol=1e-6)
        base = distributions.ConditionalBase(distributions.Normal(jnp.zeros(2)), 3, width=4, key=key)
        assert np.isfinite(distributions.Transformed(base, other).log_prob(x, given))
    assert np.isfinite(distributions.Transformed(pf.flows.made(2, width=4, key=key), seeing).log_prob(x, given))


@pytest.mark.parametrize(
    ("flow", "said"),
    [
        ("foo", "flow='foo' is not known"),
        (None, "flow=None must be a name or a function"),
        (3, "flow=3 must be a name or a function"),
        ("glow", "flow='glow' is for images, and these are rows of columns"),
        ("waveglow", "flow='waveglow' is for sound, and these are rows of columns"),
        ("tempflow", "flow='tempflow' is for series, and these are rows of columns"),
    ],
)
def test_what_is_no_flow_of_rows_is_refused_by_every_estimator_of_rows(blobs, flow, said):
    x, y = blobs[0][::100], blobs[1][::100]
    for classes in ("latent", "conditional"):
        with pytest.raises(ValueError, match=said):
            FlowClassifier(flow, classes=classes).fit(x, y)
    with pytest.raises(ValueError, match=said):
        pf.ConditionalFlowDensity(flow).fit(x, x[:, 0])
    for kind in (pf.FlowDensity, pf.FlowOutlier, pf.Gaussianizer):
        with pytest.raises(ValueError, match=said):
            kind(flow).fit(x)


@pytest.mark.parametrize("flow", ["sphere", "idf", "argmax"])
def test_a_latent_class_needs_gaussian_noise(blobs, flow):
    with pytest.raises(DataError, match="no Gaussian noise that could depend on the class") as error:
        FlowClassifier(flow).fit(*blobs)
    assert "classes='conditional'" in error.value.hint


@pytest.mark.parametrize(
    ("y", "settings", "said"),
    [
        (np.array(["2020-01-01", "2020-01-02"] * 6, "datetime64[D]"), {}, "the labels are dates or times"),
        (np.array(["a", 1] * 6, object), {}, "the labels are of several types: numbers, text"),
        (["a", "b"] * 6, {"class_prior": "unifrom"}, "class_prior must be 2 positive numbers that sum to 1"),
        (["a", "b"] * 6, {"class_prior": {"a": 0.5, "b": 0.5}}, "class_prior must be 2 positive numbers"),
    ],
)
def test_classes_and_priors_that_cannot_be_are_refused(blobs, y, settings, said):
    with pytest.raises(DataError, match=said):
        FlowClassifier("affine", **settings).fit(blobs[0][:12], y)


@pytest.mark.parametrize("y", [["a", np.str_("b"), -1, "-1"], [np.int64(3), 4, -1, np.int8(4)]])
def test_labels_of_one_kind_may_be_of_python_and_of_numpy(blobs, y):
    labels = np.empty(len(y) * 3, object)
    labels[:] = y * 3
    found = labels_in(labels, "FlowClassifier", "row")
    assert len(found.classes) == 2
    assert found.known.tolist() == [one not in (-1, "-1") for one in labels]


def test_rows_are_drawn_of_one_class(fitted):
    with pytest.raises(DataError, match="is not a class"):
        fitted.sample(2, y=["no", "yes"])
