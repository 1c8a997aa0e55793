"""Categorical columns in the schema: inference, codes, and what is refused."""

import json
import math

import numpy as np
import pytest

from pushforward._errors import DataError, FileError
from pushforward.data import (
    Column,
    Schema,
    Table,
    TableWriter,
    encode,
    infer_schema,
    read_table,
    unseen_categories,
    write_table,
)
from pushforward.data._categories import codes_of, retyped

COLOUR = Column("colour", "categorical", categories=("blue", "red"))


def coloured(*colours: str, name: str = "colour") -> Table:
    labels = tuple(dict.fromkeys(colours))
    codes = np.array([labels.index(colour) for colour in colours], float)
    return Table((name, "x"), np.stack([codes, np.arange(len(codes))], axis=1), categories={name: labels})


def test_text_is_inferred_as_categorical():
    schema, sentences = infer_schema(coloured("red", "blue", "red"))
    assert schema.columns[0].categories == ("blue", "red")
    assert sentences[0] == "'colour' is categorical: text, with 2 values: 'blue', 'red'."


def test_integers_are_categorical_only_when_asked():
    table = Table(("season",), np.array([[4.0], [1.0], [4.0]]))
    assert infer_schema(table)[0].columns[0].kind == "integer"
    assert infer_schema(table, {"season": "categorical"})[0].columns[0].categories == (1, 4)


def test_truth_values_may_be_asked_for_as_integers():
    table = Table(("yes",), np.array([[0.0], [1.0]]), categories={"yes": (False, True)})
    assert infer_schema(table, {"yes": "integer"})[0].columns[0].kind == "integer"


def test_a_column_with_one_category_is_no_error():
    assert infer_schema(coloured("red", "red"))[0].columns[0].categories == ("red",)


@pytest.mark.parametrize(("rows", "words"), [(30, "more than half as many as rows"), (5000, "more than 1,000")])
def test_an_identifier_is_refused(rows, words):
    values = np.arange(rows * 4)[:, None] // (1 if rows == 30 else 4)
    with pytest.raises(DataError, match=r"it looks like an identifier.*\nhint: leave it out.*--drop id") as error:
        infer_schema(Table(("id",), values), {"id": "categorical"})
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("positive", "column 'colour' holds text: 'red' in row 1, but numbers are wanted"),
        ("integer(0,1)", "holds text"),
    ],
)
def test_text_is_no_number(kind, message):
    with pytest.raises(DataError, match=message):
        infer_schema(coloured("red", "blue"), {"colour": kind})


def test_numbers_with_fractions_are_categories_where_they_are_said_to_be():
    schema, _ = infer_schema(Table(("x",), np.array([[0.5], [1.0]])), {"x": "categorical"})
    assert schema.columns[0].categories == (0.5, 1.0)
    again = Schema.from_json(json.loads(json.dumps(schema.to_json())))
    assert again.columns[0].categories == (0.5, 1.0)
    assert again.columns[0].text(1.0) == "1"


def test_the_code_of_a_number_is_that_of_the_same_number_however_it_is_stored():
    categories = (2.5, 0.1, 1.0)  # in the order of the schema
    found = codes_of(["0.10", 0.1, float(np.float32(0.1)), 1, "1", 2.5, 2.501, "x", True, "nan"], categories)
    assert found.tolist() == [1, 1, 1, 2, 2, 0, -1, -1, -1, -1]
    assert codes_of([], categories).tolist() == []
    assert codes_of([0.5, 1.0, 2.5], ("0.5", "1")).tolist() == [0, 1, -1]  # a model whose labels were text


def test_numbers_beyond_float32_are_told_apart_or_are_no_categories():
    assert codes_of([1e301, np.inf, 0.5], (-1e39, 0.5, 1e300)).tolist() == [-1, -1, 1]
    assert codes_of([-1e-300, 1e-50], (1e-300, 0.5, 2e-300)).tolist() == [-1, -1]
    seconds = np.resize([1.7e9 + 0.5, 1.7e9 + 1.5], 100)
    assert infer_schema(Table(("t",), seconds[:, None]))[0].columns[0].kind == "unbounded"


@pytest.mark.parametrize(
    ("texts", "labels"),
    [
        (("0.1", "1.0", "2.0"), (0.1, 1.0, 2.0)),
        (("0.5", "1", "2"), (0.5, 1.0, 2.0)),
        (("1", "2"), (1, 2)),
        (("1.10", "2.0"), ("1.10", "2.0")),
        (("007", "1.5"), ("007", "1.5")),
        (("nan", "0.5"), ("nan", "0.5")),
        (("inf", "0.5"), ("inf", "0.5")),
    ],
)
def test_text_is_numbers_where_it_is_written_as_they_are(texts, labels):
    assert retyped(texts) == labels


@pytest.mark.parametrize(
    ("categories", "message"),
    [
        ((), "there are no categories"),
        (("a", "a"), "listed twice"),
        (("a", 1), "different types"),
    ],
)
def test_categories_that_make_no_sense_are_refused(categories, message):
    with pytest.raises(DataError, match=message):
        Column("c", "categorical", categories=categories)


def test_only_categorical_columns_take_categories():
    with pytest.raises(DataError, match="positive takes no categories"):
        Column("c", "positive", categories=("a",))


def test_a_schema_goes_through_json():
    schema = Schema([COLOUR, Column("n", "categorical", categories=(1, 20)), Column("x", "unbounded")])
    again = Schema.from_json(json.loads(json.dumps(schema.to_json())))
    assert again == schema
    assert "categories" not in schema.to_json()["columns"][2]


@pytest.mark.parametrize("category", [None, math.nan, math.inf])
def test_a_damaged_category_is_refused(category):
    broken = {"columns": [{"name": "c", "kind": "categorical", "categories": [category]}]}
    with pytest.raises(FileError, match="a category must be text, a number or a truth value, got"):
        Schema.from_json(broken)


def test_codes_follow_the_schema_whatever_the_table_says():
    schema = Schema([COLOUR])
    encoded = encode(coloured("red", "green", "blue"), schema)
    assert encoded.column("colour").tolist() == [1, -1, 0]
    assert schema.outside(encoded.values).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("categories", "table", "codes"),
    [
        ((1, 2), Table(("c",), np.array([[2.0], [3.0]])), [1, -1]),
        ((1, 2), Table(("c",), np.array([[0.0], [1.0]]), categories={"c": ("2", "3")}), [1, -1]),
        (("01", "2"), Table(("c",), np.array([[2.0], [1.0]])), [1, -1]),
        ((False, True), Table(("c",), np.array([[1.0], [0.0], [2.0]])), [1, 0, -1]),
        ((False, True), Table(("c",), np.array([[0.0], [1.0]]), categories={"c": ("TRUE", "no")}), [1, -1]),
    ],
)
def test_categories_are_found_in_every_type(categories, table, codes):
    schema = Schema([Column("c", "categorical", categories=categories)])
    assert encode(table, schema).column("c").tolist() == codes


def test_unseen_categories_are_counted():
    table = coloured("green", "red", "green", "grey")
    assert unseen_categories(table, Schema([COLOUR])) == {"colour": {"green": 2, "grey": 1}}
    assert unseen_categories(coloured("red"), Schema([COLOUR])) == {}


def test_text_where_a_model_has_numbers_is_refused():
    with pytest.raises(DataError, match="column 'x' holds text: 'red' in row 1"):
        encode(Table(("x",), np.array([[0.0]]), categories={"x": ("red",)}), Schema([Column("x", "unbounded")]))


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet", "feather"])
def test_every_kind_of_category_is_written_and_read(tmp_path, ending):
    values = np.array([[0.0, 1.0, 1.0, 0.25], [1.0, 0.0, 0.0, 1.5], [0.0, 0.0, 1.0, 2.0]])
    categories = {"c": ("a, b", 'say "c"'), "n": (3, 7), "yes": (False, True)}
    table = Table(("c", "n", "yes", "x"), values, categories=categories)
    path = tmp_path / f"t.{ending}"
    write_table(path, table)
    again = read_table(path, text=["n"])
    if ending in ("csv", "tsv"):
        assert again.categories == categories
    else:  # these have types, and whole numbers are read as such
        assert again.categories == {name: categories[name] for name in ("c", "yes")}
        again = encode(again, Schema([_categorical(table, name) for name in ("c", "n", "yes")]))
    np.testing.assert_array_equal(again.select(["c", "n", "yes"]).values, values[:, :3])


def _categorical(table: Table, name: str) -> Column:
    return Column(name, "categorical", categories=table.categories[name])


@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_categories_do_not_fit_a_file_of_numbers(tmp_path, ending):
    with (
        pytest.raises(DataError, match=rf"column 'c' is categorical, and an .{ending} file holds numbers alone"),
        TableWriter(tmp_path / f"t.{ending}", ["c"], categories={"c": ("a",)}),
    ):
        pass
    assert not (tmp_path / f"t.{ending}").exists()
