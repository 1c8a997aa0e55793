"""Datasets of GluonTS, whose entries need none of it; and its forecasts and evaluators where it is installed."""

import sys

import numpy as np
import pandas as pd
import pytest

import pushforward as pf
from pushforward._errors import DataError
from pushforward.diagnostics import quantile_loss
from pushforward.interop.gluonts import GluonEstimator, GluonPredictor, read_dataset

SMALL = {"width": 8, "encoder_width": 8, "num_layers": 1}
AHEAD = 3


def entries(freq="D", steps=40, known=None):
    rng = np.random.default_rng(0)
    made = []
    for name, start in (("a", "2024-01-31"), ("b", "2024-02-29")):
        entry = {"item_id": name, "start": pd.Period(start, freq), "target": np.cumsum(rng.normal(size=steps))}
        made.append(entry if known is None else {**entry, "feat_dynamic_real": np.ones((1, known))})
    return made


@pytest.mark.parametrize(
    ("freq", "step", "first"),
    [("D", "day", "2024-01-31"), ("h", "hour", "2024-01-31"), ("M", "month", "2024-01-01"), ("Q", "3 months", None)],
)
def test_steps_are_those_of_the_periods(freq, step, first):
    data = read_dataset(entries(freq))
    assert data.grid.name == step
    assert data.names == ("target",)
    if first is not None:
        assert data.items[0].times[0] == np.datetime64(first, "s").astype(float)
    assert np.array_equal(data.items[1].values[:, 0], entries(freq)[1]["target"])


def test_several_series_and_features_have_an_axis_in_front():
    one = {"start": pd.Period("2024-01-01", "D"), "target": np.arange(20.0).reshape(2, 10)}
    data = read_dataset([{**one, "feat_dynamic_real": np.arange(30.0).reshape(3, 10)}])
    assert data.names == ("target_0", "target_1")
    assert data.items[0].values[1].tolist() == [1.0, 11.0]
    assert data.known == ("feat_dynamic_real_0", "feat_dynamic_real_1", "feat_dynamic_real_2")
    assert data.items[0].known[1].tolist() == [1.0, 11.0, 21.0]
    assert data.items[0].name == "0"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"start": "2024-01-01"}, "b: `start` is '2024-01-01', not a pandas period"),
        ({"start": pd.Period("2024-01", "M")}, "b: steps of M, but those of a are of D"),
        ({"target": np.ones((2, 40))}, "b: 2 series, but a has 1"),
        ({"feat_dynamic_real": np.ones((1, 40))}, "b: 1 feat_dynamic_real, but a has 0"),
        ({"feat_dynamic_real": np.ones((1, 39))}, "b: feat_dynamic_real has 39 steps, but 40 are needed"),
    ],
)
def test_entries_that_are_not_alike_are_named(change, said):
    first, second = entries()
    with pytest.raises(DataError, match=said):
        read_dataset([first, {**second, **change}])


def test_an_empty_dataset_and_a_forecaster_that_is_not_fitted_are_refused():
    with pytest.raises(DataError, match="no entry"):
        read_dataset([])
    with pytest.raises(DataError, match="not fitted"):
        GluonPredictor(pf.FlowForecaster())


def test_without_gluonts_forecasts_say_what_to_install(monkeypatch, predictor):
    monkeypatch.setitem(sys.modules, "gluonts.model.forecast", None)
    with pytest.raises(ImportError, match="extra `gluonts`"):
        next(predictor.predict(entries()))


@pytest.fixture(scope="module")
def predictor():
    forecaster = pf.FlowForecaster(horizon=AHEAD, options=SMALL, max_epochs=1, random_state=0)
    return GluonEstimator(forecaster).train(entries())


def test_forecasts_begin_behind_the_target(predictor):
    pytest.importorskip("gluonts")
    dataset = entries()
    dataset[1]["target"][-2:] = np.nan  # missing at the end, which is no future
    first, second = predictor.predict(dataset, num_samples=7)
    assert first.samples.shape == (7, AHEAD)
    assert (first.start_date, first.item_id) == (pd.Period("2024-03-11", "D"), "a")
    assert second.start_date == pd.Period("2024-04-09", "D")
    assert np.isfinite(second.samples).all()
    with pytest.raises(DataError, match="its steps are not those of the model, a day each"):
        next(predictor.predict(entries("h")))
    with pytest.raises(DataError, match="1 feat_dynamic_real, but the model knows 0"):
        next(predictor.predict(entries(known=43)))


def test_figures_of_its_evaluators_are_ours(predictor):
    pytest.importorskip("gluonts")
    from gluonts.evaluation import Evaluator, MultivariateEvaluator
    from gluonts.model.forecast import SampleForecast

    from pushforward.diagnostics._forecasts import LEVELS

    dataset = entries()
    before = [{**entry, "target": entry["target"][:-AHEAD]} for entry in dataset]
    forecasts = list(predictor.predict(before, num_samples=50))
    frames = [
        pd.Series(e["target"], pd.period_range(e["start"], periods=len(e["target"])), name=0).to_frame()
        for e in dataset
    ]
    found, _ = Evaluator(quantiles=LEVELS, num_workers=0)(iter(frames), iter(forecasts))
    paths = np.stack([forecast.samples for forecast in forecasts], axis=1)
    truth = np.stack([entry["target"][-AHEAD:] for entry in dataset])
    assert found["mean_wQuantileLoss"] == pytest.approx(quantile_loss(paths, truth), rel=1e-6)

    joint = np.stack([f.samples for f in forecasts], axis=-1)  # both as series of one entry
    start = frames[0].index[-AHEAD]
    table = pd.DataFrame(np.stack([e["target"] for e in dataset], axis=1), frames[0].index)
    evaluator = MultivariateEvaluator(quantiles=LEVELS, target_agg_funcs={"sum": np.sum})
    found, _ = evaluator(iter([table]), iter([SampleForecast(samples=joint, start_date=start)]))
    wanted = quantile_loss(joint.sum(axis=-1), truth.sum(axis=0))
    assert found["m_sum_mean_wQuantileLoss"] == pytest.approx(wanted, rel=1e-6)
