"""Columns that are a mixture of atoms and a density: exact in both, and drawn as such."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pushforward as pf
from pushforward._errors import DataError
from pushforward.bijections import Atoms, Exp
from pushforward.data import Column, Schema, Table, column_warnings, infer_schema, parse_kind
from pushforward.distributions import AwayFromAtoms, ConditionalBase, Normal

SMALL = {"options": {"num_layers": 1, "width": 8, "depth": 1}, "random_state": 0}
KINDS = {"x0": "positive+atoms(0)", "x1": "bounded(0,100)+atoms(0,100)"}


@pytest.fixture(scope="module")
def weather() -> np.ndarray:
    """Rain, 0 in seven rows of ten, and cloud, 0 or 100 in five rows of ten; clouds are thicker in rain."""
    rng = np.random.default_rng(5)
    wet, u = rng.random(1500) < 0.3, rng.random(1500)
    cloud = np.where(u < 0.2 + 0.3 * wet, 100.0, np.where(u > 0.7, 0.0, 100 * rng.beta(2, 2, 1500)))
    return np.column_stack([np.where(wet, rng.lognormal(0.5, 0.8, 1500), 0.0), cloud])


@pytest.fixture(scope="module")
def both(weather: np.ndarray) -> pf.FlowDensity:
    return pf.FlowDensity("maf", columns=KINDS, max_epochs=60, **SMALL).fit(weather)


@pytest.fixture(scope="module")
def rain(weather: np.ndarray) -> pf.FlowDensity:
    return pf.FlowDensity("maf", columns="positive+atoms(0)", max_epochs=8, **SMALL).fit(weather[:, :1])


POSITIVE = np.linspace(-20.0, 20.0, 201)
"""Logarithms of rain, and logits of cloud, at which densities are added up."""


def _rain() -> tuple[np.ndarray, np.ndarray]:
    """Values and what each stands for."""
    return np.exp(POSITIVE), np.exp(POSITIVE) * (POSITIVE[1] - POSITIVE[0])


def _cloud() -> tuple[np.ndarray, np.ndarray]:
    share = 1.0 / (1.0 + np.exp(-0.6 * POSITIVE))
    return 100.0 * share, 100.0 * share * (1.0 - share) * 0.6 * (POSITIVE[1] - POSITIVE[0])


def test_one_column_integrates_to_one_beside_its_atom(rain: pf.FlowDensity):
    values, weights = _rain()
    away = float(np.exp(rain.score_samples(values[:, None])) @ weights)
    assert away + float(np.exp(rain.score([[0.0]]))) == pytest.approx(1.0, abs=1e-4)
    assert rain.flow_.exact


def test_the_score_of_an_atom_is_the_log_of_its_share(rain: pf.FlowDensity, weather: np.ndarray):
    share = float(np.mean(weather[:, 0] == 0))
    # The weights wander by about the noise of the last batches: far less than the standard error of the share, 1.2 %.
    assert np.exp(rain.score([[0.0]])) == pytest.approx(share, abs=0.012)


def test_a_value_beside_an_atom_is_measured_not_counted(rain: pf.FlowDensity):
    at, minus, beside, below = rain.score_samples(np.array([[0.0], [-0.0], [1e-300], [-1e-300]]))
    assert at == minus
    assert abs(beside - at) > 100
    assert below == -np.inf


def test_two_columns_integrate_to_one_over_all_patterns(both: pf.FlowDensity):
    rains, of_rain = _rain()
    clouds, of_cloud = _cloud()
    rains, of_rain = np.append(rains, 0.0), np.append(of_rain, 1.0)
    clouds, of_cloud = np.append(clouds, [0.0, 100.0]), np.append(of_cloud, [1.0, 1.0])
    grid = np.stack(np.meshgrid(rains, clouds, indexing="ij"), -1).reshape(-1, 2)
    density = np.exp(both.score_samples(grid)).reshape(len(rains), len(clouds))
    assert of_rain @ density @ of_cloud == pytest.approx(1.0, abs=1e-4)


def test_draws_have_the_shares_of_the_data(both: pf.FlowDensity, weather: np.ndarray):
    draws = both.sample(4000, random_state=1)
    for pattern in [(0.0, 0.0), (0.0, 100.0)]:
        drawn, real = (float(np.mean((rows == pattern).all(axis=1))) for rows in (draws, weather))
        error = np.sqrt(real * (1 - real) * (1 / 4000 + 1 / 1500))
        assert abs(drawn - real) < 3 * error
    for column, atom in [(0, 0.0), (1, 0.0), (1, 100.0)]:
        drawn, real = (float(np.mean(rows[:, column] == atom)) for rows in (draws, weather))
        assert abs(drawn - real) < 3 * np.sqrt(real * (1 - real) * (1 / 4000 + 1 / 1500))
    away = draws[(draws[:, 0] != 0) & ~np.isin(draws[:, 1], (0.0, 100.0))]
    assert len(away) > 100
    assert (away[:, 0] > 0).all()
    assert ((away[:, 1] > 0) & (away[:, 1] < 100)).all()


def test_columns_at_atoms_tell_of_each_other(both: pf.FlowDensity, weather: np.ndarray):
    wet, full = weather[:, 0] > 0, weather[:, 1] == 100
    draws = both.sample(4000, random_state=2)
    drawn = np.mean(draws[draws[:, 0] > 0, 1] == 100) - np.mean(draws[draws[:, 0] == 0, 1] == 100)
    assert drawn == pytest.approx(full[wet].mean() - full[~wet].mean(), abs=0.1)


def test_a_score_does_not_depend_on_the_order_of_rows(both: pf.FlowDensity, weather: np.ndarray):
    rows = weather[:300]
    order = np.random.default_rng(0).permutation(300)
    np.testing.assert_array_equal(both.score_samples(rows)[order], both.score_samples(rows[order]))


def test_the_flow_itself_scores_and_draws_rows(both: pf.FlowDensity, weather: np.ndarray):
    rows = weather[:50]
    assert both.flow_.event_shape == (2,)
    np.testing.assert_allclose(both.flow_.log_prob(rows), both.score_samples(rows), rtol=1e-4, atol=1e-4)
    draws = np.asarray(both.flow_.sample(jax.random.key(0), 2000))
    assert np.mean(draws[:, 0] == 0) == pytest.approx(np.mean(weather[:, 0] == 0), abs=0.05)


def test_a_model_with_atoms_is_saved_and_loaded(both: pf.FlowDensity, weather: np.ndarray, tmp_path: Path):
    both.save(tmp_path / "m.safetensors")
    again = pf.FlowDensity.load(tmp_path / "m.safetensors")
    assert again.schema_ == both.schema_
    np.testing.assert_array_equal(again.score_samples(weather[:20]), both.score_samples(weather[:20]))


def test_an_atom_that_float32_does_not_hold_is_drawn_as_it_is():
    rng = np.random.default_rng(0)
    x = np.where(rng.random(300) < 0.5, 0.1, rng.normal(size=300))[:, None]
    flow = pf.FlowDensity("maf", columns="unbounded+atoms(0.1)", max_epochs=1, **SMALL).fit(x)
    draws = flow.sample(200, random_state=0)
    assert np.mean(draws == 0.1) == pytest.approx(0.5, abs=0.15)
    assert flow.score([[np.float64(np.float32(0.1))]]) != flow.score([[0.1]])


def test_predictions_are_of_the_mixture(weather: np.ndarray):
    model = pf.ConditionalFlowDensity("maf", columns={"y0": KINDS["x0"]}, max_epochs=1, **SMALL)
    model.fit(weather[:, 1:] / 100, weather[:, :1])
    assert model.cdf([[0.5]], [[0.0]], n_samples=500)[0] == pytest.approx(
        np.exp(model.score_samples([[0.5]], [[0.0]]))[0], abs=0.08
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("positive+atoms(0)", "positive+atoms(0)"),
        ("bounded(0,1) + atoms(1, 0)", "bounded(0,1)+atoms(0,1)"),
        ("unbounded+atoms(-99.5)", "unbounded+atoms(-99.5)"),
    ],
)
def test_a_kind_with_atoms_is_read_and_told(text: str, told: str):
    assert str(parse_kind(text)) == told
    spec = parse_kind(told)
    schema = Schema([Column("a", spec.kind, spec.low, spec.high, atoms=spec.atoms)])
    assert Schema.from_json(schema.to_json()) == schema


@pytest.mark.parametrize(
    "text", ["integer+atoms(0)", "circular(360)+atoms(0)", "positive+atoms()", "positive+atoms(inf)"]
)
def test_atoms_that_cannot_be_are_refused(text: str):
    with pytest.raises(DataError):
        parse_kind(text)


def test_a_schema_without_atoms_is_written_as_before():
    assert "atoms" not in str(Schema([Column("a", "positive")]).to_json())


def _kind_of(cells: np.ndarray) -> str:
    schema, _ = infer_schema(Table(("a",), cells[:, None]))
    return str(schema.columns[0].spec)


def test_repeated_values_are_inferred_and_rounded_ones_are_not(weather: np.ndarray):
    rng = np.random.default_rng(1)
    assert _kind_of(weather[:, 0]) == "positive+atoms(0)"
    assert _kind_of(weather[:, 1]) == "bounded(0,100)+atoms(0,100)"
    assert _kind_of(np.where(rng.random(1000) < 0.95, 0.0, rng.lognormal(size=1000))) == "positive+atoms(0)"
    assert _kind_of(np.where(rng.random(500) < 0.3, -9.5, rng.normal(size=500))) == "unbounded+atoms(-9.5)"
    assert _kind_of(np.round(rng.normal(size=500), 1)) == "unbounded"
    assert _kind_of(np.round(2 * rng.normal(size=500)) / 2) == "unbounded"
    assert _kind_of(rng.poisson(0.2, 500).astype(float)) in ("integer", "integer(0,inf)")
    assert _kind_of(rng.normal(size=500)) == "unbounded"


def test_the_user_is_told_of_values_and_shares(weather: np.ndarray):
    table = Table(("rain",), weather[:, :1])
    schema, (sentence,) = infer_schema(table)
    share = f"{100 * np.mean(weather[:, 0] == 0):.1f} % exactly 0"
    assert share in sentence
    (warning,) = column_warnings(table, schema)
    assert share in warning
    assert "if that is not meant, say unbounded" in warning
    plain, _ = infer_schema(table, {"rain": "unbounded"})
    assert "say unbounded+atoms(0)" in column_warnings(table, plain)[0]


def test_what_cannot_have_atoms_says_so(weather: np.ndarray):
    with pytest.raises(DataError, match="fewer than two values lie elsewhere"):
        infer_schema(Table(("a",), np.array([[0.0], [1.0], [0.0]])), {"a": "unbounded+atoms(0,1)"})
    with pytest.raises(ValueError, match="has atoms"):
        pf.Gaussianizer("maf", columns=KINDS, max_epochs=1).fit(weather)
    with pytest.raises(ValueError, match="takes zeros and ones alone, not columns with atoms"):
        pf.FlowDensity("made-bernoulli", columns=KINDS, max_epochs=1).fit(weather)
    with pytest.raises(ValueError, match="points of the sphere, and columns 'x0', 'x1' have atoms"):
        pf.FlowDensity("sphere", columns=KINDS, max_epochs=1).fit(weather)


def test_the_map_of_atoms_is_inverted_and_measures_only_elsewhere():
    mixed = Atoms(2, (1,), ((0.0, 5.0),), (Exp((1,)),))
    for base, data, log_det in [
        ([3.0, 0.0, 1.0], [3.0, 0.0], 0.0),
        ([3.0, 0.0, 2.0], [3.0, 5.0], 0.0),
        ([3.0, -2.0, 0.0], [3.0, np.exp(-2.0)], -2.0),
    ]:
        forward = mixed.forward_and_log_det(np.array(base))
        inverse = mixed.inverse_and_log_det(np.array(data))
        np.testing.assert_allclose(forward[0], data, rtol=1e-6)
        np.testing.assert_allclose(inverse[0], base, atol=1e-6)
        np.testing.assert_allclose([forward[1], inverse[1]], [log_det, -log_det], atol=1e-6)


def test_a_column_at_an_atom_has_no_factor(key: jax.Array):
    """Normal laws, so that each factor has a formula."""
    keys = jax.random.split(key, 2)
    columns = [ConditionalBase(Normal(jnp.zeros(1)), 4, width=4, depth=1, key=k) for k in keys]
    law = AwayFromAtoms(columns, (0, 1))
    x = jnp.array([0.3, -0.7])
    first = columns[0].log_prob(x[:1], jnp.array([1.0, 1.0, 0.0, 0.0]))
    second = columns[1].log_prob(x[1:], jnp.array([1.0, 1.0, 0.3, 0.0]))
    assert float(law.log_prob(x, jnp.array([1.0, 1.0]))) == pytest.approx(float(first + second), rel=1e-5)
    alone = columns[1].log_prob(x[1:], jnp.array([0.0, 1.0, 0.0, 0.0]))
    assert float(law.log_prob(jnp.array([0.0, -0.7]), jnp.array([0.0, 1.0]))) == pytest.approx(float(alone), rel=1e-5)
    assert float(law.log_prob(jnp.zeros(2), jnp.zeros(2))) == 0.0
    assert law.sample(key, 3, jnp.array([0.0, 1.0]))[:, 0].tolist() == [0.0, 0.0, 0.0]
    with pytest.raises(ValueError, match="conditional on the condition and 3 numbers"):
        AwayFromAtoms(columns, (0, 1), ConditionalBase(Normal(jnp.zeros(1)), 2, width=4, depth=1, key=key))
