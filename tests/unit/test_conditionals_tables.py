"""Conditions, marginals and missing cells of one model of a whole table, beside quadrature and its own draws."""

import numpy as np
import pyarrow as pa
import pytest

import pushforward as pf
from pushforward._errors import DataError, UsageError
from pushforward.conditionals._anneal import ISLANDS
from pushforward.data import Column, Schema
from pushforward.modalities.table.conditionals import _impute
from pushforward.modalities.table.conditionals._rows import TableJoint
from pushforward.modalities.table.conditionals._where import parse_where

RANDOM = np.random.default_rng(0)
ROWS = 400
SEX = RANDOM.choice(["F", "M"], ROWS)
AGE = RANDOM.integers(18, 80, ROWS)
INCOME = np.exp(9.5 + 0.02 * AGE + 0.3 * (SEX == "M") + 0.4 * RANDOM.normal(size=ROWS))
HOUR = np.mod(8.0 + 2.0 * RANDOM.normal(size=ROWS) + 6.0 * (SEX == "M"), 24.0)
RAIN = np.where(RANDOM.random(ROWS) < 0.4, 0.0, RANDOM.gamma(2.0, 1.0, ROWS))
TABLE = pa.table({"age": AGE, "sex": SEX, "income": INCOME, "hour": HOUR})
QUICK = {"options": {"num_layers": 2, "width": 16, "depth": 1}, "max_epochs": 8, "random_state": 0}
KINDS = {"age": "integer(18,79)", "income": "positive", "hour": "circular(24)"}


@pytest.fixture(scope="module")
def mixed():
    return pf.FlowDensity("maf", columns=KINDS, **QUICK).fit(TABLE)


@pytest.fixture(scope="module")
def pair():
    """A positive column and one on the line, by a Gaussian: exact."""
    X = np.column_stack([np.exp(0.5 * RANDOM.normal(size=200)), RANDOM.normal(size=200)])
    X[:, 1] += np.log(X[:, 0])
    density = pf.FlowDensity("gaussian", columns={"x0": "positive"}, max_epochs=10, random_state=0, background=False)
    return density.fit(X)


def _integral(density, x, values):
    """The logarithm of the integral over the second column."""
    rows = np.column_stack([np.full(len(values), x), values])
    return np.log(np.exp(density.score_samples(rows)).sum() * (values[1] - values[0]))


def test_the_density_of_a_value_is_in_its_own_units(pair):
    grid = np.linspace(-12.0, 12.0, 4001)
    given = pair.condition({"x0": 2.0})
    assert given.exact
    np.testing.assert_allclose(given.log_evidence, _integral(pair, 2.0, grid), atol=1e-4)
    found = pair.marginal(["x0"]).log_prob(np.array([[2.0], [0.5]]))
    np.testing.assert_allclose(found.value, [_integral(pair, x, grid) for x in (2.0, 0.5)], atol=1e-4)
    rows = np.column_stack([np.full(len(grid), 2.0), grid])
    np.testing.assert_allclose(np.exp(given.log_prob(rows).value).sum() * (grid[1] - grid[0]), 1.0, atol=1e-4)
    assert given.log_prob(np.array([[2.1, 0.0]])).value[0] == -np.inf


def test_conditional_times_marginal_is_the_joint(mixed):
    rows = TABLE.slice(0, 3)
    whole = mixed.score_samples(rows)
    for i, score in enumerate(whole):
        row = rows.slice(i, 1)
        given = mixed.condition({"sex": row["sex"][0].as_py(), "hour": row["hour"][0].as_py()})
        alone = mixed.marginal(["hour", "sex"]).log_prob(row.select(["hour", "sex"]))
        conditional = given.log_prob(row)
        error = np.hypot(conditional.error[0], alone.error[0])
        assert abs(conditional.value[0] + alone.value[0] - score) < 3.0 * error < 0.3


@pytest.mark.parametrize(
    ("given", "holds"),
    [
        ({"sex": "F"}, lambda t: t["sex"] == "F"),
        ({"age": 40}, lambda t: t["age"] == 40),
        ({"age": (60, None)}, lambda t: t["age"] >= 60),
        ({"income": (40_000, None), "sex": ["M"]}, lambda t: (t["income"] >= 40_000) & (t["sex"] == "M")),
    ],
)
def test_how_likely_it_is_and_what_follows_are_as_in_draws_that_are_kept(mixed, given, holds):
    draws = mixed.sample_table(40_000, random_state=1)
    columns = {name: pa.table(draws)[name].to_numpy() for name in TABLE.column_names}
    kept = holds(columns)
    found = mixed.condition(given)
    share, error = kept.mean(), np.sqrt(kept.mean() / len(kept))
    assert abs(np.exp(found.log_evidence) - share) < 3.5 * np.hypot(error, share * found.log_evidence_error)
    rows = pa.table(found.sample_table(2000, random_state=2))
    assert holds({name: rows[name].to_numpy() for name in TABLE.column_names}).all()
    for name in ("age", "income"):
        log = np.log(columns[name][kept])
        gap = np.log(rows[name].to_numpy()).mean() - log.mean()
        assert abs(gap) < 3.5 * log.std() * np.sqrt(1.0 / kept.sum() + 1.0 / 1000) + 1e-9


def test_whole_numbers_have_probabilities(mixed):
    ages = np.arange(18, 80)
    found = mixed.marginal("age").log_prob(ages[:, None].astype(float))
    known = np.isfinite(found.error)  # for one in some dozens the tail of 512 weights is too heavy for an error
    assert known.mean() > 0.9
    error = np.sqrt(np.sum((np.exp(found.value) * np.where(known, found.error, 0.1)) ** 2))
    assert abs(np.exp(found.value).sum() - 1.0) < 4.0 * error < 0.1


def test_quantiles_are_of_the_free_columns_that_have_an_order(mixed):
    found = mixed.condition({"sex": "F"}).quantiles([0.25, 0.5, 0.75])
    assert sorted(found) == ["age", "income"]
    assert np.all(np.diff(found["income"].value) > 0)
    assert np.all(found["income"].error > 0)


def test_atoms_are_given_and_cut():
    X = np.column_stack([RAIN, RAIN + RANDOM.normal(size=ROWS)])
    density = pf.FlowDensity("maf", columns={"x0": "positive+atoms(0)"}, **QUICK).fit(X)
    draws = density.sample(40_000, random_state=1)
    for given, kept in (
        ({"x0": 0.0}, draws[:, 0] == 0),
        ({"x0": (None, 1.0)}, draws[:, 0] <= 1.0),
        ({"x0": (0.5, None)}, draws[:, 0] >= 0.5),
    ):
        found = density.condition(given)
        share = kept.mean()
        error = np.hypot(np.sqrt(share / len(draws)), share * found.log_evidence_error)
        assert abs(np.exp(found.log_evidence) - share) < 3.5 * error
        rows = found.sample(1000, random_state=2)
        zeros = np.mean(draws[kept, 0] == 0)
        assert abs(np.mean(rows[:, 0] == 0) - zeros) < 0.06
        assert abs(rows[:, 1].mean() - draws[kept, 1].mean()) < 0.25
    wet = density.condition({"x1": 3.0}).sample(1000, random_state=2)
    near = np.abs(draws[:, 1] - 3.0) < 0.2
    assert abs(np.mean(wet[:, 0] == 0) - np.mean(draws[near, 0] == 0)) < 0.05


def test_dates_are_given_as_text():
    when = np.datetime64("2024-01-01") + RANDOM.integers(0, 300, 200)
    level = (when - np.datetime64("2024-01-01")).astype(float) / 100.0 + RANDOM.normal(size=200)
    table = pa.table({"when": when, "level": level})
    density = pf.FlowDensity("gaussian", max_epochs=5, random_state=0, background=False).fit(table)
    rows = density.condition({"when": "2024-05-01"}).sample(3, random_state=0)
    assert [str(day)[:10] for day in rows[:, 0]] == ["2024-05-01"] * 3
    later = density.condition({"when": ("2024-06-01", None)}).sample(50, random_state=0)
    assert min(str(day)[:10] for day in later[:, 0]) >= "2024-06-01"


def test_holes_are_filled_and_nothing_else_is(pair, mixed):
    X = pair.sample(40, random_state=3)
    holes = X.copy()
    holes[::2, 1], holes[3, 0], holes[5] = np.nan, np.nan, np.nan
    filled = pair.impute(holes, draws=200)
    assert filled.shape == (200, 40, 2)
    there = np.isfinite(holes)
    np.testing.assert_array_equal(filled[:, there], np.broadcast_to(holes[there], (200, there.sum())))
    assert np.isfinite(filled).all()
    draws = pair.condition({"x0": X[0, 0]}).sample(20_000, random_state=0)[:, 1]
    assert abs(filled[:, 0, 1].mean() - draws.mean()) < 4.0 * draws.std() / np.sqrt(200)
    table = TABLE.slice(0, 20).to_pylist()
    for i, row in enumerate(table):
        row["sex" if i % 2 else "age"] = None
        row["income"] = None if i % 3 == 0 else row["income"]
    found = mixed.impute(table, draws=2)
    assert found.shape == (2, 20, 4)
    assert set(found[:, :, 1].flat) <= {"F", "M"}
    assert all(isinstance(age, int) and 18 <= age < 80 for age in found[:, :, 0].flat)
    assert (found[:, 1, 0] == AGE[1]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_that_recur_are_filled_in_the_precision_of_the_rows(dtype):
    X = np.column_stack([RANDOM.choice([0.1, 0.7, 1.3], 300), RANDOM.normal(size=300)]).astype(dtype)
    model = pf.FlowDensity("maf", columns="infer", **QUICK)
    with pytest.warns(UserWarning, match="learned as probabilities"):
        model.fit(X)
    holes = X[:20].copy()
    holes[::2, 0] = np.nan
    filled = model.impute(holes, draws=3)
    assert filled.dtype == dtype
    assert np.isin(filled[..., 0], X[:, 0]).all()
    np.testing.assert_array_equal(filled[:, 1::2], np.broadcast_to(X[1:20:2], (3, 10, 2)))


def test_what_is_there_of_a_row_is_scored(pair):
    X = np.array([[1.5, 0.2], [1.5, np.nan], [np.nan, np.nan]])
    found = pair.score_incomplete(X)
    marginal = pair.marginal(["x0"]).log_prob(np.array([[1.5]])).value[0]
    np.testing.assert_allclose(found.value, [pair.score_samples(X[:1])[0], marginal, 0.0], atol=1e-5)
    assert found.error.tolist() == [0.0, 0.0, 0.0]


def test_far_out_it_says_how_far(mixed):
    with pytest.warns(UserWarning, match=r"income=1000000000 lies \d+\.\d standard deviations from the mean"):
        mixed.condition({"income": 1e9})


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"age": 17}, DataError, "probability zero: the column is integer, 18 to 79"),
        ({"age": 40.5}, DataError, "probability zero"),
        ({"income": -4.0}, DataError, "lies above 0"),
        ({"income": (None, -1.0)}, DataError, "probability zero"),
        ({"agee": 40}, DataError, "did you mean 'age'"),
        ({"sex": "X"}, DataError, "not seen in training"),
        ({"age": (60, 50)}, DataError, "contradict"),
        ({"hour": (3, 4)}, UsageError, "no order"),
        ({"age": "old"}, UsageError, "is a number"),
        ({}, DataError, "nothing is given"),
        ({"age": 50, "sex": "F", "income": 1e4, "hour": 3.0}, DataError, "all columns are given"),
    ],
)
def test_what_cannot_be_is_refused(mixed, given, error, words):
    with pytest.raises(error, match=words):
        mixed.condition(given)


SCHEMA = Schema(
    [
        Column("age", "integer", 0.0),
        Column("a=b", "unbounded"),
        Column("sex", "categorical", categories=("F", "M", "X")),
    ]
)


@pytest.mark.parametrize(
    ("texts", "values", "words"),
    [
        (["age=50"], {0: 50.0}, ""),
        (["a=b = -3"], {1: -3.0}, ""),
        (["sex!=F", "sex!=X"], {2: 1.0}, ""),
        (["age>=5", "age<=5"], {0: 5.0}, ""),
        (["age>5", "age=7"], {0: 7.0}, ""),
        (["age=5", "age=6"], {}, "contradict"),
        (["age>5", "age<5"], {}, "contradict"),
        (["age>5", "age<6"], {}, "probability zero"),
        (["age=5", "age>5"], {}, "contradict"),
        (["sex=F", "sex=M"], {}, "contradict"),
        (["age"], {}, "no condition"),
        (["age="], {}, "no condition"),
        (["ages=3"], {}, "did you mean 'age'"),
    ],
)
def test_conditions_in_text(texts, values, words):
    if not words:
        assert parse_where(SCHEMA, texts).values == values
        return
    with pytest.raises((DataError, UsageError), match=words):
        parse_where(SCHEMA, texts)


def test_a_conditional_model_is_told_to_use_its_conditions():
    density = pf.ConditionalFlowDensity("maf", **QUICK).fit(RAIN[:, None], RAIN[:, None] + 1.0)
    with pytest.raises(UsageError, match="conditional on x0 already"):
        TableJoint.of(density.model_, "condition")


def test_rows_whose_particles_are_too_much_alike_are_led_again(mixed, monkeypatch):
    """The second row has too few different particles at first: it alone is led by more, and once more at the most."""
    led, alike = [], iter([[1000, 10], [10], [10]])

    def solve(joint, query, pool, each, random, effort):
        led.append((len(query.values), each * ISLANDS))
        return whole(joint, query, pool, each, random, effort)

    whole = _impute.solve
    monkeypatch.setattr(_impute, "solve", solve)
    monkeypatch.setattr(_impute, "_different", lambda found: np.array(next(alike)))
    rows = np.array([[40, "F", None, 9.0], [60, "M", None, 12.0]], object)
    found = mixed.impute(rows, draws=5)
    assert led == [(2, 256), (1, 1024), (1, 4096)]
    assert found.shape == (5, 2, 4)
    assert len(np.unique(found[:, 1, 2].astype(float))) == 5
