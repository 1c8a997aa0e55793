"""Columns in the flow's units: exact in float64, both ways, beside mpmath and beside the map in the flow."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

import pushforward as pf
from pushforward.data import Column, Schema
from pushforward.data._units import Units

KINDS = [
    Column("line", "unbounded"),
    Column("half", "positive"),
    Column("share", "bounded", 0.0, 1.0),
    Column("wide", "bounded", -3.0, 5.0),
    Column("angle", "circular", 0.0, 360.0),
]


def units_of(column: Column, mean: float, spread: float) -> Units:
    return Units((column.support,), (mean,), (spread,), (0.0,))


def exact(column: Column, mean: float, spread: float, x: float) -> tuple[mpmath.mpf, mpmath.mpf]:
    """The standard number and the log-det, with fifty digits."""
    x, low, high = mpmath.mpf(x), column.low, column.high
    if column.kind == "positive":
        line, slope = mpmath.log(x), 1 / x
    elif column.kind == "bounded":
        line = mpmath.log((x - low) / (high - x))
        slope = (high - low) / ((x - low) * (high - x))
    else:
        line, slope = x, mpmath.mpf(1)
    return (line - mean) / spread, mpmath.log(slope / spread)


PLACES = {
    "line": [-1e9, -3.0, 0.0, 1e-300, 2.5, 1e12],
    "half": [1e-300, 1e-45, 1e-20, 0.3, 1.0, 7.0, 1e21, 1e300],
    "share": [1e-300, 1e-45, 1e-9, 0.2, 0.5 - 1e-12, 0.5, 0.7, 1.0 - 1e-15],
    "wide": [-3.0 + 1e-14, -2.0, 1.0, 4.999999, 5.0 - 1e-14],
    "angle": [0.0, 90.0, 359.999],
}


@pytest.mark.parametrize("column", KINDS, ids=lambda column: column.name)
@pytest.mark.parametrize(("mean", "spread"), [(0.0, 1.0), (-3.0, 0.25), (12.0, 40.0)])
def test_both_directions_agree_with_mpmath(column, mean, spread, x64):
    units, x = units_of(column, mean, spread), np.array(PLACES[column.name])
    with mpmath.workdps(50):
        expected = np.array([[float(v) for v in exact(column, mean, spread, value)] for value in x])
    z, log_det = units.standard(x[:, None])
    parts = 1.0 + np.abs(mean / spread)
    np.testing.assert_allclose(z[:, 0], expected[:, 0], rtol=1e-13, atol=1e-13 * parts)
    np.testing.assert_allclose(log_det, expected[:, 1], rtol=1e-13, atol=1e-12)
    # A logarithm of 700 has a rounding step of 1e-13, which is what the value is known to.
    np.testing.assert_allclose(units.original(z)[:, 0], x, rtol=1e-12, atol=1e-300)


def test_the_map_in_a_flow_is_the_same(x64):
    rng = np.random.default_rng(0)
    schema = Schema(
        [*KINDS, Column("count", "integer", 0.0), Column("whole", "integer"), Column("n", "integer", 1.0, 5.0)]
    )
    values = np.stack(
        [
            rng.normal(5, 2, 300),
            rng.lognormal(2, 1, 300),
            rng.beta(2, 2, 300),
            rng.uniform(-3, 5, 300),
            rng.uniform(0, 360, 300),
            rng.poisson(3, 300),
            rng.integers(1990, 2030, 300),
            rng.integers(1, 6, 300),
        ],
        axis=1,
    )
    units = schema.units(values)
    z, log_det = units.standard(values)
    # Without a key the flow's own map takes an integer at its middle, too.
    expected, expected_log_det = jax.vmap(units.bijection().inverse_and_log_det)(jnp.asarray(values))
    np.testing.assert_allclose(z, expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(log_det, expected_log_det, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(units.original(z), values, rtol=1e-9)


def test_training_sees_what_scores_see():
    """The host's part and the device's part of the step, one after the other, are the whole step."""
    rng = np.random.default_rng(1)
    schema = Schema(
        [
            Column("unix", "integer"),
            Column("count", "integer", 0.0),
            Column("x", "positive"),
            Column("n", "integer", 1.0, 5.0),
        ]
    )
    values = np.stack(
        [
            np.floor(1.7e9 + 10 * rng.normal(size=500)),
            rng.poisson(3, 500),
            rng.lognormal(0, 1, 500),
            rng.integers(1, 6, 500),
        ],
        axis=1,
    )
    units = schema.units(values)
    x, log_det = units.for_training(values)
    z, rest = units.training_map()._inverse_many(jnp.asarray(x.T), None, None)
    expected, whole = units.standard(values)
    np.testing.assert_allclose(z.T, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(rest + log_det, whole, rtol=1e-5, atol=1e-4)


def test_samples_that_round_to_one_number_are_told_apart():
    units = units_of(KINDS[0], 0.0, 1.0)
    same = np.zeros((1000, 1), np.float32)
    assert len(np.unique(units.original(same))) == 1
    apart = units.original(same, np.random.default_rng(0))
    assert len(np.unique(apart)) == 1000
    assert np.abs(apart).max() < 2e-7


def test_codes_of_categories_are_left_alone_when_samples_are_told_apart():
    column = Column("c", "categorical", categories=("a", "b", "c"))
    codes = np.arange(3, dtype=np.float32)[:, None]
    units = Units((column.support,), (0.0,), (1.0,), (0.0,))
    np.testing.assert_array_equal(units.original(codes, np.random.default_rng(0)), codes)


TINY = {"flow": "affine", "max_epochs": 20, "learning_rate": 0.02, "batch_size": 256, "progress": False}


@pytest.mark.parametrize(
    ("kind", "column", "log_slope", "back"),
    [
        ("unbounded", lambda z: 1.7e9 + 10 * z, lambda z: np.log(10), lambda x: (x - 1.7e9) / 10),
        ("unbounded", lambda z: 2451545.5 + 1e-3 * z, lambda z: np.log(1e-3), lambda x: (x - 2451545.5) * 1e3),
        ("positive", lambda z: 1e-45 * np.exp(z), lambda z: np.log(1e-45) + z, lambda x: np.log(x / 1e-45)),
        ("integer", lambda z: np.floor(1.7e9 + 1e3 * z), lambda z: np.log(1e3), lambda x: (x + 0.5 - 1.7e9) / 1e3),
        ("integer(0,inf)", lambda z: np.floor(5e7 * np.exp(z)), lambda z: np.log(5e7) + z, lambda x: np.log(x / 5e7)),
    ],
    ids=["unix", "julian", "tiny", "unix_whole", "population"],
)
def test_a_column_that_float32_cannot_hold_is_scored_and_drawn_as_it_is(kind, column, log_slope, back):
    """Beside the same numbers in standard units: the density differs by the Jacobian alone, and draws by the units."""
    z = np.random.default_rng(0).normal(size=2000)
    density = pf.FlowDensity(**TINY, columns=kind, random_state=0).fit(column(z)[:, None])
    plain = pf.FlowDensity(**TINY, random_state=0).fit(z[:, None])
    test = np.linspace(-3, 3, 50)
    difference = density.score_samples(column(test)[:, None]) + log_slope(test) - plain.score_samples(test[:, None])
    assert np.abs(difference).max() < 0.02
    draws, expected = density.sample(5000, random_state=1), plain.sample(5000, random_state=1)
    np.testing.assert_allclose(np.sort(back(draws[:, 0])), np.sort(expected[:, 0]), atol=0.02)
    # What repeats is what rounds to the same number in the data, too.
    assert len(np.unique(draws)) >= len(np.unique(column(expected))) - 5


def test_conditions_are_standardised_in_float64_too():
    """Unix time as a condition: in float32 all of an hour would be one value."""
    rng = np.random.default_rng(0)
    t = rng.uniform(-3, 3, 1000)
    y = t + 0.1 * rng.normal(size=1000)
    settings = TINY | {"batch_size": 50, "max_epochs": 4, "random_state": 0}
    plain = pf.ConditionalFlowDensity(**settings).fit(t[:, None], y)
    moved = pf.ConditionalFlowDensity(**settings).fit(1.7e9 + 10 * t[:, None], y)
    a, b = plain.score_samples(t[:, None], y), moved.score_samples(1.7e9 + 10 * t[:, None], y)
    np.testing.assert_allclose(a, b, atol=1e-2)
    assert a.mean() > 0.1  # without the condition it would be -2


def test_p_values_integrate_to_one():
    """log10 p = -Exp(15), beside the exact share of them above what is asked for."""
    rng = np.random.default_rng(0)
    p = 10.0 ** -rng.exponential(15, 4000)
    # The flow alone: behind it a Gaussian of the log-odds, which are skewed, reaches further towards 1.
    settings = {"options": {"num_layers": 1}, "max_epochs": 12, "random_state": 0, "background": False}
    density = pf.FlowDensity("nsf", columns="bounded(0,1)", **settings).fit(p[:, None])
    edges = -np.concatenate([np.linspace(300, 1, 3000), np.logspace(0, -14, 1500)[1:]])
    middle, width = 10.0 ** ((edges[1:] + edges[:-1]) / 2), np.diff(10.0**edges)
    total = np.sum(np.exp(density.score_samples(middle[:, None]) + np.log(width)))
    assert total == pytest.approx(1.0, abs=0.01)
    draws = np.log10(density.sample(20_000, random_state=1)[:, 0])
    for q in (0.1, 0.5, 0.9):
        # 3,600 rows know their 90 % quantile to 8 %, and training is short.
        assert np.quantile(draws, q) == pytest.approx(15 * np.log(q), rel=0.16)


def test_a_model_keeps_its_units(tmp_path):
    x = 1.7e9 + 10 * np.random.default_rng(0).normal(size=(300, 2))
    density = pf.FlowDensity(**TINY, random_state=0).fit(x)
    density.save(tmp_path / "model.safetensors")
    again = pf.FlowDensity.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.score_samples(x), density.score_samples(x))
    np.testing.assert_array_equal(again.sample(10, random_state=0), density.sample(10, random_state=0))


def test_losses_are_in_the_units_of_the_data():
    x = np.exp(np.random.default_rng(0).normal(size=(400, 1))) * 1e-6
    density = pf.FlowDensity(**TINY, columns="positive", validation=0.0, random_state=0).fit(x)
    told = density.history_[-1].train
    assert told == pytest.approx(-density.score(x), abs=0.1)
    assert isinstance(density.flow_, pf.distributions.Transformed)
    np.testing.assert_allclose(density.flow_.log_prob(jnp.asarray(x)), density.score_samples(x), atol=1e-3)


def test_a_callback_is_told_of_flows_in_the_units_of_the_data():
    seen = []
    x = 1e3 + np.random.default_rng(0).normal(size=(200, 1))
    pf.FlowDensity(**TINY | {"max_epochs": 2}, callbacks=[lambda info: seen.append(info.current_flow())]).fit(x)
    draws = seen[0].sample(jax.random.key(0), 100)
    assert abs(float(draws.mean()) - 1e3) < 5
