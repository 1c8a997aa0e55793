"""Columns that are functions of others, and rows to a flow and back."""

import numpy as np
import pytest

from pushforward.data import Column, Schema, Table, encode, infer_schema
from pushforward.modalities.table._settings import TableSettings
from pushforward.modalities.table.synthesis._coding import Coding
from pushforward.modalities.table.synthesis._fit import fitted
from pushforward.modalities.table.synthesis._functions import functions_between


def categories(*counts: int) -> Schema:
    return Schema([Column(f"c{i}", "categorical", categories=tuple(range(n))) for i, n in enumerate(counts)])


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def people(rng) -> Table:
    """A number, a level, its number, and what is bought."""
    level = rng.integers(0, 4, 400)
    values = np.column_stack([rng.normal(size=400), level, 10.0 * level + 5, rng.integers(0, 3, 400)])
    names = ("x", "level", "years", "bought")
    return Table(names, values, ("float", "category", "int", "int"), categories={"level": ("a", "b", "c", "d")})


def test_of_two_names_of_one_thing_one_is_kept(rng):
    codes = rng.integers(0, 3, 200).astype(float)
    found = functions_between(np.column_stack([codes, 2 - codes]), categories(3, 3))
    assert list(found) == [0]
    assert found[0].source == 1
    np.testing.assert_array_equal(found[0].of(np.array([[-9.0, 0.0], [-9.0, 2.0], [-9.0, -1.0]])), [2, 0, -1])


def test_a_coarser_column_is_a_function_and_the_finer_one_is_not(rng):
    fine = rng.integers(0, 6, 300)
    found = functions_between(np.column_stack([fine, fine // 2, rng.integers(0, 2, 300)]), categories(6, 3, 2))
    assert {place: function.source for place, function in found.items()} == {1: 0}


def test_one_exception_is_no_function(rng):
    fine = rng.integers(0, 6, 300)
    coarse = fine // 2
    coarse[0] = (coarse[0] + 1) % 3
    assert not functions_between(np.column_stack([fine, coarse]), categories(6, 3))


def test_few_rows_prove_no_function(rng):
    given = np.arange(100) // 2  # two rows for each of fifty categories
    assert not functions_between(np.column_stack([given, given % 2]), categories(50, 2))


def test_what_is_nearly_constant_is_no_function():
    given, rare = np.repeat([0, 1, 2], 100), np.zeros(300)
    given[:3], rare[:3] = 2, 0
    assert not functions_between(np.column_stack([given, rare]), categories(3, 1))


def test_rows_go_to_the_flow_and_back(people):
    schema, _ = infer_schema(people)
    coding = Coding.of(people, schema, {})
    assert [coding.schema.names[place] for place in coding.functions] == ["level"]
    shown, log_det = coding.table_of(encode(people, schema), seed=0)
    assert shown.names == ("x", "years", "bought")
    assert np.isfinite(log_det).all()
    back = coding.rows_of(shown.values)
    np.testing.assert_array_equal(back.values[:, 1:], people.values[:, 1:])
    np.testing.assert_allclose(back.values[:, 0], people.values[:, 0].clip(*coding.marginals[0].x[[0, -1]]), atol=1e-9)
    assert back.kinds == ("float", "category", "int", "int")


def test_members_are_the_rows_that_were_learned_from(people):
    settings = TableSettings("affine", max_epochs=1, validation=0.25, random_state=0, background=False)
    none = TableSettings("affine", max_epochs=1, validation=None, random_state=0, background=False)
    members = fitted(people, settings, {}, 0).members
    assert len(members) == pytest.approx(0.75 * people.num_rows, abs=1)
    assert len(np.unique(members)) == len(members)
    assert len(fitted(people, none, {}, 0).members) == people.num_rows


def test_a_row_that_breaks_a_function_has_no_density(people):
    schema, _ = infer_schema(people)
    coding = Coding.of(people, schema, {})
    values = encode(people, schema).values.copy()
    values[0, 1] = (values[0, 1] + 1) % 4
    _, log_det = coding.table_of(Table(schema.names, values), seed=0)
    assert log_det[0] == -np.inf
    assert np.isfinite(log_det[1:]).all()


def test_kinds_that_the_user_says_stay(people):
    kinds = {"bought": "integer"}
    schema, _ = infer_schema(people, kinds)
    assert Coding.of(people, schema, kinds).seen.columns[3].kind == "unbounded"
    assert Coding.of(people, schema, {}).seen.columns[3].kind == "categorical"
