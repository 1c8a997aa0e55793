"""Several flows in place of one: the mean of their densities, which nothing that was held out has taught."""

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from scipy import integrate
from scipy.special import logsumexp

import pushforward as pf
from pushforward._errors import DataError, UsageError
from pushforward.bijections import Chain, LongTails, Scale
from pushforward.distributions import Mixture, Normal, Transformed
from pushforward.estimators._inputs import rows_to_fit
from pushforward.modalities import _learn
from pushforward.modalities.table._flow import with_ends, without_ends
from pushforward.modalities.table.choice import _auto as auto
from pushforward.modalities.table.prediction._one_number import _most

SMALL = {"flow": "realnvp", "options": {"num_layers": 2, "width": 16}, "max_epochs": 4, "random_state": 0}


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    return np.asarray(pf.data.moons(400), np.float64)


@pytest.fixture(scope="module")
def three(x) -> pf.FlowDensity:
    return pf.FlowDensity(**SMALL, background=False, ensemble=3).fit(x)


def parts_of(density: pf.FlowDensity, *, conditions: bool = False) -> tuple:
    inner = without_ends(density.flow_, columns=True, conditions=conditions)[0]
    assert isinstance(inner, Mixture)
    return inner.components


def test_the_density_is_the_mean_of_three_that_begin_differently(three, x):
    columns = three.model_.facts.units.bijection()
    each = [np.asarray(with_ends(part, columns, None).log_prob(x), np.float64) for part in parts_of(three)]
    np.testing.assert_allclose(three.score_samples(x), logsumexp(each, axis=0) - np.log(3), atol=1e-5)
    assert np.abs(each[0] - each[1]).mean() > 0.01 < np.abs(each[1] - each[2]).mean()
    assert three.score(x) > np.mean(each)  # by Jensen's inequality, for any rows


def test_the_first_is_the_flow_of_a_fit_of_one(three, x):
    one = pf.FlowDensity(**SMALL, background=False).fit(x)
    first = parts_of(three)[0]
    z = np.random.default_rng(0).normal(size=2).astype(np.float32)
    alone = without_ends(one.flow_, columns=True, conditions=False)[0]
    np.testing.assert_array_equal(first.bijection.forward(z)[0], alone.bijection.forward(z)[0])


def test_the_history_is_that_of_the_best(x, monkeypatch):
    results, real = [], _learn.fit
    monkeypatch.setattr(_learn, "fit", lambda *args, **kw: results.append(real(*args, **kw)) or results[-1])
    density = pf.FlowDensity(**SMALL, background=False, ensemble=3).fit(x)
    best = min(results, key=lambda result: result.best_loss)
    assert density.history_ == best.history
    assert density.result_.best_epoch == best.best_epoch
    assert density.result_.seconds == sum(result.seconds for result in results)
    assert "of the best of 3 flows" in density.result_.stopped_because


def test_flows_that_a_callback_ended_are_told(x):
    density = pf.FlowDensity(**SMALL, ensemble=2, callbacks=(lambda info: info.epoch == 2,)).fit(x)
    assert density.result_.events == tuple(f"flow {n}: a callback said stop after 2 epochs" for n in (1, 2))


def test_the_density_is_one_over_the_plane(three):
    cells = np.linspace(-8.0, 9.0, 500)
    grid = np.stack(np.meshgrid(cells, cells), axis=-1).reshape(-1, 2)
    total = np.exp(three.score_samples(grid)).sum() * (cells[1] - cells[0]) ** 2
    assert total == pytest.approx(1.0, abs=2e-3)


def test_all_hold_out_the_same_rows(x, monkeypatch):
    keys, real = [], _learn.fit
    monkeypatch.setattr(_learn, "fit", lambda *args, **kw: keys.append(kw["key"]) or real(*args, **kw))
    density = pf.FlowDensity(**SMALL | {"max_epochs": 1}, ensemble=2).fit(x)
    assert len(keys) == 2
    assert keys[0] == keys[1]
    assert density.result_.best_loss < density.result_.start_loss


def test_the_loss_is_that_of_the_mean_on_rows_that_were_held_out(x):
    density = pf.FlowDensity(**SMALL, background=False, ensemble=3, validation=0.25)
    ready = density._learn(rows_to_fit(density, x, None, None, conditional=False))
    apart = ready.data.x.values[ready.held_out(ready).rows]
    assert len(apart) == 100
    assert density.result_.best_loss == pytest.approx(-density.score(apart), abs=1e-5)


@pytest.fixture(scope="module")
def given(x) -> pf.ConditionalFlowDensity:
    settings = SMALL | {"flow": "maf", "max_epochs": 30}
    return pf.ConditionalFlowDensity(**settings, ensemble=2).fit(x[:, :1], x[:, 1])


def test_what_is_predicted_is_that_of_the_density(given, x):
    grid = np.linspace(-6.0, 6.0, 6001)
    for row in x[:3, :1]:
        density = np.exp(given.score_samples(np.repeat(row[None], len(grid), axis=0), grid))
        assert given.predict(row[None])[0] == pytest.approx(np.trapezoid(grid * density, grid), abs=2e-3)
        below = integrate.cumulative_trapezoid(density, grid, initial=0.0)
        found = given.cdf(np.repeat(row[None], 5, axis=0), grid[2000:4500:500])
        np.testing.assert_allclose(found, below[2000:4500:500], atol=1e-4)
        levels = np.array([0.001, 0.1, 0.5, 0.9, 0.999])
        ends = given.quantile(row[None], levels)[0]
        np.testing.assert_allclose(np.interp(ends, grid, below), levels, atol=1e-4)
    _, error = given.predict(x[:3, :1], return_error=True)
    assert not error.any()  # no draws
    assert given.quantile(x[:700, :1], [0.5]).shape == (len(x[:700]), 1)


def test_the_loss_of_whole_numbers_is_the_measure_of_one_fit(x):
    counts = np.random.default_rng(0).poisson(2.0, size=(300, 2))
    settings = SMALL | {"flow": "maf", "max_epochs": 1, "columns": "integer", "validation": 0.3, "learning_rate": 1e-9}
    one, two = (pf.FlowDensity(**settings, ensemble=count).fit(counts).result_ for count in (1, 2))
    # Nothing is learned, and all flows begin as one density; a score, which is a mean over draws of noise, is another.
    assert two.best_loss == pytest.approx(one.best_loss, abs=1e-5)


def test_orders_of_an_ensemble_are_parts_of_one_mixture(x):
    settings = SMALL | {"flow": "maf-orders", "options": {"num_layers": 1, "width": 8, "num_orders": 2}}
    assert len(parts_of(pf.FlowDensity(**settings, background=False, ensemble=3).fit(x))) == 6
    model = pf.ConditionalFlowDensity(**settings, ensemble=2).fit(x[:, :1], x[:, 1])
    assert not model.predict(x[:3, :1], return_error=True)[1].any()  # no draws


def test_long_tails_begin_where_the_noise_reaches_them():
    layers = Chain([LongTails(shape=(1,)), Scale(jnp.full(1, 3.0))])
    for wider, most in ((Chain([Scale(jnp.full(1, 2.0)), layers]), 2.0), (layers, 4.0), (Scale(jnp.ones(1)), np.inf)):
        assert _most(Transformed(Normal.standard((1,)), wider)) == pytest.approx(most)


def test_a_positive_column_has_a_mean():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 1))
    y = np.exp(X[:, 0] + 0.5 * rng.normal(size=500))
    settings = SMALL | {"flow": "maf", "max_epochs": 30, "columns": "positive"}
    for count in (1, 2):
        model = pf.ConditionalFlowDensity(**settings, ensemble=count).fit(X, y)
        for row in X[:3]:
            draws = model.sample(np.repeat(row[None], 20_000, axis=0), random_state=0)
            assert model.predict(row[None])[0] == pytest.approx(np.clip(draws, 0, 100).mean(), rel=0.05)


def test_whole_numbers_are_told_as_whole_numbers(x):
    counts = np.random.default_rng(0).poisson(3.0 + x[:, 0])
    settings = SMALL | {"flow": "maf", "max_epochs": 10, "columns": "integer"}
    model = pf.ConditionalFlowDensity(**settings, ensemble=2).fit(x[:, :1], counts)
    rows, whole = x[:4, :1], np.arange(-1, 12)
    ends = model.quantile(rows, [0.2, 0.5, 0.8])
    assert np.array_equal(ends, np.round(ends))
    for row, own in zip(rows, ends, strict=True):
        below = model.cdf(np.repeat(row[None], len(whole), axis=0), whole)
        expected = [whole[np.argmax(below >= level)] for level in (0.2, 0.5, 0.8)]  # the least with as much
        np.testing.assert_array_equal(own, expected)


def test_one_spread_widens_all_parts(given):
    scales = []
    for part in parts_of(given, conditions=True):
        assert isinstance(part.bijection, Chain)
        first = part.bijection.bijections[0]
        assert isinstance(first, Scale)
        scales.append(float(first.forward(np.ones(1))[0]))
    assert scales[0] == scales[1] >= 1.0


def test_a_file_keeps_it(three, x, tmp_path):
    three.save(tmp_path / "model.safetensors")
    again = pf.FlowDensity.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.score_samples(x), three.score_samples(x))
    np.testing.assert_array_equal(again.sample(20, random_state=1), three.sample(20, random_state=1))
    assert again.get_params()["ensemble"] == 3


def test_columns_of_all_kinds():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "size": rng.choice(["s", "m", "l"], 200),
            "count": rng.integers(0, 9, 200),
            "share": rng.uniform(0.1, 0.9, 200),
        }
    )
    density = pf.FlowDensity(**SMALL, ensemble=2, columns={"count": "integer", "share": "bounded(0, 1)"}).fit(frame)
    assert np.isfinite(density.score_samples(frame)).all()
    draws = density.sample(50, random_state=0)
    assert set(draws[:, 0]) <= {"s", "m", "l"}


def test_what_stands_alone_is_still_told_as_what_it_is():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.choice(["x", "y"], 200), "b": rng.choice(["u", "v", "w"], 200)})
    cells = pd.DataFrame([[a, b] for a in "xy" for b in "uvw"], columns=["a", "b"])
    density = pf.FlowDensity(max_epochs=3, random_state=0, ensemble=2).fit(frame)
    assert np.exp(density.score_samples(cells)).sum() == pytest.approx(1.0, abs=1e-5)
    given = pf.ConditionalFlowDensity(max_epochs=3, random_state=0, ensemble=2).fit(rng.normal(size=(200, 1)), frame)
    assert np.exp(given.score_samples(np.ones((6, 1)), cells)).sum() == pytest.approx(1.0, abs=1e-5)
    bits = rng.integers(0, 2, size=(200, 3)).astype(float)
    given = pf.ConditionalFlowDensity("made-bernoulli", max_epochs=3, random_state=0, ensemble=2)
    given.fit(rng.normal(size=(200, 1)), bits)
    every = np.array([[a, b, c] for a in (0.0, 1.0) for b in (0.0, 1.0) for c in (0.0, 1.0)])
    assert np.exp(given.score_samples(np.ones((8, 1)), every)).sum() == pytest.approx(1.0, abs=1e-5)


def test_the_best_of_a_few_is_fitted_in_an_ensemble(x, monkeypatch):
    chosen = []
    monkeypatch.setattr(auto, "compare_rows", lambda rows, candidates, **_: chosen.extend(candidates) or Best())
    density = pf.FlowDensity("auto", max_epochs=1, ensemble=2, random_state=0).fit(x)
    assert {candidate.ensemble for candidate in chosen} == {1}
    assert density.model_.recipe == "maf"
    ensemble, *background = parts_of(density)
    assert len(ensemble.components) == 2
    assert background


class Best:
    """A comparison that has found maf."""

    best = "maf"

    def to_json(self) -> dict:
        return {"flows": [], "folds": 3}


def test_one_gaussian_is_one(x):
    density = pf.FlowDensity("auto", ensemble=4, random_state=0).fit(x[:20])
    assert (density.model_.settings["flow"], density.model_.settings["ensemble"]) == ("gaussian", 1)


@pytest.mark.parametrize("count", [0, -1, 1.5, True, "two", None])
def test_no_number_of_flows(count, x):
    with pytest.raises(DataError, match="ensemble must be a whole number of flows"):
        pf.FlowDensity(**SMALL, ensemble=count).fit(x)
    with pytest.raises(DataError, match="ensemble must be"):  # before flows are compared
        pf.FlowDensity("auto", ensemble=count).fit(x)


def test_what_cannot_be_together(x, tmp_path):
    kept = tmp_path / "kept"
    with pytest.raises(UsageError, match="cannot be resumed"):
        pf.FlowDensity(**SMALL, ensemble=2, resume=True).fit(x)
    with pytest.raises(UsageError, match="keeps no checkpoint"):
        pf.FlowDensity(**SMALL, ensemble=2, checkpoint=kept).fit(x)
    holes = x.copy()
    holes[3, 0] = np.nan
    with pytest.raises(UsageError, match="of one flow"):
        pf.FlowDensity(**SMALL, ensemble=2, incomplete=True).fit(holes)
    with pytest.raises(UsageError, match="ensemble"):
        pf.FlowDensity(**SMALL, ensemble=2, epsilon=3.0, bounds={"x0": (-2, 3), "x1": (-2, 3)}).fit(x)
    with pytest.raises(ValueError, match="no one map"):
        pf.Gaussianizer(**SMALL, ensemble=2).fit(x)
    with pytest.raises(DataError, match="ensemble"):
        pf.FlowClassifier(**SMALL, ensemble=2).fit(x, x[:, 0] > 0)
