"""Data and options that cannot be used: one line says what is wrong, one line what to do, and nothing is written."""

from pathlib import Path

import numpy as np
import pytest

from cli.shell import SMALL, write_csv

ROWS = np.random.default_rng(0).normal(size=(30, 2)).round(4)
DECLARED = ("--epsilon", "3", "--bounds", "a=0:9", "--categories", "b=x,y")
GOOD = "a,b\n" + "\n".join(f"{a},{b}" for a, b in ROWS) + "\n"


def changed(row: int, text: str) -> str:
    lines = GOOD.splitlines()
    lines[row] = text
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("text", "error", "hint"),
    [
        ("", "d.csv: the file is empty.", "column names and rows"),
        ("a,b\n", "d.csv: no rows.", "no numbers under them"),
        ("a,b\n1,2\n", "data: 1 row, but fitting needs at least 2.", "many rows"),
        (changed(2, "0.1,bob"), "d.csv: column 'b' holds text: 'bob' in row 2.", "--drop b"),
        (
            changed(3, "nan,1"),
            "d.csv: 1 row with an empty, NaN or infinite cell: row 3 (column 'a').",
            "--drop-missing",
        ),
        (
            changed(5, "1,-inf"),
            "d.csv: 1 row with an empty, NaN or infinite cell: row 5 (column 'b').",
            "--drop-missing",
        ),
        ("a,b\n" + "1,2\n" * 3 + "2,2\n", "column 'b' holds one value only", "--drop b"),
        (GOOD.replace("a,b", "a,a"), "d.csv: column name 'a' used more than once.", "give each its own"),
        (changed(4, "1,2,3"), "d.csv: row 4 has 3 cells, but there are 2 columns.", "one cell per column"),
    ],
    ids=["empty", "no rows", "one row", "text", "nan", "infinity", "constant", "duplicate names", "ragged"],
)
def test_bad_tables(fails, tmp_path, text, error, hint):
    (tmp_path / "d.csv").write_text(text)
    said = fails("fit", tmp_path / "d.csv", "-o", tmp_path / "m.safetensors", *SMALL)
    assert error in said[0]
    assert hint in said[1]
    assert [file.name for file in tmp_path.iterdir()] == ["d.csv"]


@pytest.fixture
def good(tmp_path) -> Path:
    (tmp_path / "good.csv").write_text(GOOD)
    return tmp_path / "good.csv"


@pytest.mark.parametrize(
    ("options", "code", "error", "hint"),
    [
        (("--flow", "real-nvp"), 2, "no flow is called 'real-nvp'", "did you mean 'realnvp'?"),
        (("--set", "num_layer=3"), 2, "--set num_layer: nsf has no such option.", "did you mean 'num_layers'?"),
        (("--set", "width=wide"), 2, "--set width=wide: width is a whole number.", "write for example width=128"),
        (("--set", "num_layers=2.5"), 2, "--set num_layers=2.5: num_layers is a whole number.", "num_layers="),
        (("--set", "num_layers"), 2, "Invalid value for '--set': 'num_layers' is not OPTION=VALUE", "--help"),
        (("--set", "activation=bold"), 2, "--set activation=bold: ", "pushforward flows nsf"),
        (("--condition", "c"), 1, "--condition: there is no column 'c'.", "choose one of a, b"),
        (("--condition", "a,b"), 1, "no column is left to learn.", "--condition"),
        (("--condition", "a", "--weights", "a"), 2, "column 'a' has two roles.", "name it once"),
        (("--weights", "weight"), 1, "--weights: there is no column 'weight'.", "choose one of a, b"),
        (("--weights", "a"), 1, "column 'a' holds a negative weight", "0 or more"),
        (("--drop", "z"), 1, "no column 'z'.", "choose one of a, b"),
        (("--column", "z:positive"), 1, "--column: there is no column 'z'.", "choose one of a, b"),
        (("--column", "a"), 1, "'a' is not NAME:KIND.", "age:positive"),
        (("--column", "a:postive"), 1, "there is no such kind", "did you mean 'positive'?"),
        (("--column", "a:categorical(3,4)"), 1, "categorical takes no limits", "bounded(0,1)"),
        (("--column", "a:circular(0)"), 1, "the period of a circular column must be above 0, got 0", "circular(360)"),
        (("--flow", "circular-nsf"), 1, "is for circular columns, and there is none", "angle:circular(360)"),
        (("--column", "a:positive"), 1, "column 'a' cannot be positive: ", "another kind"),
        (
            ("--column", "a:positive", "--condition", "a"),
            2,
            "the kind of a condition is categorical or circular",
            "leave the option",
        ),
        (("--learning-rate", "0"), 2, "0 is not in the range x>0", "--help"),
        (("--validation", "1"), 2, "1 is not in the range 0<=x<1", "--help"),
        (("--max-epochs", "0"), 2, "0 is not in the range x>=1", "--help"),
    ],
)
def test_bad_options(fails, good, tmp_path, options, code, error, hint):
    said = fails("fit", good, "-o", tmp_path / "m.safetensors", "--max-epochs", 1, *options, code=code)
    assert error in said[0]
    assert hint in said[1]
    assert [file.name for file in tmp_path.iterdir()] == ["good.csv"]


@pytest.mark.parametrize(
    ("source", "error", "hint"),
    [
        ("good.cvs", "good.cvs: no such file.", "did you mean 'good.csv'?"),
        ("nowhere/good.csv", "no such file.", "there is no folder 'nowhere'"),
        ("good.xls", "the extension '.xls' is not known.", "did you mean"),
        ("toy:moon", "no toy density is called 'moon'.", "did you mean 'moons'?"),
        ("sklearn:wines", "no bundled set is called 'wines'.", "did you mean 'wine'?"),
        (".", "this is a folder.", "one file"),
    ],
)
def test_bad_sources(fails, good, tmp_path, monkeypatch, source, error, hint):
    monkeypatch.chdir(tmp_path)
    Path("good.xls").write_text(GOOD)
    said = fails("fit", source, "-o", "m.safetensors", *SMALL)
    assert error in said[0]
    assert hint in said[1]


def test_all_that_is_wrong_is_said_in_one_message(fails, tmp_path):
    rng = np.random.default_rng(0)
    lines = ["id,when,price,const,x,good"]
    for i in range(40):
        price, x = "" if i == 5 else i / 8, "oops" if i == 3 else i / 4
        lines.append(f"k{i},2020-0{1 + (i == 0)}-{30 - i % 28:02d},{price},7,{x},{rng.normal():.3f}")
    (tmp_path / "d.csv").write_text("\n".join(lines) + "\n")
    error, hint = fails("fit", tmp_path / "d.csv", "-o", tmp_path / "m.safetensors", *SMALL)
    assert error.startswith("5 problems: ")
    for part in (
        "column 'when' holds '2020-02-30' in row 1, a date that does not exist",
        "column 'x' holds text: 'oops' in row 4",
        "1 row with an empty, NaN or infinite cell: row 6 (column 'price')",
        "column 'id' holds 39 different values in 39 rows",
        "column 'const' holds one value only",
    ):
        assert part in error
    assert "--drop-missing" in hint
    assert [file.name for file in tmp_path.iterdir()] == ["d.csv"]


@pytest.mark.parametrize(
    ("name", "option"),
    [("a b", "'a b'"), ("it's", "'it'\"'\"'s'"), ("a, b", "'\"a, b\"'"), ("$x", "'$x'")],
)
def test_names_in_hints_can_be_pasted_into_a_shell(fails, works, tmp_path, name, option):
    import shlex

    rows = [f"1,{value:.4f}" for value in ROWS[:, 0]]
    quoted = name.replace('"', '""')
    (tmp_path / "d.csv").write_text("\n".join([f'"{quoted}",b', *rows]) + "\n")
    _, hint = fails("fit", tmp_path / "d.csv", "-o", tmp_path / "m.safetensors", *SMALL)
    assert f"`--drop {option}`" in hint
    given = shlex.split(hint[hint.index("`") + 1 : hint.rindex("`")])
    works("fit", tmp_path / "d.csv", "-o", tmp_path / "m.safetensors", *SMALL, *given)


@pytest.mark.parametrize(
    ("text", "error", "hint"),
    [
        ("x0,x1\n1,2\n1,$3\n", "column 'x1' holds text: '$3' in row 2", "write the numbers without '$', such as 3"),
        ("x0,x1\n1,2\n1,bob\n", "column 'x1' holds text: 'bob' in row 2", "numbers are wanted there: correct it"),
        ("x0,x1\n1,\n1,\n", "rows 1, 2 (column 'x1')", "it is wanted there"),
    ],
)
def test_hints_of_a_command_are_of_options_that_it_has(fails, moons_model, tmp_path, text, error, hint):
    (tmp_path / "d.csv").write_text(text)
    for command in (("score",), ("plot", "-o", tmp_path / "p.png")):
        said = fails(command[0], moons_model, tmp_path / "d.csv", *command[1:])
        assert error in said[0]
        assert hint in said[1]
        assert not {"--drop", "--column"} & set(said[1].replace("`", " ").split())


def test_what_a_table_is_like_can_be_said(works, moons_model, tmp_path):
    plain = "x0,x1\n0.5,1\n1.5,0.25\n"
    other = "# by hand\nx0|x1|café\n0,5|1|à\n-99|1|\n1,5|0,25|\n"
    (tmp_path / "other.txt").write_bytes(other.encode("cp1252"))
    given = ("--delimiter", "|", "--decimal", ",", "--encoding", "cp1252", "--comment", "#", "--missing", "-99")
    result = works("score", moons_model, tmp_path / "other.txt", *given, "--drop-missing", "--keep", "café")
    expected = works("score", moons_model, "-", input=plain).stdout.split()
    lines = result.stdout.split()
    assert [line.split(",")[2] for line in lines] == [
        "log_prob",
        expected[1].split(",")[1],
        "",
        expected[2].split(",")[1],
    ]
    assert lines[1].split(",")[1] == '"à"'


@pytest.mark.parametrize(
    ("text", "options", "error", "hint"),
    [
        ("a,b\n1,\n2,\n3,\n", (), "column 'b' has no value, or one alone", "--drop b"),
        ("a,b\n1,2\n2,\n3,1\n", ("--weights", "b"), "column 'b' is a weight, and 1 of its cells", "fill it"),
        ("a,b\n1,x\n2,\n3,y\n", ("--condition", "b"), "column 'b' is a condition, and 1 of its cells", "fill it"),
        ("a,b\n1,x\n,y\n3,y\n", ("--condition", "b"), "incomplete rows and conditions exclude", "sample --where"),
        ("a,b\n1,2\n,3\n3,1\n", ("--drop-missing",), "exclude each other", "leave one of them out"),
        ("a,b\n1,2\n,3\n3,1\n", ("--resume",), "cannot be resumed", "--resume"),
    ],
)
def test_holes_that_cannot_be(fails, tmp_path, text, options, error, hint):
    path = tmp_path / "holes.csv"
    path.write_text(text)
    code = 2 if "exclude" in error or "resumed" in error else 1
    end = ("--flow", "gaussian", "--incomplete", *options)
    found = fails("fit", path, "-o", tmp_path / "m.safetensors", *end, "--quiet", code=code)
    assert error in found[0]
    assert hint in found[1]


@pytest.mark.parametrize(
    ("options", "code", "error", "hint"),
    [
        (("--epsilon", "3"), 1, "column 'a' has no limits: its mean, spread", "--bounds a=0:120"),
        (("--epsilon", "3", "--bounds", "a=0:9"), 1, "column 'b' is categorical: which", "--categories b=A,B"),
        (("--epsilon", "3", "--bounds", "c=0:9"), 1, "there is no column 'c'", "a"),
        (("--epsilon", "3", "--bounds", "a=9:0"), 2, "is not COLUMN=LOW:HIGH", "fit --help"),
        (("--epsilon", "0"), 2, "0 is not in the range x>0", "fit --help"),
        (("--epsilon", "-1"), 2, "-1 is not in the range x>0", "fit --help"),
        (("--epsilon", "inf"), 2, "inf is not a finite number", "fit --help"),
        (("--bounds", "a=0:9"), 2, "`bounds` (`--bounds`) is for private fits", "give `epsilon`"),
        (("--delta", "1e-6"), 2, "`delta` (`--delta`) is for private fits", "give `epsilon` (`--epsilon`) too"),
        (("--delta", "1e-5"), 2, "`delta` (`--delta`) is for private fits", "give `epsilon` (`--epsilon`) too"),
        (("--clip-norm", "1"), 2, "`clip_norm` (`--clip-norm`) is for private fits", "give `epsilon`"),
        (("--clip-norm", "2"), 2, "`clip_norm` (`--clip-norm`) is for private fits", "give `epsilon`"),
        ((*DECLARED, "--checkpoint", "c"), 2, "has no `checkpoint` (`--checkpoint`)", "it would hold the noise"),
        ((*DECLARED, "--bounds", "a=0:8"), 2, "'a' is given twice", "fit --help"),
        ((*DECLARED, "--categories", "b=x"), 2, "'b' is given twice", "fit --help"),
        (("--column", "a:positive", "--column", "a:unbounded"), 2, "--column: 'a' is given twice", "leave one"),
        ((*DECLARED, "--patience", "3"), 2, "has no `patience` (`--patience`)", "nothing is held out"),
        ((*DECLARED, "--validation", "0.3"), 2, "has no `validation`", "nothing is held out"),
        ((*DECLARED, "--resume"), 2, "has no `resume` (`--resume`)", "a checkpoint would hold the noise"),
        ((*DECLARED, "--incomplete"), 2, "has no `incomplete`", "give whole rows"),
        ((*DECLARED, "--condition", "b"), 2, "has no `condition` (`--condition`)", "sample --where"),
    ],
)
def test_private_fits_that_cannot_be(fails, tmp_path, options, code, error, hint):
    path = write_csv(tmp_path / "p.csv", "a,b", [[i % 9, "xy"[i % 2]] for i in range(30)])
    end = ("--flow", "maf", *options, "--quiet")
    found = fails("fit", path, "-o", tmp_path / "m.safetensors", *end, code=code)
    assert error in found[0]
    assert hint in found[1]


def test_a_name_is_given_one_value(fails, conditional_model, tmp_path):
    error, _ = fails("sample", conditional_model, "-n", "3", "--given", "age=30", "--given", "age=31", code=2)
    assert "'age' is given twice" in error


def test_rows_are_left_out_or_scored_by_what_is_there(fails, people, people_model):
    error, hint = fails("score", people_model, people, "--incomplete", "--drop-missing", code=2)
    assert error == "--incomplete and --drop-missing exclude each other."
    assert hint.startswith("leave one of them out")
