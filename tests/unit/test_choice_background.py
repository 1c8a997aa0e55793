"""A background of Gaussians behind a flow: an exact density that bounds what a far row costs."""

import numpy as np
import pytest
from scipy import optimize, stats

import pushforward as pf
from pushforward._errors import DataError
from pushforward.modalities.table.choice import _background
from pushforward.modalities.table.choice._background import likeliest_weights

SMALL = {"flow": "realnvp", "options": {"num_layers": 2, "width": 8}, "max_epochs": 3, "random_state": 0}


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    return np.asarray(pf.data.moons(100), np.float64)


@pytest.fixture(scope="module")
def fitted(x) -> pf.FlowDensity:
    return pf.FlowDensity(**SMALL).fit(x)


def weights_of(density: pf.FlowDensity) -> np.ndarray:
    logits = np.asarray(density.flow_.base.logits, np.float64)
    return np.exp(logits - np.logaddexp.reduce(logits))


def test_weights_are_the_likeliest_with_a_row_for_each_part():
    scores = np.random.default_rng(0).normal(np.array([0.5, 0.0, -1.0]), size=(30, 3))

    def loss(free: np.ndarray) -> float:
        log_weights = np.append(free, 0.0) - np.logaddexp.reduce(np.append(free, 0.0))
        return -np.logaddexp.reduce(scores + log_weights, axis=1).sum() - log_weights.sum()

    best = np.exp(np.append(optimize.minimize(loss, np.zeros(2), tol=1e-12).x, 0.0))
    np.testing.assert_allclose(likeliest_weights(scores), best / best.sum(), atol=1e-5)


def test_no_weight_is_below_one_row_of_those_and_the_parts():
    scores = np.column_stack([np.zeros(97), np.full(97, -50.0), np.full(97, -np.inf)])
    np.testing.assert_allclose(likeliest_weights(scores), [0.98, 0.01, 0.01], atol=1e-9)


def test_a_row_that_no_part_can_give_is_left_out():
    scores = np.zeros((9, 2))
    scores[0] = -np.inf
    np.testing.assert_allclose(likeliest_weights(scores), [0.5, 0.5])


def test_counts_are_rows():
    scores, counts = np.random.default_rng(0).normal(size=(4, 2)), np.array([1.0, 1.0, 1.0, 1.0])
    np.testing.assert_allclose(likeliest_weights(scores, 5 * counts), likeliest_weights(scores))


def test_the_density_is_one_over_the_plane(fitted):
    cells = np.linspace(-12.0, 12.0, 400)
    grid = np.stack(np.meshgrid(cells, cells), axis=-1).reshape(-1, 2)
    total = np.exp(fitted.score_samples(grid)).sum() * (cells[1] - cells[0]) ** 2
    assert total == pytest.approx(1.0, abs=0.01)


def test_a_far_row_costs_at_most_what_the_wide_gaussian_says(fitted, x):
    far = np.array([[30.0, -20.0], [300.0, 0.0], [0.0, -3000.0]])
    wide = stats.multivariate_normal(x.mean(0), 4.0 * np.cov(x.T, ddof=0)).logpdf(far)
    found = fitted.score_samples(far)
    # Shrinking makes the Gaussian of these rows a little rounder, which tells at hundreds of deviations.
    assert (found > 1.1 * wide + np.log(weights_of(fitted)[2])).all()
    least = 1 / (10 + len(weights_of(fitted)))  # ten rows were held out
    assert (weights_of(fitted) >= least - 1e-6).all()


def test_without_a_background_it_is_the_flow_alone(fitted, x):
    alone = pf.FlowDensity(**SMALL, background=False).fit(x)
    mixed, parts = fitted.score_samples(x), weights_of(fitted)
    assert (mixed >= alone.score_samples(x) + np.log(parts[0]) - 1e-4).all()
    np.testing.assert_allclose(
        alone.flow_.log_prob(x),
        pf.distributions.Transformed(fitted.flow_.base.components[0], fitted.flow_.bijection).log_prob(x),
        atol=1e-4,
    )


def test_it_is_saved_with_the_flow(fitted, x, tmp_path):
    fitted.save(tmp_path / "m.safetensors")
    again = pf.FlowDensity.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(again.score_samples(x), fitted.score_samples(x))
    np.testing.assert_array_equal(again.sample(20, random_state=0), fitted.sample(20, random_state=0))


def test_integers_and_limits_are_kept(tmp_path):
    rng = np.random.default_rng(0)
    rows = np.column_stack([rng.poisson(3, 200), rng.uniform(0, 1, 200), rng.lognormal(size=200)])
    columns = {"x0": "integer(0,inf)", "x1": "bounded(0,1)", "x2": "positive"}
    density = pf.FlowDensity(**SMALL, columns=columns).fit(rows)
    assert weights_of(density).size in (3, 4)
    drawn = density.sample(500, random_state=0)
    assert np.array_equal(drawn[:, 0], np.floor(drawn[:, 0]))
    assert (drawn >= 0).all() and (drawn[:, 1] <= 1).all()  # noqa: PT018
    assert np.isfinite(density.score_samples(rows)).all()


def test_the_layers_of_the_flow_can_still_be_drawn(fitted):
    figure = pf.plots.steps(fitted, 0, num_points=20)
    assert figure.axes[0].get_title(loc="left") == "base"


def test_many_rows_and_few_have_none(x, monkeypatch):
    assert not isinstance(pf.FlowDensity(**SMALL).fit(x[:60]).flow_.base, pf.distributions.Mixture)
    monkeypatch.setattr(_background, "MOST_ROWS", 90)
    assert not isinstance(pf.FlowDensity(**SMALL).fit(x).flow_.base, pf.distributions.Mixture)
    asked = pf.FlowDensity(**SMALL, background=True).fit(x)
    assert isinstance(asked.flow_.base, pf.distributions.Mixture)


def test_where_there_can_be_none_it_is_refused(x):
    with pytest.raises(DataError, match="a background is for numbers alone"):
        pf.ConditionalFlowDensity(**SMALL, background=True).fit(x[:, :1], x[:, 1])
    with pytest.raises(ValueError, match="no one map to Gaussian noise"):
        pf.Gaussianizer(**SMALL, background=True).fit(x)


def test_a_background_is_wanted_or_not(x):
    with pytest.raises(DataError, match="background must be True, False or None, got 'x'"):
        pf.FlowDensity("affine", background="x").fit(x)


def test_a_gaussianizer_has_one_map(x):
    gaussianizer = pf.Gaussianizer(**SMALL).fit(x)
    np.testing.assert_allclose(gaussianizer.inverse_transform(gaussianizer.transform(x)), x, atol=1e-4)
