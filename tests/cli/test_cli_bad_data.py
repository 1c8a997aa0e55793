"""Data and options that cannot be used: one line says what is wrong, one line what to do, and nothing is written."""

from pathlib import Path

import numpy as np
import pytest

from cli.shell import SMALL

ROWS = np.random.default_rng(0).normal(size=(30, 2)).round(4)
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
