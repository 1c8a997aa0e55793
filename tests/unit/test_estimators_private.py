"""Private fits to tables: columns are declared, and no statistic of the rows is kept."""

import jax
import numpy as np
import pandas as pd
import pytest

import pushforward as pf
from pushforward import io
from pushforward._errors import DataError, UsageError

DECLARED = {
    "columns": {"hours": "integer(0,100)"},
    "bounds": {"age": (0, 120), "wage": (1, 1000)},
    "categories": {"sex": ["F", "M", "X"]},
}
SMALL = {"max_epochs": 2, "options": {"num_layers": 1, "width": 8}}


def people(seed: int, rows: int = 400) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": random.normal(30 + 10 * seed, 5.0 + seed, rows),
            "wage": random.lognormal(2.0 + seed, 0.3, rows),
            "hours": random.integers(10 * seed, 40 + 10 * seed, rows),
            "sex": random.choice(["F", "M"], rows, p=[0.2 + 0.2 * seed, 0.8 - 0.2 * seed]),
        }
    )


def fitted(seed: int, **given):
    settings = DECLARED | SMALL | {"epsilon": 3.0, "random_state": 7} | given
    return pf.FlowDensity("maf", **settings).fit(people(seed))


@pytest.fixture(scope="module")
def model():
    return fitted(0)


def test_files_of_different_rows_differ_in_trained_weights_alone(model, tmp_path):
    kept = []
    for number, each in enumerate((model, fitted(3))):
        each.save(tmp_path / f"{number}.safetensors")
        flow, metadata = io.read(tmp_path / f"{number}.safetensors")
        kept.append((pf.partition(flow), metadata))
    (first, said), (second, told) = kept
    assert said == told
    for a, b in zip(*(jax.tree.leaves(rest) for _, rest in (first, second)), strict=True):
        np.testing.assert_array_equal(a, b)
    same = [
        np.array_equal(a, b) for a, b in zip(*(jax.tree.leaves(params) for params, _ in (first, second)), strict=True)
    ]
    assert not all(same)


def test_nothing_of_the_seed_or_of_losses_is_kept(model, tmp_path):
    model.save(tmp_path / "m.safetensors")
    _, metadata = io.read(tmp_path / "m.safetensors")
    assert metadata["settings"]["random_state"] is None
    assert metadata["training"]["best_loss"] is None
    assert {epoch["train"] for epoch in metadata["training"]["history"]} == {None}
    assert not {"scores", "gain", "calibration"} & metadata["facts"].keys()
    privacy = pf.FlowDensity.load(tmp_path / "m.safetensors").model_.facts.privacy
    assert (privacy.epsilon, privacy.delta, privacy.steps) == (3.0, 1e-5, 2)
    assert privacy.spent <= 3.0


def test_the_same_seed_gives_other_noise(model):
    assert not np.array_equal(model.sample(3, random_state=0), fitted(0).sample(3, random_state=0))


def test_samples_are_what_was_declared(model):
    drawn = model.sample_table(500, random_state=0)
    assert drawn.categories["sex"] == ("F", "M", "X")
    assert drawn.column("hours").min() >= 0
    assert drawn.column("hours").max() <= 100


def test_limits_that_most_values_lie_outside_of_are_told():
    bounds = DECLARED["bounds"] | {"age": (100, 120)}
    with pytest.warns(UserWarning, match=r"400 of 400 values of 'age' lie outside of its limits, 100 to 120"):
        fitted(0, bounds=bounds)


def test_rows_of_undeclared_categories_are_left_out():
    with pytest.warns(UserWarning, match="with a category that is not declared left out"):
        fitted(0, categories={"sex": ["F", "X"]})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"bounds": {"age": (0, 120)}}, "column 'wage' has no limits: its mean, spread, least and greatest"),
        ({"categories": None}, "column 'sex' is categorical: which categories there are"),
        ({"bounds": {"age": (120, 0), "wage": (1, 9)}}, "120 to 0 are no limits"),
        (
            {"columns": {"hours": "integer(0,100)", "wage": "positive"}, "bounds": {"age": (0, 9), "wage": (0, 9)}},
            "wage",
        ),
        ({"bounds": {"agee": (0, 120), "wage": (1, 9)}}, "there is no column 'agee'"),
    ],
)
def test_columns_that_are_not_declared_are_named(given, words):
    with pytest.raises(DataError, match=words):
        fitted(0, **given)


@pytest.mark.parametrize(
    "given",
    [
        {"patience": 5},
        {"validation": 0.2},
        {"resume": True},
        {"background": True},
        {"flow": "auto"},
        {"incomplete": True},
    ],
)
def test_settings_that_look_at_the_rows_are_refused_by_name(given):
    settings = DECLARED | {"epsilon": 3.0, "random_state": 7, "flow": "maf"} | given
    with pytest.raises(UsageError, match=next(iter(given))):
        pf.FlowDensity(settings.pop("flow"), **settings).fit(people(0))


def test_other_estimators_make_no_promise():
    with pytest.raises(DataError, match="FlowOutlier has no `epsilon`"):
        pf.FlowOutlier("maf", epsilon=3.0).fit(np.zeros((10, 2)))


@pytest.mark.parametrize(
    "given", [{"bounds": {"age": (0, 120)}}, {"categories": {"sex": ["F"]}}, {"delta": 1e-6}, {"clip_norm": 2.0}]
)
def test_what_is_promised_needs_an_epsilon(given):
    for kind in (pf.FlowDensity, pf.FlowOutlier):
        with pytest.raises(UsageError, match=f"`{next(iter(given))}` .* is for private fits"):
            kind("affine", **given).fit(people(0)[["age", "wage"]])
    with pytest.raises(UsageError, match="has no `checkpoint`"):
        fitted(0, checkpoint="c.checkpoint")
