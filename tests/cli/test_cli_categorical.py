"""Tables with categories through the command line: the same kinds of columns go in and come out."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import pushforward as pf
from cli.shell import SMALL, run_command, write_csv

NAMES = "colour,x,yes,season"
COLOURS = ("blue", "green, dark", "red")


@pytest.fixture(scope="module")
def rows() -> list[list[object]]:
    rng = np.random.default_rng(0)
    codes, yes, season = rng.integers(0, 3, 80), rng.random(80) < 0.5, rng.integers(1, 5, 80)
    numbers = codes + rng.normal(size=80)
    return [
        [f'"{COLOURS[c]}"', f"{x:.6f}", "true" if y else "false", s]
        for c, x, y, s in zip(codes, numbers, yes, season, strict=True)
    ]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, rows) -> Path:
    return write_csv(tmp_path_factory.mktemp("data") / "mixed.csv", NAMES, rows)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, data) -> Path:
    path = tmp_path_factory.mktemp("model") / "mixed.safetensors"
    result = run_command("fit", data, "-o", path, *SMALL, "--column", "season:categorical")
    assert result.exit_code == 0, result.stderr
    assert "'colour' is categorical: text, with 3 values: 'blue', 'green, dark', 'red'." in result.stderr
    assert "'season' is categorical: as asked for, with 4 values: 1, 2, 3, 4." in result.stderr
    assert "3 categorical columns by a masked network, the others by realnvp given them" in result.stderr
    return path


def test_samples_have_the_kinds_of_the_data(works, model, tmp_path):
    works("sample", model, "-n", 40, "-o", tmp_path / "s.csv")
    with open(tmp_path / "s.csv", newline="") as file:
        drawn = list(csv.DictReader(file))
    assert {row["colour"] for row in drawn} <= set(COLOURS)
    assert {row["yes"] for row in drawn} == {"true", "false"}
    assert {row["season"] for row in drawn} <= set("1234")
    assert works("score", model, tmp_path / "s.csv").stdout.count("\n") == 41


def test_samples_keep_their_types_in_parquet(works, model, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    works("sample", model, "-n", 20, "-o", tmp_path / "s.parquet")
    types = {field.name: str(field.type) for field in parquet.read_schema(tmp_path / "s.parquet")}
    assert types == {"colour": "string", "x": "float", "yes": "bool", "season": "int64"}
    assert "-inf" not in works("score", model, tmp_path / "s.parquet").stdout


def test_an_unseen_category_scores_minus_infinity_and_is_named(works, model, rows, tmp_path):
    strange = [["violet", *row[1:]] for row in rows[:3]] + [[*row[:3], 9] for row in rows[3:4]] + rows[4:6]
    result = works("score", model, write_csv(tmp_path / "d.csv", NAMES, strange))
    assert [line.split(",")[1] == "-inf" for line in result.stdout.split()[1:]] == [True] * 4 + [False] * 2
    assert "column 'colour': 'violet' was not seen in training (3 rows): log_prob is -inf there." in result.stderr
    assert "column 'season': 9 was not seen in training (1 row): log_prob is -inf there." in result.stderr


def test_a_category_that_is_a_number_in_the_first_rows_may_be_text_later(works, fails, tmp_path):
    many = [[1 + i % 3, i % 7] for i in range(60)] + [["B", 1]] * 9
    source = write_csv(tmp_path / "d.csv", "bin,x", many)
    model = tmp_path / "m.safetensors"
    assert "'B' in row 61" in fails("fit", source, "-o", model, *SMALL)[0]
    assert "'1', '2', '3', 'B'" in works("fit", source, "-o", model, *SMALL, "--column", "bin:categorical").stderr
    assert "-inf" not in works("score", model, write_csv(tmp_path / "e.csv", "bin,x", many[:5])).stdout


def test_a_model_with_categories_is_described(works, model):
    text = works("show", model).stdout
    assert "colour  categorical  3 values" in text
    assert "CategoricalMADE" in text
    column = json.loads(works("show", model, "--json").stdout)["columns"][0]
    assert column["categories"] == list(COLOURS)


@pytest.mark.parametrize("what", ["corner", "shares"])
def test_categories_are_drawn(works, model, data, tmp_path, what):
    works("plot", model, data, "-o", tmp_path / "p.png", "--what", what)
    assert (tmp_path / "p.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("what", "error"),
    [("density", "a density picture is of numbers, and 'colour' is categorical"), ("steps", "the steps are those of")],
)
def test_pictures_of_numbers_are_refused(fails, model, tmp_path, what, error):
    said = fails("plot", model, "-o", tmp_path / "p.png", "--what", what, code=2)
    assert said[0].startswith(error)
    assert "--what shares" in said[1]


@pytest.fixture(scope="module")
def given_colour(tmp_path_factory: pytest.TempPathFactory, data) -> Path:
    path = tmp_path_factory.mktemp("model") / "given.safetensors"
    options = ("--condition", "colour,season", "--column", "season:categorical", "--drop", "yes")
    result = run_command("fit", data, "-o", path, *SMALL, *options)
    assert result.exit_code == 0, result.stderr
    assert "condition 'season' is categorical: as asked for, with 4 values" in result.stderr
    return path


def test_conditions_may_be_categories(works, given_colour, data, tmp_path):
    text = works("sample", given_colour, "-n", 3, "--given", "colour=red", "--given", "season=2").stdout
    assert [line.split(",")[1:] for line in text.splitlines()] == [["colour", "season"]] + [['"red"', "2"]] * 3
    works("sample", given_colour, "-n", 2, "--given-file", data, "-o", tmp_path / "s.csv")
    assert "-inf" not in works("score", given_colour, tmp_path / "s.csv").stdout


def test_conditions_may_be_angles(works, data, tmp_path):
    options = ("--condition", "season", "--column", "season:circular(4)", "--drop", "yes,colour")
    said = works("fit", data, "-o", tmp_path / "m.safetensors", *SMALL, *options).stderr
    assert "condition 'season' is circular(4): as asked for" in said
    first, later = (
        works("sample", tmp_path / "m.safetensors", "-n", 2, "--seed", 0, "--given", f"season={season}").stdout
        for season in (1, 5)
    )
    assert [row.split(",")[0] for row in first.splitlines()] == [row.split(",")[0] for row in later.splitlines()]


@pytest.mark.parametrize(
    ("given", "error", "hint"),
    [
        (
            ("colour=pink", "season=2"),
            "column 'colour': 'pink' was not seen in training",
            "'blue', 'green, dark', 'red'",
        ),
        (("colour=red", "season=2.5"), "column 'season': '2.5' was not seen in training", "choose among 1, 2, 3, 4"),
    ],
)
def test_unseen_conditions_are_refused(fails, given_colour, given, error, hint):
    said = fails("sample", given_colour, "--given", given[0], "--given", given[1])
    assert said[0].startswith(error)
    assert hint in said[1]


@pytest.mark.parametrize(
    ("cell", "options", "error", "hint"),
    [
        (lambda i: f"id{i}", (), "column 'c' holds 30 different values in 30 rows, more than half", "--drop c"),
        (
            lambda i: "ab"[i % 2],
            ("--column", "c:positive"),
            "column 'c' holds text: 'a' in row 1",
            "leave the column out",
        ),
        (lambda i: i + 0.5, ("--column", "c:categorical"), "column 'c' holds 30 different values", "--drop c"),
        (lambda i: "ab"[i % 2], ("--weights", "c"), "column 'c' holds text: 'a' in row 1, but numbers", "correct it"),
        (
            lambda i: "ab"[i % 2] * (i != 4),
            (),
            "d.csv: 1 row with an empty, NaN or infinite cell: row 5",
            "--drop-missing",
        ),
        (lambda i: "ab"[i % 2], ("--flow", "sphere"), "flow='sphere' is for points of the sphere", "--condition"),
    ],
)
def test_columns_that_are_no_categories_are_refused(fails, tmp_path, cell, options, error, hint):
    source = write_csv(tmp_path / "d.csv", "c,x", [[cell(i), i % 11] for i in range(30)])
    said = fails("fit", source, "-o", tmp_path / "m.safetensors", *options)
    assert said[0].startswith(error)
    assert hint in said[1]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_categories_that_look_missing_are_scored_as_they_were_sampled(works, tmp_path, suffix):
    names = ("NA", "", "None", " DE ")
    codes = np.arange(60.0) % 4
    x = np.random.default_rng(0).normal(size=60)
    rows = pf.data.Table(("land", "x"), np.column_stack([codes, x]), categories={"land": names})
    pf.data.write_table(tmp_path / "d.parquet", rows)
    works("fit", tmp_path / "d.parquet", "-o", tmp_path / "m.safetensors", *SMALL)
    works("sample", tmp_path / "m.safetensors", "-n", 200, "-o", tmp_path / f"s.{suffix}")
    result = works("score", tmp_path / "m.safetensors", tmp_path / f"s.{suffix}")
    assert "wrote 200 scores" in result.stderr
    assert "-inf" not in result.stdout


@pytest.fixture(scope="module")
def doses(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A table with three doses, with decimal commas too, and with -9 in some places."""
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("doses")
    cells = [
        (dose, f"{x:.4f}") for dose, x in zip(rng.choice(["0.5", "1.0", "2.5"], 90), rng.normal(size=90), strict=True)
    ]
    plain = write_csv(folder / "doses.csv", "dose,x", cells)
    comma = folder / "comma.csv"
    comma.write_text(plain.read_text().replace(",", ";").replace(".", ","))
    holes = write_csv(
        folder / "holes.csv", "dose,x", [("-9.0" if i < 9 else dose, x) for i, (dose, x) in enumerate(cells)]
    )
    return {"plain": plain, "comma": comma, "holes": holes}


def test_numbers_that_recur_are_read_as_at_the_fit(works, doses, tmp_path):
    path = tmp_path / "m.safetensors"
    said = works("fit", doses["comma"], "-o", path, *SMALL, "--decimal", ",").stderr
    assert "'dose' is categorical: numbers that recur, with 3 values: 0.5, 1, 2.5." in said
    assert "any other has density 0" in said
    for source, how in ((doses["comma"], ("--decimal", ",")), (doses["plain"], ())):
        assert "-inf" not in works("score", path, source, *how).stdout
    drawn = works("sample", path, "-n", 20, "--where", "dose>=1").stdout.splitlines()[1:]
    assert {line.split(",")[0] for line in drawn} <= {"1", "2.5"}
    works("sample", path, "-n", 20, "-o", tmp_path / "s.npy")
    assert set(np.load(tmp_path / "s.npy")[:, 0]) <= {0.5, 1.0, 2.5}
    works("sample", path, "-n", 20, "-o", tmp_path / "s.csv")
    assert "-inf" not in works("score", path, tmp_path / "s.csv").stdout


def test_a_number_that_stands_for_no_value_is_none_of_those_that_recur(works, doses, tmp_path):
    path, missing = tmp_path / "m.safetensors", "--missing=-9"
    said = works("fit", doses["holes"], "-o", path, *SMALL, missing, "--incomplete").stderr
    assert "with 3 values: 0.5, 1, 2.5." in said
    assert "9 missing cells filled" in works("impute", path, doses["holes"], missing, "-o", tmp_path / "f.csv").stderr
    filled = np.loadtxt(tmp_path / "f.csv", delimiter=",", skiprows=1)
    assert {0.5, 1.0, 2.5} >= set(filled[:, 0])


def test_numbers_that_are_said_to_be_categories_are_numbers_too(works, doses, tmp_path):
    path = tmp_path / "m.safetensors"
    said = works("fit", doses["plain"], "-o", path, *SMALL, "--column", "dose:categorical").stderr
    assert "as asked for, with 3 values: 0.5, 1, 2.5." in said
    assert "-inf" not in works("score", path, doses["comma"], "--decimal", ",").stdout


def test_given_a_condition_and_as_one_they_are_numbers(works, doses, tmp_path):
    path = tmp_path / "m.safetensors"
    for condition in ("x", "dose"):
        said = works("fit", doses["plain"], "-o", path, *SMALL, "--condition", condition).stderr
        assert "numbers that recur" not in said
