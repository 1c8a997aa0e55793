"""The temperature of categories: found on rows that were held out."""

from dataclasses import replace

import numpy as np
import pytest

from pushforward import FlowDensity
from pushforward.distributions import Mixture
from pushforward.modalities.table._flow import with_ends, without_ends
from pushforward.modalities.table._rows import taken
from pushforward.modalities.table.choice import _prepare
from pushforward.modalities.table.choice._folds import scores_of
from pushforward.modalities.table.choice._softness import _law, _with_temperature, softened

WEIGHTS = [0.97, 0.03]
COLUMNS = {"x0": "categorical", "x1": "unbounded+atoms(0)", "*": "unbounded"}


@pytest.fixture(scope="module")
def case():
    """A fit before its temperature is found, and rows that it has not learned."""
    kept = {}
    rng = np.random.default_rng(0)
    group = rng.integers(0, 3, 3000).astype(float)
    x = rng.normal(size=(3000, 2)) + group[:, None]
    x[:, 0] = np.where(rng.random(3000) < 0.2 + 0.2 * group, 0.0, x[:, 0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_prepare, "with_spread", lambda model, ready: kept.update(of=(model, ready)) or model)
        small = {"options": {"num_layers": 1, "width": 16, "depth": 1}, "max_epochs": 12, "random_state": 0}
        FlowDensity("maf", columns=COLUMNS, **small).fit(np.column_stack([group, x]))
    model, ready = kept["of"]
    return model, taken(ready.data, ready.held_out(ready).rows)


def at(model, temperature: float):
    """The model, or each part of its mixture, at a temperature."""
    flow, columns, _ = without_ends(model.flow, columns=True, conditions=False)
    if isinstance(flow, Mixture):
        flow = Mixture([_with_temperature(part, temperature) for part in flow.components], WEIGHTS)
    else:
        flow = _with_temperature(flow, temperature)
    return replace(model, flow=with_ends(flow, columns, None))


def found(model, apart) -> float:
    """By which the logits were divided."""
    before, after = (
        without_ends(m.flow, columns=True, conditions=False)[0] for m in (model, softened(model, apart, np.sum))
    )
    if isinstance(before, Mixture):
        before, after = before.components[0], after.components[0]
    first, last = _law(before).net.biases[-1], _law(after).net.biases[-1]
    return float(np.linalg.norm(first) / np.linalg.norm(last))


@pytest.mark.parametrize("parts", [1, 2])
def test_logits_that_are_too_large_are_divided_by_the_likeliest_temperature(case, parts):
    model, apart = case
    if parts == 2:
        flow, columns, _ = without_ends(model.flow, columns=True, conditions=False)
        both = Mixture([flow, _with_temperature(flow, 0.25)], WEIGHTS)
        model = replace(model, flow=with_ends(both, columns, None))
    sure = at(model, 0.4)
    grid = np.linspace(1.5, 3.5, 41)
    likeliest = grid[np.argmax([scores_of(at(sure, by), apart).sum() for by in grid])]
    assert 1.6 < likeliest < 3.4
    # Ten rows more, as the model has them, among 300: nearer to 1.
    assert 0.85 * likeliest < found(sure, apart) <= 1.02 * likeliest


def test_nothing_is_made_surer_and_few_rows_change_nothing(case):
    model, apart = case
    soft = at(model, 2.5)
    assert softened(soft, apart, np.sum) is soft
    few = taken(apart, np.arange(15))
    assert softened(at(model, 0.4), few, np.sum).flow is not None
    assert found(at(model, 0.4), few) == pytest.approx(1.0)


def test_numbers_alone_are_left_as_they_are(case):
    _, apart = case
    alone = FlowDensity("maf", options={"num_layers": 1, "width": 8}, max_epochs=1, random_state=0)
    model = alone.fit(np.random.default_rng(0).normal(size=(60, 3))).model_
    rows = apart._replace(x=replace(apart.x, values=np.random.default_rng(1).normal(size=(30, 3))))
    assert softened(model, rows, np.sum) is model


def test_a_table_of_categories_alone_is_softened_too():
    rng = np.random.default_rng(1)
    learned, other = (rng.integers(0, 8, (n, 4)).astype(float) for n in (200, 4000))
    settings = {"columns": {"*": "categorical"}, "max_epochs": 30, "patience": None, "learning_rate": 1e-2}
    found = FlowDensity(**settings, random_state=0).fit(learned).score(other)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_prepare, "with_spread", lambda model, ready: model)
        sure = FlowDensity(**settings, random_state=0).fit(learned).score(other)
    assert sure + 0.05 < found < -4 * np.log(8) + 0.05


def test_a_row_that_the_model_cannot_have_leaves_the_temperature_as_it_is(case):
    model, apart = case
    sure = at(model, 0.4)
    values = apart.x.values.copy()
    values[0, 2] = np.inf
    broken = apart._replace(x=replace(apart.x, values=values))
    assert found(sure, broken) == pytest.approx(found(sure, apart), rel=0.03)
