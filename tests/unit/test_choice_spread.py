"""The spread of a density: found on rows that were held out."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pushforward import ConditionalFlowDensity, FlowDensity
from pushforward.bijections import Chain, Scale
from pushforward.distributions import Mixture, Transformed
from pushforward.modalities._model import Model
from pushforward.modalities.table._flow import with_ends, without_ends
from pushforward.modalities.table._rows import taken
from pushforward.modalities.table.choice import _prepare
from pushforward.modalities.table.choice._background import likeliest_weights, with_background
from pushforward.modalities.table.choice._folds import scores_of
from pushforward.modalities.table.choice._spread import _known_wider, row_counts, widened, with_spread

SMALL = {"options": {"num_layers": 2, "width": 64}, "max_epochs": 150, "patience": 150, "random_state": 0}


def rows(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Responses sin(2 x0) + noise of 0.5, with columns that say nothing: a flow of few rows learns them by heart."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(count, 8))
    return X, 10.0 + 3.0 * (np.sin(2 * X[:, 0]) + 0.5 * rng.normal(size=count))


@pytest.fixture(scope="module")
def fitted() -> ConditionalFlowDensity:
    return ConditionalFlowDensity("maf", **SMALL).fit(*rows(400, 0))


def test_a_flow_that_is_too_sure_gets_the_spread_of_the_held_out_rows(monkeypatch):
    kept = {}
    monkeypatch.setattr(_prepare, "with_spread", lambda model, ready: kept.update(model=model, ready=ready) or model)
    ConditionalFlowDensity("maf", **SMALL | {"max_epochs": 5}).fit(*rows(400, 0))
    model, ready = kept["model"], kept["ready"]

    def narrowed(by: float) -> Model:
        flow, columns, embedding = without_ends(model.flow, columns=True, conditions=True)
        narrow = Transformed(flow.base, Chain([Scale(jnp.full((1,), by)), flow.bijection]))
        return replace(model, flow=with_ends(narrow, columns, embedding))

    def scale_of(found: Model) -> float:
        flow = without_ends(found.flow, columns=True, conditions=True)[0]
        return float(flow.bijection.bijections[0].forward(np.ones(1))[0])

    held_out = ready.held_out(ready).rows
    apart, grid = taken(ready.data, held_out), np.linspace(0.6, 1.6, 51)
    likeliest = grid[np.argmax([scores_of(narrowed(by), apart).mean() for by in grid])]
    count = len(held_out)
    expected = np.sqrt((count * (likeliest / 0.5) ** 2 + 10) / (count + 10))  # ten rows more
    assert scale_of(with_spread(narrowed(0.5), ready)) == pytest.approx(expected, rel=0.03)
    assert scale_of(with_spread(narrowed(2.0), ready)) == 1.0  # never surer
    assert scale_of(with_spread(narrowed(1e-3), ready)) == 1.0  # beyond what it mends


@pytest.mark.filterwarnings("ignore:condition 'x")  # a few of the new rows lie far out
def test_intervals_hold_what_they_say(fitted):
    X, y = rows(4000, 1)
    low, high = fitted.interval(X, 0.9).T
    inside = np.mean((y >= low) & (y <= high))
    assert 0.84 < inside < 0.96


def test_a_density_integrates_to_one_and_a_file_keeps_it(fitted, tmp_path):
    X, _ = rows(1, 5)
    grid = np.linspace(-15, 35, 4001)
    log_prob = fitted.score_samples(np.repeat(X, len(grid), axis=0), grid)
    assert np.trapezoid(np.exp(log_prob), grid) == pytest.approx(1.0, abs=2e-3)
    fitted.save(tmp_path / "model.safetensors")
    again = ConditionalFlowDensity.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.interval(X, 0.9), fitted.interval(X, 0.9))


def test_without_rows_held_out_nothing_changes():
    X, y = rows(100, 0)
    for settings in ({"validation": None}, {}):  # none are held out, or ten
        model = ConditionalFlowDensity("affine", max_epochs=2, random_state=0, **settings).fit(X, y)
        flow = without_ends(model.flow_, columns=True, conditions=True)[0]
        added = flow.bijection.bijections[0] if isinstance(flow.bijection, Chain) else Scale(jnp.ones(1))
        np.testing.assert_array_equal(added.forward(np.ones(1)), 1.0)


def judged(count: int, **settings) -> tuple[Model, object]:
    """A joint fit of so many rows before its background is found, and what it was fitted to."""
    kept = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_prepare, "with_background", lambda model, ready: kept.update(of=(model, ready)) or model)
        FlowDensity("maf", **SMALL, **settings).fit(rows(count, 0)[0][:, :4])
    return kept["of"]


@pytest.fixture(scope="module")
def joint() -> tuple[Model, object]:
    return judged(300)


def scale_of(model: Model) -> np.ndarray:
    flow = without_ends(model.flow, columns=True, conditions=False)[0]
    return np.asarray(flow.bijection.bijections[0].forward(np.ones(4)))


@pytest.mark.parametrize("weighted", [False, True])
def test_a_joint_density_is_as_wide_as_the_noise_of_rows_that_were_not_learned(weighted, joint):
    model, ready = joint
    held_out = ready.held_out(ready).rows
    apart, count = taken(ready.data, held_out), len(held_out)
    weights = np.linspace(0.5, 3.0, count) if weighted else None
    counts = row_counts(count, weights)
    flow = without_ends(model.flow, columns=True, conditions=False)[0]
    seen = model.facts.units.standard(apart.x.values)[0]
    noise = np.asarray(jax.vmap(flow.bijection.inverse)(jnp.asarray(seen)), np.float64)
    square = np.average(np.mean(noise**2, axis=1), weights=weights)
    assert square > 1.1  # the flow is too sure, or this test says nothing
    wide = widened(model, apart, lambda scores: counts @ scores)
    np.testing.assert_allclose(scale_of(wide), np.sqrt((count * square + 10) / (count + 10)), rtol=0.01)


def test_a_far_row_that_another_part_explains_does_not_widen_the_flow(joint):
    model, ready = joint
    apart = taken(ready.data, ready.held_out(ready).rows)
    far = apart._replace(x=replace(apart.x, values=np.vstack([apart.x.values[1:], np.full((1, 4), 12.0)])))

    def of_mixture(own: np.ndarray) -> float:
        return np.logaddexp(own + np.log(0.98), -30.0 + np.log(0.02)).sum()

    usual = scale_of(widened(model, apart, of_mixture))
    np.testing.assert_allclose(scale_of(widened(model, far, of_mixture)), usual, rtol=0.05)
    assert scale_of(widened(model, far, np.sum))[0] > 1.2 * usual[0]


def test_the_flow_of_a_background_is_as_wide_as_the_whole_is_likeliest_with(joint):
    model, ready = joint
    whole = with_background(model, ready)
    mixture = without_ends(whole.flow, columns=True, conditions=False)[0]
    columns = whole.facts.units.bijection()
    apart = taken(ready.data, ready.held_out(ready).rows)
    others = [scores_of(replace(model, flow=with_ends(p, columns, None)), apart) for p in mixture.components[1:]]
    part, best = mixture.components[0], float(mixture.components[0].bijection.bijections[0].forward(np.ones(4))[0])

    def value(spread: float) -> float:
        maps = [Scale(jnp.full((4,), spread)), *part.bijection.bijections[1:]]
        flow = with_ends(Transformed(part.base, Chain(maps)), columns, None)
        scores = np.column_stack([scores_of(replace(model, flow=flow), apart), *others])
        weights = likeliest_weights(scores)
        more = -10 * 4 * (np.log(spread) + 0.5 / spread**2)
        return np.logaddexp.reduce(scores + np.log(weights), axis=1).sum() + np.log(weights).sum() + more

    assert best > 1.05
    assert value(best) > max(value(0.95 * best), value(1.05 * best), value(1.0))


def test_a_row_that_the_background_reaches_is_left_to_it(joint):
    model, ready = joint
    held_out, values = ready.held_out(ready).rows, ready.data.x.values.copy()
    values[held_out[0]] = 6.0
    far = ready._replace(data=ready.data._replace(x=replace(ready.data.x, values=values)))
    part = without_ends(with_background(model, far).flow, columns=True, conditions=False)[0].components[0]
    assert float(part.bijection.bijections[0].forward(np.ones(4))[0]) < 1.12
    assert scale_of(widened(model, taken(far.data, held_out), np.sum))[0] > 1.25  # the flow by itself


def test_few_rows_held_out_widen_nothing():
    model, ready = judged(40)  # four are held out: no reason to say anything
    apart = taken(ready.data, ready.held_out(ready).rows)
    np.testing.assert_array_equal(scale_of(widened(model, apart, np.sum)), 1.0)


def test_an_ensemble_is_as_wide_as_its_mean_is_likeliest_with():
    model, ready = judged(300, ensemble=2)
    apart, columns = taken(ready.data, ready.held_out(ready).rows), model.facts.units.bijection()

    def scaled(part: Transformed, spread: float) -> Transformed:
        return Transformed(part.base, Chain([Scale(jnp.full((4,), spread)), part.bijection]))

    first, other = without_ends(model.flow, columns=True, conditions=False)[0].components
    parts = [scaled(first, 0.8), other]  # alone they would be widened by much, and by less

    def value(spread: float) -> float:
        each = [scores_of(replace(model, flow=with_ends(scaled(part, spread), columns, None)), apart) for part in parts]
        more = -10 * 4 * (np.log(spread) + 0.5 / spread**2)
        return np.logaddexp.reduce(np.stack(each) + np.log(0.5), axis=0).sum() + more

    whole = widened(replace(model, flow=with_ends(Mixture(parts), columns, None)), apart, np.sum)
    wide = without_ends(whole.flow, columns=True, conditions=False)[0]
    found = [float(part.bijection.bijections[0].forward(np.ones(4))[0]) for part in wide.components]
    grid = np.linspace(1.0, 1.6, 61)
    assert found[0] == found[1]
    assert found[0] == pytest.approx(grid[np.argmax([value(spread) for spread in grid])], abs=0.011)
    assert found[0] > 1.03


def test_numbers_given_categories_and_away_from_atoms_are_widened_alike(monkeypatch):
    kept = {}
    monkeypatch.setattr(_prepare, "with_spread", lambda model, ready: kept.update(model=model, ready=ready) or model)
    rng = np.random.default_rng(1)
    X, y = rows(300, 1)
    group = rng.integers(0, 2, 300).astype(float)
    rain = np.maximum(X[:, 1] + group, 0.0)
    columns = {"x0": "categorical", "x1": "unbounded+atoms(0)", "*": "unbounded"}
    FlowDensity("maf", **SMALL, columns=columns).fit(np.column_stack([group, rain, X[:, :2], y]))
    model, ready = kept["model"], kept["ready"]
    apart = taken(ready.data, ready.held_out(ready).rows)
    flow, ends, _ = without_ends(model.flow, columns=True, conditions=False)
    flow = _known_wider(flow, 0.4)  # surer than it is
    model = replace(model, flow=with_ends(flow, ends, None))

    def score(by: float) -> float:
        """As it is asked for, by scores alone: three numbers, four away from the atom, of ten rows more."""
        numbers = 3.0 + np.mean(apart.x.values[:, 1] > 0)
        own = scores_of(replace(model, flow=with_ends(_known_wider(flow, by), ends, None)), apart).sum()
        return own - 10.0 * numbers * (np.log(by) + 0.5 / by**2)

    grid = np.linspace(1.6, 3.4, 61)
    likeliest = grid[np.argmax([score(by) for by in grid])]
    assert 1.7 < likeliest < 3.3
    found = without_ends(with_spread(model, ready).flow, columns=True, conditions=False)[0]
    away = found.base.others
    for law in (away._column, away.others):
        scale = law.bijection.bijections[0]
        np.testing.assert_allclose(scale.forward(np.ones(scale.in_shape)), likeliest, rtol=0.02)
