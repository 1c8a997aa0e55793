"""Series of whole numbers, dropout, items and covariates in the estimator, and long series in parts."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import pushforward as pf
from pushforward._errors import DataError
from pushforward.data.series._grid import Grid
from pushforward.data.series._series import Item, SeriesData, numbers_of
from pushforward.modalities import modality_named
from pushforward.modalities._learn import trained
from pushforward.modalities.series._facts import SeriesFacts
from pushforward.modalities.series._plain import VectorAutoregression
from pushforward.modalities.series._prepare import prepare
from pushforward.modalities.series._score import step_scores
from pushforward.modalities.series._settings import SeriesSettings
from pushforward.modalities.series._windows import windows

SMALL = {"width": 8, "encoder_width": 8, "num_layers": 1}


def data_of(*columns, names=None):
    values = np.column_stack([np.asarray(column, float) for column in columns])
    item = Item("", np.arange(float(len(values))), values, np.zeros((len(values), 0)), np.arange(1, len(values) + 1))
    return SeriesData(tuple(f"x{i}" for i in range(len(columns))), (item,), Grid("number", 1.0), "t", None)


def test_what_numbers_series_hold_is_found():
    whole = [3.0, np.nan, 0.0, 7.0]
    data = data_of(whole, [-1, 2, 0, 5], [0.5, 1, 2, 3], [np.nan] * 4, [2.0**25, 0, 1, 2])
    assert numbers_of(data) == ("count", "whole", "real", "real", "real")


def one_step(key, numbers):
    """A flow of one series and one step whose law, in real numbers, is a Gaussian around the last value."""
    flow = pf.flows.tempflow(1, horizon=1, context=1, lags=(1,), scaling="none", numbers=numbers, **SMALL, key=key)
    return eqx.tree_at(lambda f: f.linear, flow, flow.linear.at[0, 0].set(1.0))


def test_a_bound_of_a_probability_is_that_of_its_cell(key):
    flow = one_step(key, ("whole",))
    past = jnp.zeros(flow.cond_shape).at[: flow.past, 0].set(2.0)
    x = jnp.full((4000, 1, 1), 3.0)
    each = np.exp(np.asarray(flow.log_prob(x, past, key=key)))
    exact = np.diff(stats.norm(2.0).cdf([2.5, 3.5]))[0]
    assert each.mean() == pytest.approx(exact, abs=4 * each.std() / np.sqrt(len(each)))
    assert np.log(each).mean() < np.log(exact)
    assert flow.log_prob(jnp.full((1, 1), 2.5), past) == -np.inf
    assert not flow.exact


def test_samples_of_whole_numbers_have_the_probabilities_of_their_cells(key):
    flow, counts = one_step(key, ("whole",)), one_step(key, ("count",))
    past = jnp.zeros(flow.cond_shape)
    drawn = np.asarray(flow.sample(key, 4000, past)).ravel()
    assert np.array_equal(drawn, np.round(drawn))
    share = np.diff(stats.norm.cdf([-1.5, -0.5]))[0]
    assert np.mean(drawn == -1.0) == pytest.approx(share, abs=4 * np.sqrt(share / 4000))
    assert np.array_equal(np.asarray(counts.sample(key, 4000, past)).ravel(), np.maximum(drawn, 0.0))
    assert counts.log_prob(jnp.full((1, 1), -1.0), past) == -np.inf
    assert counts.support.contains(jnp.zeros((1, 1)), event_ndim=2)


def test_numbers_that_are_not_what_is_said_are_refused(key):
    y = np.arange(40.0)[:, None] * 0.5
    with pytest.raises(DataError, match="'count' for series 'x0', of which a value is not a whole number"):
        pf.FlowForecaster(horizon=3, options={**SMALL, "numbers": ("count",)}).fit(y)
    with pytest.raises(ValueError, match="unknown kind of numbers 'counts'; did you mean 'count'"):
        pf.flows.tempflow(1, numbers=("counts",), key=key)


@pytest.mark.parametrize("encoder", ["gru", "lstm", "transformer"])
def test_dropout_is_there_in_steps_of_training_alone(key, encoder):
    flow = pf.flows.tempflow(2, horizon=3, context=3, encoder=encoder, dropout=0.5, **SMALL, key=key)
    # An emission starts as its base, which sees no condition.
    flow = jax.tree.map(lambda leaf: leaf + 0.1 if eqx.is_inexact_array(leaf) else leaf, flow)
    x, condition = jnp.ones((5, *flow.event_shape)), jnp.zeros((5, *flow.cond_shape)).at[..., :2].set(1.0)
    batch = pf.objectives.Batch(x, condition)
    keys = jax.random.split(key)
    asked = [pf.objectives.nll(flow, batch, key=k)[0] for k in keys]
    learned = [pf.objectives.nll(flow, batch._replace(progress=jnp.zeros(())), key=k)[0] for k in keys]
    assert asked[0] == asked[1] == -flow.log_prob(x, condition).mean()
    assert learned[0] != learned[1]


def test_dropout_keeps_the_mean():
    drop = pf.nets._recurrent.Dropout(jax.random.key(0), 0.25)
    x = np.asarray(drop(jnp.ones(40_000), 1))
    assert np.unique(x).tolist() == pytest.approx([0.0, 4 / 3])
    assert x.mean() == pytest.approx(1.0, abs=4 * np.sqrt(0.25 / 0.75 / 40_000))


def test_windows_cut_from_parts_are_those_of_the_whole(monkeypatch):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(50, 2))
    values[[0, 1, 20, 21], 0] = np.nan
    data = data_of(*values.T)
    facts = SeriesFacts.of(data, calendar=False)
    starts = [(0, s) for s in range(2, 48)]
    whole = windows(facts, data.items, starts, 7, 5)
    monkeypatch.setattr("pushforward.modalities.series._windows.BLOCK", 3)
    parts = windows(facts, data.items, starts, 7, 5)
    assert all(np.array_equal(*pair) for pair in zip(whole, parts, strict=True))
    found, missing = data.items[0].filled
    np.testing.assert_array_equal(whole.condition[20, :7, :2], found[15:22].astype(np.float32))
    np.testing.assert_array_equal(whole.condition[20, :, 2:4], missing[15:27])
    assert whole.condition[0, :5, 2:4].all()  # before the first step everything is missing


def test_a_fit_is_judged_by_its_last_windows(key):
    data = data_of(np.cumsum(np.random.default_rng(0).normal(size=60)) + 0.5)
    settings = SeriesSettings(horizon=3, options=SMALL, max_epochs=2, validation=0.2, calendar=False)
    ready = prepare(data, settings, key)
    model = trained(modality_named("series"), ready, settings, key)
    stops = np.arange(48, 58)  # of 60 steps the last fifth, which no window of training reaches
    last = np.column_stack([np.zeros_like(stops), stops])
    found = windows(ready.facts, data.items, last, model.flow.past, 3)
    loss = -float(jnp.mean(model.flow.log_prob(jnp.asarray(found.x), jnp.asarray(found.condition))))
    assert model.result.best_loss == pytest.approx(loss, rel=1e-4)
    assert len(ready.x) == 44  # from behind the second step to three before the 48th
    assert model.settings["validation"] == 0.2


def test_scores_in_blocks_are_those_of_one_block(monkeypatch):
    data = data_of(np.random.default_rng(0).normal(size=60))
    facts = SeriesFacts.of(data, calendar=False)
    flow = pf.flows.tempflow(1, horizon=4, context=4, **SMALL, key=jax.random.key(0))
    whole = step_scores(flow, facts, data.items[0])
    monkeypatch.setattr("pushforward.modalities.series._score.ROWS", 4)
    np.testing.assert_allclose(step_scores(flow, facts, data.items[0]), whole, rtol=1e-5)


def test_a_vector_autoregression_has_the_density_of_its_law():
    matrices = np.array([[[0.5, 0.1], [0.0, 0.3]], [[0.1, 0.0], [0.2, -0.1]]])
    law = VectorAutoregression(np.array([1.0, -1.0]), matrices, np.array([[1.0, 0.4], [0.4, 2.0]]))
    rng = np.random.default_rng(0)
    history, truth = rng.normal(size=(5, 2)), rng.normal(size=(3, 2))
    every = np.concatenate([history, truth])
    means = [law.constant + matrices[0] @ every[t - 1] + matrices[1] @ every[t - 2] for t in range(5, 8)]
    wanted = [stats.multivariate_normal(m, law.noise).logpdf(x) for m, x in zip(means, truth, strict=True)]
    np.testing.assert_allclose(law.log_prob(history, truth), wanted)
    drawn = law.paths(history, 1, 4000, rng)[:, 0]
    np.testing.assert_allclose(drawn.mean(axis=0), means[0], atol=4 * np.sqrt(2 / 4000))


@pytest.fixture(scope="module")
def stores():
    """Two stores of whole sales with a promotion that is known ahead, and a forecaster of them."""
    rng = np.random.default_rng(0)
    days = np.datetime64("2024-01-01") + np.arange(60)
    rows = [
        {"day": str(d), "store": s, "promo": float(i % 3 == 0), "sales": float(rng.poisson(4.0 + 6.0 * (i % 3 == 0)))}
        for s in ("north", "south")
        for i, d in enumerate(days)
    ]
    forecaster = pf.FlowForecaster(horizon=3, options=SMALL, max_epochs=1, random_state=0)
    return rows, forecaster.fit(rows, time="day", item="store", known=["promo"])


def ahead(rows):
    """The last three sales taken away: what is known ahead stays."""
    last = sorted({row["day"] for row in rows})[-3:]
    return [{**row, "sales": None if row["day"] in last else row["sales"]} for row in rows]


def test_items_and_covariates_are_taken_from_a_frame(stores):
    rows, forecaster = stores
    paths = forecaster.sample_paths(ahead(rows), 10, random_state=0)
    assert paths.shape == (2, 10, 3, 1)
    assert np.array_equal(paths, np.maximum(np.round(paths), 0.0))
    assert forecaster.predict_quantiles(ahead(rows), [0.1, 0.9]).shape == (2, 2, 3, 1)
    assert forecaster.model_.facts.items == ("north", "south")
    assert forecaster.flow_.numbers == ("count",)
    with pytest.raises(DataError, match="0 rows of store 'north' behind the last value") as error:
        forecaster.predict(rows)
    assert "add 3 rows" in error.value.hint
    with pytest.raises(DataError, match="store 'west' was not seen in training"):
        forecaster.predict([{**row, "store": "west"} for row in ahead(rows)[:60]])
    with pytest.raises(DataError, match="an array has no columns for `time` and `item` and `known`"):
        forecaster.predict(np.ones((10, 1)))


def test_a_loaded_forecaster_has_the_settings_of_its_fit(stores, tmp_path):
    rows, forecaster = stores
    forecaster.save(tmp_path / "m.safetensors")
    again = pf.FlowForecaster.load(tmp_path / "m.safetensors")
    assert again.get_params() == forecaster.get_params()
    assert np.array_equal(again.score_samples(rows), forecaster.score_samples(rows), equal_nan=True)


def test_scores_of_items_stand_behind_each_other(stores):
    rows, forecaster = stores
    scores = forecaster.score_samples(rows)
    assert scores.shape == (120,)
    assert np.flatnonzero(np.isnan(scores)).tolist() == [0, 1, 60, 61]
    assert np.array_equal(scores, forecaster.score_samples(rows), equal_nan=True)
    assert forecaster.score(rows) == np.nanmean(scores)


@pytest.mark.parametrize(
    ("flow", "said"), [("maf", "'maf' is not a flow of series"), ("foo", "'foo' is not a flow"), (3, "3 is not a flow")]
)
def test_what_is_no_flow_of_series_is_refused(flow, said):
    with pytest.raises(DataError, match=said) as error:
        pf.FlowForecaster(flow, horizon=2).fit(np.arange(50.0) ** 0.5)
    assert "tempflow" in error.value.hint


@pytest.mark.parametrize("temperature", [0.0, -1.0, np.nan, np.inf])
def test_a_temperature_of_paths_is_positive(stores, temperature):
    rows, forecaster = stores
    with pytest.raises(DataError, match="temperature must be positive"):
        forecaster.sample_paths(ahead(rows), 5, temperature=temperature)
    with pytest.raises(DataError, match="n_paths must be a whole number of at least 1, got 0"):
        forecaster.sample_paths(ahead(rows), 0)


def test_an_infinite_value_of_a_series_is_refused(stores):
    with pytest.raises(DataError, match="y: row 4 has an infinite value in column 'x0'"):
        pf.FlowForecaster(horizon=2).fit(np.where(np.arange(50) == 3, np.inf, np.arange(50.0)))


@pytest.mark.slow
def test_rows_without_times_are_numbered_item_by_item(stores):
    rows, _ = stores
    mixed = [row for pair in zip(rows[:60], rows[60:], strict=True) for row in pair]
    bare = [{name: row[name] for name in ("store", "sales")} for row in mixed]
    forecaster = pf.FlowForecaster(horizon=3, options=SMALL, max_epochs=1, random_state=0).fit(bare, item="store")
    assert forecaster.predict(bare).shape == (2, 3, 1)
    assert forecaster.model_.facts.items == ("north", "south")


@pytest.mark.slow
def test_gaps_are_filled_where_that_is_said(stores):
    rows = [row for row in stores[0] if row["store"] == "north"]
    gap = [{"day": row["day"], "sales": row["sales"]} for i, row in enumerate(rows) if i != 30]
    with pytest.raises(DataError, match="a gap of 1 step") as error:
        pf.FlowForecaster(horizon=3).fit(gap, time="day")
    assert "fill_gaps=True" in error.value.hint
    small = {"horizon": 3, "options": SMALL, "max_epochs": 1, "random_state": 0}
    assert pf.FlowForecaster(**small, fill_gaps=True).fit(gap, time="day").predict(gap).shape == (3, 1)
