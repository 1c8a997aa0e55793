"""Inference of the columns' kinds: conservative, explained, and overridden by the user."""

import numpy as np
import pytest

from pushforward._errors import DataError
from pushforward.data import Table, column_warnings, infer_schema, read_table

N = 1000


def column(values, override: str | None = None):
    table = Table(("c",), np.asarray(values, dtype=float)[:, None])
    schema, sentences = infer_schema(table, {} if override is None else {"c": override})
    return schema.columns[0], sentences[0]


def warnings_of(values, override: str | None = None) -> tuple[str, ...]:
    table = Table(("c",), np.asarray(values, dtype=float)[:, None])
    return column_warnings(table, infer_schema(table, {} if override is None else {"c": override})[0])


@pytest.mark.parametrize(
    ("kind", "draw"),
    [
        ("unbounded", lambda r: r.normal(0, 1, N)),
        ("unbounded", lambda r: r.normal(170, 10, N)),  # heights: positive, but a normal describes them
        ("unbounded", lambda r: r.gamma(9, 1, N)),
        ("positive+atoms(0)", lambda r: np.maximum(r.normal(0, 1, N), 0)),  # zeros are not positive
        ("unbounded", lambda r: r.uniform(0.2, 0.8, N)),
        ("unbounded", lambda r: r.uniform(0, 10, N) + 0.001),
        ("unbounded", lambda r: r.beta(5, 5, N)),
        ("positive", lambda r: r.lognormal(0, 1, N)),
        ("positive", lambda r: r.exponential(3, N)),
        ("positive", lambda r: r.exponential(0.1, N)),  # below 1, but not filling (0, 1)
        ("positive", lambda r: 1e-9 * r.lognormal(0, 2, N)),
        ("bounded(0,1)", lambda r: r.uniform(0, 1, N)),
        ("bounded(0,1)", lambda r: r.beta(0.5, 0.5, N)),
        ("integer", lambda r: r.integers(20, 70, N)),
        ("integer", lambda r: r.integers(1950, 2024, N)),
        ("integer", lambda r: r.integers(-(10**9), 10**9, N)),
        ("integer(0,inf)", lambda r: r.negative_binomial(1, 0.1, N)),
        ("integer(0,1)", lambda r: r.integers(0, 2, N)),
        ("integer(-1,1)", lambda r: 2 * r.integers(0, 2, N) - 1),
    ],
)
def test_kinds_are_inferred(kind, draw):
    for seed in range(3):
        assert str(column(draw(np.random.default_rng(seed)))[0].spec) == kind


@pytest.mark.parametrize(
    ("kind", "draw"),
    [
        ("positive", lambda r: np.floor(1e21 * r.lognormal(0, 1, N))),  # counts of photons
        ("unbounded", lambda r: np.floor(r.normal(1e21, 1e20, N))),
        ("unbounded", lambda r: np.floor(1e17 * r.normal(size=N))),
        ("integer", lambda r: r.integers(-(2**52), 2**53, N)),
    ],
)
def test_whole_numbers_that_floats_do_not_tell_apart_are_no_integers(kind, draw):
    found, sentence = column(draw(np.random.default_rng(0)))
    assert found.kind == kind
    assert ("beyond 2**53, where every float is" in sentence) == (kind != "integer")


def test_integers_beyond_what_floats_tell_apart_are_refused():
    with pytest.raises(DataError, match=r"column 'c' cannot be integer: it holds 1e\+17"):
        column([1.0, 5.0, 1e17], "integer")
    with pytest.raises(DataError, match=r"whole numbers beyond 2\*\*53 are not told apart"):
        column([1.0, 5.0, 1e17], "categorical")


def test_all_problems_of_all_columns_are_in_one_message():
    rng = np.random.default_rng(0)
    cells = np.column_stack([rng.normal(size=30), np.ones(30), np.arange(30.0), rng.normal(size=30), np.zeros(30)])
    cells[3, 0] = 1e35
    table = Table(("big", "one", "id", "share", "two"), cells, categories={"id": tuple(f"k{i}" for i in range(30))})
    with pytest.raises(DataError) as caught:
        infer_schema(table, {"share": "positive"})
    for part in ("4 problems", "'big' holds 1e+35 in row 4", "'id' holds 30 different", "'share' cannot be positive"):
        assert part in caught.value.message
    assert "columns 'one', 'two' hold one value each" in caught.value.message
    assert "`--drop one,two`" in caught.value.hint


def test_a_sentence_says_why():
    _, sentence = column(np.random.default_rng(0).exponential(1, N))
    assert sentence.startswith("'c' is positive: all values are above 0, and a lognormal fits better by 0.2")


def test_two_whole_numbers_are_a_closed_list():
    assert column([0, 1, 1, 0, 1])[1] == "'c' is integer(0,1): the only values are 0 and 1."


def test_one_fraction_makes_a_column_continuous():
    assert column([*range(100), 0.5])[0].kind == "unbounded"


def test_few_rows_infer_no_limit():
    kind, sentence = column([0.1, 5.0, 80.0, 1000.0])
    assert kind.kind == "unbounded"
    assert "4 rows are too few" in sentence


@pytest.mark.parametrize("override", ["positive", "unbounded", "integer", "integer(0,100)", "bounded(-1,100)"])
def test_an_override_wins(override):
    kind, sentence = column([3, 1, 2, 9], override)
    assert str(kind.spec) == override
    assert sentence == f"'c' is {override}: as asked for."


@pytest.mark.parametrize(
    ("values", "override", "message"),
    [
        ([1.0, -2.0, 0.0, 3.0], "positive", r"2 of 4 values lie outside \(-2 in row 2, 0 in row 3\)"),
        ([0.5, 1.5, 0.2], "bounded(0,1)", r"cannot be bounded\(0,1\): 1 of 3 values lie outside \(1\.5 in row 2\)"),
        ([1.0, 2.5, 3.0], "integer", r"2\.5 in row 2"),
        ([1.0, 2.0, 7.0], "integer(0,5)", r"7 in row 3"),
        ([-1.0] * 9 + [1.0], "positive", r"row 5, \.\.\.\)"),
    ],
)
def test_values_outside_an_override_are_named_by_row(values, override, message):
    with pytest.raises(DataError, match=message):
        column(values, override)


def test_an_override_of_no_column_suggests_the_nearest():
    table = Table(("alcohol", "hue"), np.random.default_rng(0).normal(size=(5, 2)))
    with pytest.raises(DataError, match="no column 'alcool'") as caught:
        infer_schema(table, {"alcool": "positive"})
    assert "'alcohol'" in caught.value.hint


def test_constant_columns_are_all_named():
    with pytest.raises(DataError, match="columns 'pixel_0_0', 'pixel_4_0', 'pixel_4_7' hold one value each") as caught:
        infer_schema(read_table("sklearn:digits"))
    assert "--drop pixel_0_0" in caught.value.hint


def test_one_row_is_refused():
    with pytest.raises(DataError, match="1 row"):
        column([1.0])


def test_a_number_too_large_for_float32_is_refused():
    with pytest.raises(DataError, match=r"holds 1e\+35 in row 2"):
        column([1.0, -1e35, 2.0])


def test_a_large_offset_is_reported():
    (warning,) = warnings_of(1e13 + np.random.default_rng(0).normal(size=N))
    assert "subtract an offset" in warning
    assert warnings_of(1.7e9 + np.random.default_rng(0).normal(size=N)) == ()


def test_a_spike_is_reported():
    (warning,) = warnings_of(np.maximum(np.random.default_rng(0).normal(size=N), 0), "unbounded")
    assert "0 makes up" in warning
    assert "spike" in warning
    assert "say unbounded+atoms(0)" in warning


@pytest.mark.parametrize("others", [[2.5], [2.5, 3.25]])
def test_a_spike_among_few_numbers_is_told_to_be_a_category_and_can_be(others):
    cells = np.concatenate([np.ones(2 * N), np.resize(others, N)])
    (warning,) = warnings_of(cells, "unbounded")
    assert warning.endswith("say categorical.")
    assert warnings_of(cells, "categorical") == ()


def test_numbers_that_recur_are_categories():
    random = np.random.default_rng(0)
    doses = random.choice([0.5, 1.0, 2.0], N)
    (column,) = infer_schema(Table(("dose",), doses[:, None]))[0].columns
    assert column.kind == "categorical"
    assert column.categories == (0.5, 1.0, 2.0)
    assert "numbers that recur" in column.note
    (warning,) = warnings_of(doses)
    assert "density 0" in warning
    assert "say unbounded" in warning
    for other in (
        np.append(doses, 0.7),  # one that is there once: there may be more
        np.resize(np.arange(33) + 0.5, N),  # too many
        np.resize([0.5, 1.0, 2.0], 19),  # too few rows
        np.resize(np.arange(30) + 0.5, 200),  # too few rows for each
        2.0 * doses,  # whole numbers have an order that a flow can use
    ):
        assert infer_schema(Table(("dose",), other[:, None]))[0].columns[0].kind != "categorical"
    turns = Table(("direction",), np.resize(np.arange(0.5, 360.0, 15.0), N)[:, None])
    assert infer_schema(turns)[0].columns[0].kind == "circular"
    assert infer_schema(Table(("dose",), doses[:, None]), recurring=False)[0].columns[0].kind == "unbounded"
    assert infer_schema(Table(("dose",), doses[:, None]), {"dose": "unbounded"})[0].columns[0].kind == "unbounded"


def test_repeated_integers_are_no_spike():
    assert warnings_of(np.random.default_rng(0).integers(0, 2, N)) == ()


def test_values_on_an_edge_are_reported():
    (warning,) = warnings_of([0.0, 0.5, 0.25, 1.0], "bounded(0,1)")
    assert "2 of 4 values lie on the edge of bounded(0,1)" in warning


def test_real_tables_give_sensible_kinds():
    schema, _ = infer_schema(read_table("sklearn:wine"))
    kinds = {c.name: str(c.spec) for c in schema.columns}
    assert kinds["alcohol"] == "unbounded"
    assert kinds["malic_acid"] == "positive"
    assert kinds["magnesium"] == "integer"
    assert kinds["proline"] == "integer(0,inf)"


@pytest.mark.parametrize(
    ("name", "kind", "draw"),
    [
        ("wind direction", "circular(360)", lambda r: r.uniform(0, 360, N)),
        ("phase", "circular(-3.14159265358979,3.14159265358979)", lambda r: r.uniform(-np.pi, np.pi, N)),
        ("torsion_2", "circular(-180,180)", lambda r: (r.normal(180, 60, N) + 180) % 360 - 180),
        ("share", "unbounded", lambda r: r.uniform(0, 360, N)),  # the name says nothing
        ("angle", "unbounded", lambda r: r.normal(90, 10, N)),  # the values fill no turn
        ("heading", "integer", lambda r: r.integers(0, 360, N)),  # whole degrees
    ],
)
def test_angles_are_inferred_from_name_and_values_together(name, kind, draw):
    for seed in range(3):
        table = Table((name,), np.asarray(draw(np.random.default_rng(seed)), dtype=float)[:, None])
        schema, sentences = infer_schema(table)
        assert str(schema.columns[0].spec) == kind
        assert ("if it is an angle, say so" in sentences[0]) == (name in ("angle", "heading"))


def test_values_of_other_turns_are_taken_into_the_period():
    found, sentence = column([-10.0, 20.0, 350.5], "circular(360)")
    assert "values of other turns are taken into [0, 360)" in sentence
    np.testing.assert_allclose(found.support.clip(np.array([-10.0, 360.0, 725.0])), [350.0, 0.0, 5.0])


STARS = (0.15, 0.05, 0.05, 0.15, 0.6)
LIKERT = (0.1, 0.2, 0.3, 0.25, 0.15)


@pytest.mark.parametrize(
    ("kind", "draw"),
    [
        ("integer(1,5)", lambda r: 1 + r.choice(5, N, p=STARS)),
        ("integer(1,5)", lambda r: 1 + r.choice(5, N, p=LIKERT)),
        ("integer(-2,2)", lambda r: r.choice(5, N, p=LIKERT) - 2),
        ("integer(0,10)", lambda r: r.integers(0, 11, N)),
        ("integer(1,12)", lambda r: r.integers(1, 13, N)),
        ("integer", lambda r: 1 + r.choice(5, 100, p=LIKERT)),  # too few to know the ends
        ("integer", lambda r: r.integers(2015, 2023, N)),  # next year comes
        ("integer", lambda r: r.integers(3, 9, N)),
        ("integer", lambda r: 1 + 2 * r.integers(0, 4, N)),  # 1, 3, 5, 7
    ],
)
def test_ratings_end_where_they_break_off(kind, draw):
    for seed in range(3):
        assert str(column(draw(np.random.default_rng(seed)))[0].spec) == kind


@pytest.mark.parametrize(
    "draw",
    [
        lambda r, n: r.poisson(0.5, n),
        lambda r, n: r.poisson(1.0, n),
        lambda r, n: r.poisson(3.0, n),
        lambda r, n: r.geometric(0.5, n) - 1,
        lambda r, n: r.geometric(0.7, n) - 1,
        lambda r, n: np.rint(r.normal(0, 0.5, n)),
        lambda r, n: np.rint(r.normal(0, 1, n)),
    ],
)
@pytest.mark.parametrize("rows", [100, 1000, 5000])
def test_counts_that_taper_off_get_no_upper_limit(draw, rows):
    rng = np.random.default_rng(0)
    drawn = [cells for _ in range(20) if len(np.unique(cells := draw(rng, rows))) > 2]
    assert all(column(cells)[0].high is None for cells in drawn)


@pytest.mark.parametrize(
    ("name", "kind", "draw"),
    [
        ("Latitude", "bounded(-90,90)", lambda r: r.normal(35, 3, N)),
        ("site_lat", "integer(-90,90)", lambda r: r.integers(-60, 70, N)),
        ("lon", "bounded(-180,180)", lambda r: r.normal(-110, 3, N)),
        ("lon", "unbounded", lambda r: r.normal(110, 3, N)),  # perhaps up to 360
        ("lat", "unbounded", lambda r: r.normal(0, 1e6, N)),  # metres
        ("plate", "unbounded", lambda r: r.normal(35, 3, N)),
        ("body_fat_pct", "bounded(0,100)", lambda r: np.clip(r.normal(20, 4, N), 3, 50)),
        ("humidity (%)", "integer(0,100)", lambda r: r.integers(20, 101, N)),
        ("percent change", "unbounded", lambda r: np.clip(r.normal(20, 4, N), 3, 50)),
        ("percent", "positive+atoms(0)", lambda r: np.clip(r.normal(1, 2, N), 0, 50)),  # a third on 0
        ("percent", "unbounded", lambda r: r.normal(90, 10, N)),
        ("share", "unbounded", lambda r: np.clip(r.normal(20, 4, N), 3, 50)),
    ],
)
def test_a_name_gives_the_limits_that_its_values_keep(name, kind, draw):
    cells = draw(np.random.default_rng(0)).astype(float)
    schema, sentences = infer_schema(Table((name,), cells[:, None]))
    assert str(schema.columns[0].spec) == kind
    by_name = "its name says" in sentences[0] and "and all values lie" in sentences[0]
    assert by_name == ("(" in kind and "atoms" not in kind)


def test_limits_by_name_and_by_shape_are_overridden():
    cells = np.random.default_rng(0).integers(0, 11, (N, 2)).astype(float)
    schema, _ = infer_schema(Table(("percent", "grade"), cells), {"percent": "integer", "grade": "integer(0,inf)"})
    assert [str(column.spec) for column in schema.columns] == ["integer", "integer(0,inf)"]
