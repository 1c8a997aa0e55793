"""Scores of odd rows: density, distance to draws and to rows, all."""

import dataclasses
from typing import Any

import numpy as np
import pytest

import pushforward as pf
from pushforward import FlowOutlier
from pushforward.data import Column, Schema
from pushforward.distributions import MultivariateNormal, Normal
from pushforward.modalities.table._chunks import TableFlow
from pushforward.modalities.table.oddity import _places
from pushforward.modalities.table.oddity._calibration import Calibration
from pushforward.modalities.table.oddity._places import MOST_ROWS, Places
from pushforward.modalities.table.oddity._scores import DRAWS, FAR_WEIGHT, NEAR_WEIGHT, NEAREST, SHARE, Oddity

SMALL: Any = {"options": {"num_layers": 2, "width": 8}, "max_epochs": 5, "random_state": 0}


@pytest.fixture(scope="module")
def model() -> TableFlow:
    law = MultivariateNormal(np.zeros(2), np.array([[1.0, 0.95], [0.95, 1.0]]))
    return TableFlow(law, Schema([Column("a", "unbounded"), Column("b", "unbounded")]))


def test_the_distance_is_that_to_a_draw_of_its_rank(model):
    score = Oddity(model, "distance")
    x = np.array([[0.3, -0.2], [4.0, 4.0], [-1.0, 2.0]])
    seen = np.concatenate(list(score._draws.seen(model.schema, x)))
    apart = np.linalg.norm(seen[:, None] - score._draws.points[None], axis=2)
    np.testing.assert_allclose(-score(x), np.sort(apart, axis=1)[:, round(SHARE * DRAWS) - 1], rtol=1e-4)


def test_both_sees_what_does_not_go_together_and_what_is_far(model):
    score, density = Oddity(model, "both"), Oddity(model, "density")
    ordinary, apart, far = np.array([[0.5, 0.5]]), np.array([[1.5, -1.5]]), np.array([[9.0, 9.0]])
    assert score(ordinary) > score(apart)
    assert score(ordinary) > score(far)
    np.testing.assert_allclose(density(far), model.flow.log_prob(far), rtol=1e-5)


def test_all_is_a_sum_of_the_density_the_nearest_rows_and_the_middle_draw(model):
    rng = np.random.default_rng(0)
    rows = Places.of(model.schema, rng.multivariate_normal(np.zeros(2), model.flow.covariance, 300))
    score, x = Oddity(model, "all", rows), np.array([[0.3, -0.2], [4.0, 4.0], [-1.0, 2.0]])
    apart = np.sort(np.linalg.norm(rows.points[:, None] - rows.points[None], axis=2), axis=1)
    own = apart[:, 1 : NEAREST + 1].mean(axis=1)  # the nearest of a row is itself
    seen = (x - rows.middle) / rows.deviation
    near = np.sort(np.linalg.norm(seen[:, None] - rows.points[None], axis=2), axis=1)[:, :NEAREST].mean(axis=1)
    drawn = score._draws
    seen = (x - drawn.middle) / drawn.deviation
    far = np.median(np.linalg.norm(seen[:, None] - drawn.points[None], axis=2), axis=1)
    own_far = np.median(np.linalg.norm(drawn.points[:, None] - drawn.points[None], axis=2), axis=1)

    def scaled(values, known):
        off = (values - np.median(known)) / np.median(np.abs(known - np.median(known)))
        return np.sign(off) * np.log1p(np.abs(off))

    density = np.asarray(model.flow.log_prob(x))
    densities = np.asarray(model.flow.log_prob(drawn.points * drawn.deviation + drawn.middle))
    wanted = -scaled(-density, -densities) - NEAR_WEIGHT * scaled(near, own) - FAR_WEIGHT * scaled(far, own_far)
    np.testing.assert_allclose(score(x), wanted, rtol=0.01)


def test_a_file_keeps_few_rows(model):
    many = Places.of(model.schema, np.random.default_rng(0).normal(size=(5000, 2)))
    few = many.few(seed=0)
    assert few.points.shape == (MOST_ROWS, 2)
    assert np.isin(few.points[:, 0], many.points[:, 0].round(4)).all()
    wide = Places(np.zeros(1), np.ones(1), np.zeros((5000, 2**13))).few(seed=0)
    assert len(wide.points) == 16
    again = Places.from_json(few.to_json())
    for one, other in zip(few, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_row_that_cannot_be_is_odder_than_any_other():
    schema = Schema([Column("a", "positive"), Column("b", "unbounded")])

    law = Normal(np.zeros(2), 1.0)
    score = Oddity(TableFlow(law, schema), "both")
    found = score(np.array([[-1.0, 0.0], [50.0, 50.0]]))
    assert found[0] == -np.inf
    assert np.isfinite(found[1])


def test_angles_meet_and_categories_are_equally_far_from_each_other():
    schema = Schema([Column("hour", "circular", 0.0, 24.0), Column("c", "categorical", categories=("x", "y", "z"))])
    rows = np.array([[23.9, 0.0], [0.1, 0.0], [12.0, 0.0], [0.1, 1.0], [0.1, 2.0]])
    seen = Places.of(schema, rows).points
    apart = np.linalg.norm(seen[:, None] - seen[None], axis=2)
    assert apart[0, 1] < 0.1 < apart[0, 2]
    assert apart[1, 3] == apart[1, 4] == apart[3, 4] == pytest.approx(np.sqrt(2))


def test_a_few_outliers_in_the_fit_do_not_make_a_group_of_their_own():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(570, 4)), rng.normal(size=(30, 4)) * 0.2 + 2.5])
    new = np.concatenate([rng.normal(size=(200, 4)), rng.normal(size=(20, 4)) * 0.2 + 2.5])
    odd = np.arange(220) >= 200

    def share_found(by: str) -> float:
        fitted = FlowOutlier("maf", score_by=by, trim=False, **SMALL | {"max_epochs": 40}).fit(x)
        scores = fitted.score_samples(new)
        return float(np.mean(scores[odd][:, None] < scores[~odd][None]))

    assert share_found("both") > share_found("density") + 0.1


def test_files_remember_the_score_and_older_ones_have_the_density(tmp_path):
    x = np.random.default_rng(0).normal(size=(200, 2))
    for by in ("all", "distance"):
        fitted = FlowOutlier("affine", score_by=by, max_epochs=1, random_state=0).fit(x)
        fitted.save(tmp_path / "o.safetensors")
        loaded = FlowOutlier.load(tmp_path / "o.safetensors")
        assert loaded.score_by == by
        np.testing.assert_array_equal(loaded.p_values(x), fitted.p_values(x))
        assert (loaded.model_.facts.calibration.rows is None) == (by != "all")
    assert Calibration.from_json({"scores": [1.0, None], "unseen": True}).by == "density"
    settings = dict(fitted.model_.settings)
    settings["outlier"] = {name: value for name, value in settings["outlier"].items() if name != "score_by"}
    facts = dataclasses.replace(fitted.model_.facts, calibration=Calibration((0.0,), unseen=True))
    older = FlowOutlier.from_model(dataclasses.replace(fitted.model_, settings=settings, facts=facts))
    np.testing.assert_array_equal(older.score_samples(x), pf.FlowDensity.score_samples(older, x))


def test_a_table_of_float32_is_scored_the_same_after_a_reload(tmp_path):
    x = np.random.default_rng(0).normal(size=(400, 3)).astype(np.float32)
    fitted = FlowOutlier("affine", max_epochs=1, random_state=0).fit(x)
    fitted.save(tmp_path / "o.safetensors")
    np.testing.assert_array_equal(
        FlowOutlier.load(tmp_path / "o.safetensors").score_samples(x), fitted.score_samples(x)
    )


def test_what_was_calibrated_decides_the_score():
    x = np.random.default_rng(0).normal(size=(200, 2))
    fitted = FlowOutlier("affine", score_by="both", max_epochs=1, random_state=0).fit(x)
    before = fitted.score_samples(x)
    np.testing.assert_array_equal(fitted.set_params(score_by="all").score_samples(x), before)


def test_rows_are_placed_a_few_at_a_time(model, monkeypatch):
    rows = Places.of(model.schema, np.random.default_rng(0).normal(size=(50, 2)))
    x = np.random.default_rng(1).normal(size=(7, 2))
    whole = Oddity(model, "all", rows)(x)
    monkeypatch.setattr(_places, "PLACED", 4)
    assert len(list(rows.seen(model.schema, x))) == 4
    np.testing.assert_allclose(Oddity(model, "all", rows)(x), whole, rtol=1e-12)


def test_one_row_that_is_kept_has_no_other():
    alone = Places(np.zeros(1), np.ones(1), np.zeros((1, 1)))
    assert alone.near(alone.points, 20, own=True).tolist() == [0.0]
    assert alone.distance(alone.points, 1, own=True).tolist() == [0.0]


def test_a_score_that_is_not_there_is_refused_with_what_is_like_it():
    with pytest.raises(pf.DataError, match="did you mean 'density'"):
        FlowOutlier("affine", score_by="densty").fit(np.zeros((50, 2)))
