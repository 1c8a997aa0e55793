"""Comparisons of flows, and the flow that is chosen by one."""

import json

import numpy as np
import pytest
from sklearn.model_selection import KFold

import pushforward as pf
from pushforward._errors import DataError, UsageError
from pushforward.modalities.table.choice import _auto
from pushforward.modalities.table.choice._comparison import Compared, Comparison, mean_and_error
from pushforward.modalities.table.choice._folds import folds_of, with_schemas
from unit.test_choice_gaussian import rows_of

SMALL = {"options": {"num_layers": 2, "width": 8}, "max_epochs": 2}


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.normal(size=(40, 2)) @ [[1.0, 0.8], [0.0, 0.6]]


@pytest.fixture(scope="module")
def found(x) -> Comparison:
    return pf.compare(x, flows=["gaussian", pf.FlowDensity("realnvp", **SMALL)], folds=3)


def test_baselines_are_always_there_and_once(found):
    assert sorted(row.flow for row in found.rows) == ["gaussian", "independent", "realnvp"]
    assert (found.folds, found.num_rows) == (3, 40)


def test_the_best_comes_first_and_the_gaussian_beats_columns_apart(found):
    nats = [row.nats for row in found.rows]
    assert nats == sorted(nats)
    assert found["independent"].gain < 0 == found["gaussian"].gain


def test_gains_are_differences_on_the_same_rows(found):
    for row in found.rows:
        assert row.gain == pytest.approx(found["gaussian"].nats - row.nats, abs=1e-9)
    assert found["realnvp"].gain_error < found["realnvp"].error


def test_it_prints_as_a_table_and_is_plain_data(found):
    assert repr(found).splitlines()[0].split() == ["flow", "nats", "±", "better", "by", "±", "seconds", "note"]
    assert Comparison.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_every_row_is_held_out_once_and_all_folds_train_on_as_many():
    rows = with_schemas(rows_of(np.random.default_rng(0).normal(size=(11, 1))), None)
    parts = list(folds_of(rows, 3, seed=1))
    assert sorted(np.concatenate([part.places for part in parts])) == list(range(11))
    assert {part.training.x.num_rows for part in parts} == {7}
    for part in parts:
        assert not np.isin(part.training.x.values, part.held_out.x.values).any()


def test_the_standard_error_is_that_of_the_mean():
    values = np.random.default_rng(0).normal(size=50)
    mean, error = mean_and_error(values)
    assert (mean, error) == (pytest.approx(values.mean()), pytest.approx(values.std(ddof=1) / np.sqrt(50)))
    assert mean_and_error(values, np.full(50, 3.0)) == pytest.approx((mean, error))
    assert mean_and_error(np.array([1.0]))[1] == np.inf


def line(flow: str, nats: float | None, gain: float | None, error: float | None) -> Compared:
    return Compared(flow, nats, error, gain, error, nats, 1.0)


@pytest.mark.parametrize(
    ("gain", "error", "best"),
    [(0.5, 0.1, "nsf"), (0.05, 0.1, "gaussian"), (-0.5, 0.1, "gaussian"), (None, None, "gaussian")],
)
def test_a_flow_is_best_when_it_is_better_by_more_than_a_standard_error(gain, error, best):
    nats = None if gain is None else 3.0 - gain
    rows = (line("gaussian", 3.0, 0.0, 0.0), line("nsf", nats, gain, error), line("independent", 1.0, 2.0, 0.1))
    assert Comparison(rows, 5, 100).best == best


def test_a_flow_that_fails_says_so_and_the_others_go_on(x):
    def broken(dim, *, key):
        raise ValueError("it broke here")

    found = pf.compare(x, flows=[pf.FlowDensity(broken), pf.FlowDensity("realnvp", **SMALL)], folds=2)
    assert found["broken"].nats is None
    assert found["broken"].note == "fold 1: it broke here"
    assert found["realnvp"].nats is not None
    assert found.rows[-1].flow == "broken"
    assert "it broke here" in repr(found)


def test_two_settings_of_one_flow_are_told_apart(x):
    settings = [pf.FlowDensity("realnvp", **SMALL), pf.FlowDensity("realnvp", **SMALL | {"max_epochs": 1})]
    assert {"realnvp (1)", "realnvp (2)"} < {row.flow for row in pf.compare(x, flows=settings, folds=2).rows}


def test_the_density_of_y_given_x(x):
    found = pf.compare(x[:, :1], x[:, 1], flows=[], folds=4)
    # r = 0.8: given the other column, a standard normal column has a deviation of 0.6.
    assert found["independent"].nats - found["gaussian"].nats == pytest.approx(-np.log(0.6), abs=0.2)


def test_rows_that_are_held_out_decide_and_not_those_of_training(x):
    found = pf.compare(x, flows=[], folds=5)["gaussian"].nats
    order = KFold(5, shuffle=True, random_state=1)
    folds = [pf.compare(x[train], flows=[], folds=2) for train, _ in order.split(x)]
    assert found < np.mean([fold["gaussian"].nats for fold in folds])  # more rows to learn from


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"flows": ["nfs"]}, UsageError, "did you mean 'nsf'"),
        ({"flows": "nsf"}, UsageError, "must be a list"),
        ({"flows": ["glow"]}, UsageError, "for images"),
        ({"flows": ["sphere"]}, UsageError, "sphere"),
        ({"folds": 1}, UsageError, "at least 2"),
        ({"folds": 41}, UsageError, "2 to 40 folds"),
    ],
)
def test_what_cannot_be_compared_is_told(x, given, error, says):
    with pytest.raises(error, match=says):
        pf.compare(x, **given)


def test_a_column_that_is_constant_without_one_fold_is_told(x):
    spike = np.zeros((40, 1))
    spike[7] = 1.0
    with pytest.raises(DataError, match=r"fold . of 3, without its rows: column 'x2' is constant"):
        pf.compare(np.hstack([x, spike]), flows=[], folds=3)


def test_a_category_in_one_row_is_named_and_has_a_density(x):
    rows = np.array([["rare" if i == 3 else "often", *row] for i, row in enumerate(x)], object)
    found = pf.compare(rows, flows=[], folds=3)
    assert "'rare' in one row only" in found.notes[0]
    assert np.isfinite(found["gaussian"].nats)


def test_auto_keeps_one_gaussian_where_no_flow_is_better(x, tmp_path, monkeypatch):
    monkeypatch.setattr(_auto, "FLOWS", ("realnvp",))
    density = pf.FlowDensity("auto", max_epochs=1, random_state=0).fit(x)
    assert density.model_.recipe == density.comparison_.best == "gaussian"
    assert density.history_ == ()
    density.save(tmp_path / "m.safetensors")
    again = pf.FlowDensity.load(tmp_path / "m.safetensors")
    assert again.flow == "gaussian"
    assert again.comparison_ == density.comparison_
    np.testing.assert_array_equal(again.score_samples(x), density.score_samples(x))
    assert again.sample(5, random_state=0).shape == (5, 2)


def test_auto_takes_a_flow_that_is_better(monkeypatch):
    monkeypatch.setattr(_auto, "FLOWS", ("made-mog",))
    rng = np.random.default_rng(0)
    two = rng.normal(size=(300, 1)) * 0.1 + rng.choice([-1.0, 1.0], (300, 1))
    density = pf.FlowDensity("auto", max_epochs=30, random_state=0).fit(two)
    assert density.model_.recipe == "made-mog"
    assert density.comparison_["made-mog"].gain > 0.5
    assert density.get_params()["flow"] == "auto"


def test_auto_of_few_rows_is_one_gaussian_without_a_comparison(x):
    density = pf.FlowDensity("auto").fit(x[:20])
    assert (density.model_.recipe, density.comparison_) == ("gaussian", None)


def test_auto_given_conditions(x, monkeypatch):
    monkeypatch.setattr(_auto, "FLOWS", ())
    density = pf.ConditionalFlowDensity("auto").fit(x[:, :1], x[:, 1])
    slope = np.polyfit(x[:, 0], x[:, 1], 1)[0]
    rise = density.predict([[1.0]])[0] - density.predict([[0.0]])[0]
    assert rise == pytest.approx(slope, abs=0.1)


def test_auto_takes_no_options_of_a_flow(x):
    with pytest.raises(UsageError, match="takes no options"):
        pf.FlowDensity("auto", options={"width": 8}).fit(x)
    with pytest.raises(UsageError, match="cannot be resumed"):
        pf.FlowDensity("auto", resume=True, checkpoint="c", random_state=0).fit(x)
