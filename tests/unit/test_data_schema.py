"""The column schema: what it says, what it refuses, and the bijection that it becomes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pushforward._errors import DataError, FileError
from pushforward.bijections import Chain, Permute, Standardize
from pushforward.data import Column, KindSpec, Schema, parse_kind, parse_override
from pushforward.data.moments._moment import DAY, Moment
from pushforward.distributions import Normal, Transformed

ROWS = 400


@pytest.fixture(scope="module")
def mixed() -> tuple[Schema, np.ndarray]:
    """Columns of every kind, in an order that makes the map permute."""
    rng = np.random.default_rng(0)
    schema = Schema(
        [
            Column("line", "unbounded"),
            Column("half", "positive"),
            Column("share", "bounded", -1.0, 3.0),
            Column("whole", "integer"),
            Column("half too", "positive"),
            Column("count", "integer", 0.0),
            Column("coin", "integer", 3.0, 4.0),
        ]
    )
    columns = [
        rng.normal(5, 2, ROWS),
        rng.lognormal(2, 0.8, ROWS),
        4 * rng.beta(2, 2, ROWS) - 1,
        rng.integers(1990, 2020, ROWS),
        rng.lognormal(-3, 0.5, ROWS),
        rng.poisson(2, ROWS),
        rng.integers(3, 5, ROWS),
    ]
    return schema, np.stack(columns, axis=1).astype(float)


@pytest.fixture(scope="module")
def unmapped(mixed) -> tuple[np.ndarray, np.ndarray]:
    """The data on the base side, with dequantisation noise, and the log-dets."""
    schema, values = mixed
    inverse = schema.bijection(values)._inverse_many
    z, log_det = inverse(jnp.asarray(values.T, jnp.float32), None, jax.random.key(0))
    return np.asarray(z.T), np.asarray(log_det)


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("unbounded", KindSpec("unbounded")),
        (" Positive ", KindSpec("positive")),
        ("bounded(0,1)", KindSpec("bounded", 0.0, 1.0)),
        ("bounded( -1.5 , 2e3 )", KindSpec("bounded", -1.5, 2000.0)),
        ("integer", KindSpec("integer")),
        ("integer(0,inf)", KindSpec("integer", 0.0, None)),
        ("integer(1,5)", KindSpec("integer", 1.0, 5.0)),
        ("circular(360)", KindSpec("circular", 0.0, 360.0)),
        ("circular(-pi, pi)", KindSpec("circular", -np.pi, np.pi)),
        ("circular(2pi)", KindSpec("circular", 0.0, 2 * np.pi)),
        ("Categorical", KindSpec("categorical")),
    ],
)
def test_kinds_are_read(text, spec):
    assert parse_kind(text) == spec


@pytest.mark.parametrize("text", ["unbounded", "positive", "bounded(0,1)", "integer(0,inf)", "circular(-2,3)"])
def test_kinds_are_printed_as_they_are_read(text):
    assert str(parse_kind(text)) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("categorical(0,3)", "categorical takes no limits"),
        ("circular", "needs a period"),
        ("circular(0)", "the period of a circular column must be above 0, got 0"),
        ("circular(180,-180)", "must be above 0, got -360"),
        ("circular(inf)", "finite"),
        ("circular(2 pie)", "needs a period"),
        ("postive", "did you mean 'positive'"),
        ("bounded", "bounded needs two limits"),
        ("bounded(0)", "needs two numbers"),
        ("bounded(0,b)", "needs two numbers"),
        ("bounded(1,0)", "lower limit must be below"),
        ("bounded(0,inf)", "bounded needs two limits"),
        ("bounded(nan,1)", "finite"),
        ("positive(0,1)", "positive takes no limits"),
        ("integer(0.5,2)", "must be whole"),
        ("integer(-inf,2)", "an upper limit needs a lower one"),
        ("bounded(0,1", "cannot be read"),
        ("", "cannot be read"),
    ],
)
def test_kinds_that_make_no_sense_are_refused(text, message):
    with pytest.raises(DataError, match=message):
        parse_kind(text)


def test_an_override_is_split_at_the_last_colon():
    assert parse_override("rate:bounded(0,1)") == ("rate", "bounded(0,1)")
    assert parse_override("a:b:positive") == ("a:b", "positive")


@pytest.mark.parametrize("text", ["age", ":positive", "age:", ""])
def test_an_override_needs_both_parts(text):
    with pytest.raises(DataError, match="is not NAME:KIND"):
        parse_override(text)


def test_a_schema_survives_json(mixed):
    import json

    schema, _ = mixed
    assert Schema.from_json(json.loads(json.dumps(schema.to_json()))) == schema


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"columns": [{"name": "a"}]},
        {"columns": [{"name": "a", "kind": "spherical"}]},
        {"columns": [{"name": "a", "kind": "positive", "period": 3}]},
        {"columns": []},
    ],
)
def test_a_damaged_schema_is_a_file_error(data):
    with pytest.raises(FileError, match="damaged, or was written by a newer version"):
        Schema.from_json(data)


def test_repeated_names_are_refused():
    with pytest.raises(DataError, match="'a' used more than once"):
        Schema([Column("a", "positive"), Column("a", "integer")])


def test_values_outside_each_kind_are_seen(mixed):
    schema, values = mixed
    assert not schema.outside(values).any()
    wrong = [("half", 0.0), ("half", -1.0), ("share", 3.01), ("share", -1.01), ("whole", 2000.5), ("count", -1.0)]
    wrong += [("coin", 2.0), ("coin", 5.0), ("line", np.nan), ("line", np.inf)]
    rows = values[: len(wrong) + 1].copy()
    for row, (name, value) in zip(rows, wrong, strict=False):
        row[schema.names.index(name)] = value
    assert schema.outside(rows).tolist() == [True] * len(wrong) + [False]
    for place, (name, value) in enumerate(wrong):
        row, what = schema.first_outside(rows[place:])
        assert row == 0
        assert f"'{name}' is {value:g}, and values are {schema.columns[schema.names.index(name)].spec}" == what
    assert schema.first_outside(rows[-1:]) is None


def test_the_edge_of_an_interval_is_inside_in_float32_too():
    schema = Schema([Column("a", "bounded", 0.1, 0.7)])
    for dtype in (np.float32, np.float64):
        assert not schema.outside(np.array([[0.1], [0.7]], dtype)).any()


def test_values_of_another_width_are_refused(mixed):
    with pytest.raises(DataError, match=r"shape \(rows, 7\), got \(3, 2\)"):
        mixed[0].outside(np.zeros((3, 2)))


def test_data_are_standardised_on_the_base_side(unmapped, mixed):
    z, _ = unmapped
    continuous = [i for i, c in enumerate(mixed[0].columns) if c.kind != "integer"]
    np.testing.assert_allclose(z.mean(axis=0)[continuous], 0, atol=1e-4)
    np.testing.assert_allclose(z.std(axis=0)[continuous], 1, atol=1e-4)


def test_dequantised_integers_are_nearly_standardised(unmapped):
    z, _ = unmapped
    assert np.abs(z.mean(axis=0)).max() < 0.2
    assert np.abs(z.std(axis=0) - 1).max() < 0.2


def test_everything_is_finite_at_the_data(unmapped):
    assert all(np.isfinite(part).all() for part in unmapped)


def test_forward_takes_it_back_to_the_data(mixed, unmapped):
    schema, values = mixed
    forward = schema.bijection(values)._forward_many
    back, _ = forward(jnp.asarray(unmapped[0].T), None, None)
    np.testing.assert_allclose(np.asarray(back).T, values, rtol=2e-5, atol=2e-6)


def test_samples_never_leave_the_support_even_far_out(mixed):
    schema, values = mixed
    wide = 30.0 * jax.random.normal(jax.random.key(1), (len(schema.columns), 5000))
    samples, _ = schema.bijection(values)._forward_many(wide, None, None)
    table = schema.table(np.asarray(samples).T)
    assert not schema.outside(table.values).any()
    assert table.kinds == ("float", "float", "float", "int", "float", "int", "int")


def test_clipping_changes_nothing_inside(mixed):
    schema, values = mixed
    np.testing.assert_array_equal(schema.clip(values), values)


def test_unbounded_columns_need_a_standardisation_only():
    values = np.random.default_rng(0).normal(3, 2, (50, 2))
    bijection = Schema([Column("a", "unbounded"), Column("b", "unbounded")]).bijection(values)
    assert isinstance(bijection, Standardize)


def test_columns_already_in_groups_are_not_permuted():
    values = np.random.default_rng(0).lognormal(size=(50, 3))
    kinds = ["unbounded", "positive", "positive"]
    bijection = Schema([Column(f"c{i}", kind) for i, kind in enumerate(kinds)]).bijection(values)
    assert isinstance(bijection, Chain)
    assert not any(isinstance(part, Permute) for part in bijection.bijections)


@pytest.mark.parametrize(
    ("column", "draw", "grid"),
    [
        (Column("a", "positive"), lambda r: r.lognormal(1, 0.5, 500), np.arange(1e-3, 80, 2e-3)),
        (Column("a", "bounded", -2.0, 5.0), lambda r: 7 * r.beta(2, 3, 500) - 2, np.arange(-2 + 5e-4, 5, 1e-3)),
    ],
)
def test_densities_are_in_the_units_of_the_data_and_integrate_to_one(column, draw, grid):
    values = draw(np.random.default_rng(0))[:, None]
    flow = Transformed(Normal.standard((1,)), Schema([column]).bijection(values))
    density = np.exp(np.asarray(flow.log_prob(grid[:, None]), dtype=float))
    assert density.sum() * (grid[1] - grid[0]) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    ("column", "draw", "support"),
    [
        (Column("a", "integer"), lambda r: r.integers(-5, 6, 500), np.arange(-60, 60)),
        (Column("a", "integer", 0.0), lambda r: r.poisson(3, 500), np.arange(0, 200)),
        (Column("a", "integer", 2.0, 4.0), lambda r: r.integers(2, 5, 500), np.arange(2, 5)),
    ],
)
def test_probabilities_of_the_integers_sum_to_one(column, draw, support):
    values = draw(np.random.default_rng(0))[:, None].astype(float)
    flow = Transformed(Normal.standard((1,)), Schema([column]).bijection(values))
    repeats = 4000
    x = np.repeat(support, repeats)[:, None].astype(np.float32)
    log_prob = np.asarray(flow.log_prob(x, key=jax.random.key(2)), dtype=float)
    probability = np.exp(log_prob).reshape(len(support), repeats).mean(axis=1)
    assert probability.sum() == pytest.approx(1, abs=0.01)


def test_a_sampled_integer_is_as_likely_as_its_density_says():
    values = np.random.default_rng(0).poisson(3, 500)[:, None].astype(float)
    schema = Schema([Column("a", "integer", 0.0)])
    flow = Transformed(Normal.standard((1,)), schema.bijection(values))
    samples = schema.clip(np.asarray(flow.sample(jax.random.key(3), 20_000)))[:, 0]
    x = np.repeat(np.arange(6), 4000)[:, None].astype(np.float32)
    probability = np.exp(np.asarray(flow.log_prob(x, key=jax.random.key(4)), float)).reshape(6, -1).mean(axis=1)
    shares = np.array([np.mean(samples == k) for k in range(6)])
    np.testing.assert_allclose(shares, probability, atol=0.012)


def test_log_density_outside_the_support_is_no_nan(mixed):
    schema, values = mixed
    rows = np.stack([values[0] - 1e4, values[0] + 1e4, np.zeros(7), np.full(7, -1e30)]).astype(np.float32)
    flow = Transformed(Normal.standard((7,)), schema.bijection(values))
    log_prob = np.asarray(flow.log_prob(rows))
    assert not np.isnan(log_prob).any()
    assert (log_prob < 0).all()


def test_a_constant_column_has_no_density():
    with pytest.raises(DataError, match="column 'a' is constant"):
        Schema([Column("a", "unbounded")]).bijection(np.ones((5, 1)))


def test_values_that_float32_cannot_hold_are_refused():
    with pytest.raises(DataError, match="which float32 does not hold"):
        Schema([Column("a", "unbounded")]).bijection(np.array([[1e-35], [2e-35], [3e-35]]))


def test_conditions_are_standardised_without_support_maps():
    values = np.random.default_rng(0).lognormal(size=(200, 2)) * [1, 100]
    embedding = Schema([Column("a", "positive"), Column("b", "positive")]).standardize(values)
    z = jax.vmap(embedding.inverse)(values)
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(z.std(axis=0), 1, atol=1e-5)


def test_a_constant_condition_is_only_shifted():
    embedding = Schema([Column("a", "unbounded")]).standardize(np.full((5, 1), 3.0))
    assert embedding.inverse(jnp.array([3.0])).tolist() == [0.0]


def test_statistics_of_large_float32_tables_are_taken_in_float64():
    values = np.full((2**20, 1), 1.0, np.float32)
    values[::2] = 1.001
    bijection = Schema([Column("a", "unbounded")]).bijection(values)
    assert float(bijection.loc[0]) == pytest.approx(1.0005, abs=1e-6)
    assert float(bijection.scale[0]) == pytest.approx(5e-4, rel=1e-4)


def test_values_are_written_in_full_and_dates_as_dates():
    day = Moment("date", arrow="date32[day]", unit=DAY, step=DAY)
    assert Column("id", "integer").text(1234567.0) == "1234567"
    assert Column("id", "unbounded").text(1234567.25) == "1234567.25"
    assert Column("id", "unbounded").text(np.inf) == "inf"
    assert Column("c", "categorical", categories=("a", "b")).text(1.0) == "b"
    assert Column("when", "integer", type=day).text(19782.0) == "2024-02-29"
    _, between = Schema([Column("when", "integer", type=day)]).first_outside(np.array([[19782.5]]))
    assert between == "'when' is no whole number of days, near 2024-02-29"
    assert Schema([Column("id", "integer", 0.0, 10.0)]).first_outside(np.array([[1234567.0]])) == (
        0,
        "'id' is 1234567, and values are integer(0,10)",
    )
