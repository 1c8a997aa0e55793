"""`fit`, `forecast`, `backtest` and `score` of series, and the estimator."""

import json

import numpy as np
import pytest

import pushforward as pf
from cli.shell import run_command
from pushforward.estimators import FlowForecaster, load_estimator

TINY = ("--set", "width=8", "--set", "encoder_width=8", "--set", "num_layers=1", "--max-epochs", "1")
STEPS = 120


def wide(path, steps=STEPS, gap=None):
    rng = np.random.default_rng(0)
    values = np.cumsum(rng.normal(size=(steps, 2)), axis=0)
    days = np.datetime64("2024-01-01") + np.arange(steps).astype("timedelta64[D]")
    rows = [f"{d},{a:.4f},{b:.4f}" for d, (a, b) in zip(days, values, strict=True)]
    path.write_text("\n".join(["date,a,b", *(row for i, row in enumerate(rows) if i != gap)]) + "\n")
    return path


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("series")
    data, model = wide(folder / "d.csv"), folder / "m.safetensors"
    result = run_command("fit", data, "-o", model, "--flow", "tempflow", "--time", "date", "--horizon", "4", *TINY)
    assert result.exit_code == 0, result.stderr
    assert "2 series of 120 steps of a day" in result.stderr
    assert "nats per step" in result.stderr
    return model, data


def test_a_forecast_has_a_row_for_each_step(works, fitted, tmp_path):
    works("forecast", *fitted, "--quantile", "0.1,0.9", "-o", tmp_path / "f.csv")
    table = pf.data.read_table(tmp_path / "f.csv")
    assert table.names == ("date", "a_0.1", "a_0.9", "b_0.1", "b_0.9")
    assert (tmp_path / "f.csv").read_text().splitlines()[1].strip('"').startswith("2024-04-30")
    assert (table.column("a_0.1") < table.column("a_0.9")).all()
    assert table.num_rows == 4


def test_paths_are_those_of_the_estimator(works, fitted, tmp_path):
    model, data = fitted
    works("forecast", model, data, "--paths", "3", "--seed", "5", "-o", tmp_path / "p.csv")
    table = pf.data.read_table(tmp_path / "p.csv")
    assert table.names == ("date", "path", "a", "b")
    assert table.column("path").tolist() == [1.0] * 4 + [2.0] * 4 + [3.0] * 4
    forecaster = load_estimator(model)
    assert isinstance(forecaster, FlowForecaster)
    paths = forecaster.sample_paths(pf.data.read_table(data), 3, random_state=0)
    assert paths.shape == (3, 4, 2)


def test_a_backtest_stands_beside_plain_forecasts(works, fitted):
    found = json.loads(works("backtest", *fitted, "--windows", "2", "--paths", "10", "--json", "-q").stdout)
    assert found["windows"] == 2
    assert {"flow", "independent", "seasonal naive"} <= found["scores"].keys()
    flow, apart = found["scores"]["flow"], found["scores"]["independent"]
    assert flow["crps"] == pytest.approx(apart["crps"])
    assert all(np.isfinite(value) for value in flow.values())


def test_pictures_of_a_forecast(works, fails, fitted, tmp_path):
    for what in ("fan", "correlations"):
        works("plot", *fitted, "--what", what, "-o", tmp_path / f"{what}.png")
        assert (tmp_path / f"{what}.png").stat().st_size > 3000
    assert "needs a past" in fails("plot", fitted[0], "--what", "fan", "-o", tmp_path / "no.png", code=2)[0]


def test_scores_are_a_row_for_each_step(works, fitted, tmp_path):
    works("score", *fitted, "-o", tmp_path / "s.csv")
    lines = (tmp_path / "s.csv").read_text().splitlines()
    assert lines[0] == "date,log_prob"
    assert len(lines) == STEPS + 1


def test_bad_series_are_refused_in_words(fails, fitted, tmp_path):
    model, _ = fitted
    gap = wide(tmp_path / "gap.csv", gap=50)
    error, hint = fails("forecast", model, gap)
    assert "a gap of 1 step of a day between row 50, 2024-02-19, and row 51, 2024-02-21" in error
    assert "--fill-gaps" in hint
    short = wide(tmp_path / "short.csv", steps=10)
    told = ("-o", tmp_path / "x.safetensors", "--flow", "tempflow")
    error, hint = fails("fit", short, *told, "--time", "date", "--horizon", "30")
    assert "a horizon of 30 steps, but a history of 10" in error
    assert "--horizon" in hint
    error, hint = fails("fit", short, *told, code=2)
    assert "--time" in hint
    error, hint = fails("sample", model, "-n", "3", code=2)
    assert "forecast" in hint


def test_an_item_unseen_and_covariates_that_are_missing_are_named(works, fails, tmp_path):
    days = [str(np.datetime64("2024-01-01") + np.timedelta64(i, "D")) for i in range(40)]
    head, model = "date,store,promo,sales", tmp_path / "m.safetensors"

    def long(name, stores, ahead=0):
        lines = [
            f"{d},{s},{i % 3},{'' if i >= 40 - ahead else (i * 7) % 11}" for s in stores for i, d in enumerate(days)
        ]
        path = tmp_path / name
        path.write_text("\n".join([head, *lines]) + "\n")
        return path

    told = ("--flow", "tempflow", "--time", "date", "--item", "store", "--known", "promo", "--horizon", "3", *TINY)
    works("fit", long("a.csv", ["n", "s"]), "-o", model, *told)
    error, hint = fails("forecast", model, long("b.csv", ["n", "s"]))
    assert "0 rows of store 'n' behind the last value" in error
    assert "add 3 rows with date and promo" in hint
    error, _ = fails("forecast", model, long("c.csv", ["n", "west"], ahead=3))
    assert "store 'west' was not seen in training" in error
    out = works("forecast", model, long("d.csv", ["n", "s"], ahead=3), "--quantile", "0.5").stdout.splitlines()
    assert out[0] == "store,date,sales_0.5"
    assert len(out) == 7


def test_one_series_with_gaps_is_fitted_as_an_array():
    y = np.sin(np.arange(80) / 3.0)
    y[20] = np.nan
    options = {"width": 8, "encoder_width": 8, "num_layers": 1, "emission": "nsf"}
    forecaster = FlowForecaster(horizon=3, options=options, max_epochs=1, random_state=0).fit(y)
    assert forecaster.predict_quantiles(y).shape == (3, 3, 1)
    assert np.isfinite(forecaster.predict(y)).all()


@pytest.mark.parametrize("command", ["outliers", "impute", "predict", "classify"])
def test_commands_of_other_models_are_refused(fails, fitted, tmp_path, command):
    model, data = fitted
    error, hint = fails(command, model, data, "-o", tmp_path / "o.csv", code=2)
    assert f"`{command}` is for models of" in error
    assert hint.startswith("give a model that was fitted to")
