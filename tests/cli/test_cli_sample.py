"""`pushforward sample`."""

import numpy as np
import pytest

import pushforward as pf
from cli.shell import write_csv


def test_samples_have_the_columns_of_the_model_and_stay_inside(works, people_model, tmp_path):
    result = works("sample", people_model, "-n", 500, "-o", tmp_path / "s.csv")
    rows = pf.data.read_table(tmp_path / "s.csv")
    assert rows.names == ("height", "age", "share")
    assert rows.kinds == ("float", "int", "float")
    assert rows.num_rows == 500
    assert (rows.column("height") > 0).all()
    assert rows.column("age").min() >= 0
    assert rows.column("age").max() <= 120
    assert ((rows.column("share") >= 0) & (rows.column("share") <= 1)).all()
    assert f"wrote 500 rows to {tmp_path / 's.csv'}" in result.stderr
    scores = works("score", people_model, tmp_path / "s.csv", "-q").stdout
    assert "-inf" not in scores


def test_integers_are_integers_in_parquet(works, people_model, tmp_path):
    from pyarrow import parquet

    works("sample", people_model, "-n", 10, "-o", tmp_path / "s.parquet")
    assert str(parquet.read_schema(tmp_path / "s.parquet").field("age").type) == "int64"


def test_the_seed_decides_the_rows(works, moons_model):
    a, b, c = (works("sample", moons_model, "-n", 5, "--seed", seed, "-q").stdout for seed in (1, 1, 2))
    assert a == b != c


def test_a_low_temperature_draws_rows_nearer_to_modes(works, moons_model, tmp_path):
    """Nearer to each other: a mixture of flow and Gaussians keeps the centres of its parts."""
    apart = []
    for temperature in (0.1, 1.0):
        works("sample", moons_model, "-n", 500, "--temperature", temperature, "-o", tmp_path / "s.npy", "-q")
        rows = np.load(tmp_path / "s.npy")
        distances = np.linalg.norm(rows[:, None] - rows, axis=2)
        apart.append(np.median(np.sort(distances, axis=1)[:, 1]))
    assert apart[0] < 0.3 * apart[1]


def test_given_conditions_are_written_behind_the_columns(works, conditional_model):
    lines = works("sample", conditional_model, "-n", 3, "--given", "age=41", "-q").stdout.splitlines()
    assert lines[0] == "height,share,age"
    assert [line.rpartition(",")[2] for line in lines[1:]] == ["41"] * 3


def test_a_file_of_conditions_gives_rows_for_each(works, conditional_model, tmp_path):
    rows = write_csv(tmp_path / "given.csv", "name,age", [["a", 30], ["b", 50.5]])
    works("sample", conditional_model, "-n", 2, "--given-file", rows, "-o", tmp_path / "s.csv")
    assert pf.data.read_table(tmp_path / "s.csv").column("age").tolist() == [30, 30, 50.5, 50.5]
    assert len(works("score", conditional_model, tmp_path / "s.csv", "-q").stdout.splitlines()) == 5


def test_large_conditions_keep_their_digits(works, conditional_model):
    line = works("sample", conditional_model, "-n", 1, "--given", "age=20250101", "-q").stdout.splitlines()[1]
    assert line.endswith(",20250101")


@pytest.mark.parametrize(
    ("options", "code", "error", "hint"),
    [
        ((), 2, "the model is conditional on age.", "add --given age=VALUE, or --given-file"),
        (("--given", "agee=1"), 1, "--given: the model has no condition 'agee'.", "did you mean 'age'?"),
        (
            ("--given", "age"),
            2,
            "Invalid value for '--given': 'age' is not COLUMN=VALUE, such as alcohol=13.2.",
            "see",
        ),
        (("--given", "age=old"), 2, "--given age=old: 'age' is a number.", "write COLUMN=NUMBER"),
        (("--given", "age=1", "--given-file", "x.csv"), 2, "--given and --given-file exclude each other.", "put all"),
    ],
)
def test_wrong_conditions(fails, conditional_model, options, code, error, hint):
    said = fails("sample", conditional_model, *options, code=code)
    assert said[0].startswith(error)
    assert said[1].startswith(hint)


def test_one_of_two_conditions_is_missing(fails, works, people, tmp_path):
    model = tmp_path / "m.safetensors"
    works("fit", people, "-o", model, "--flow", "affine", "--max-epochs", 1, "--condition", "age,share", "-q")
    assert fails("sample", model, "--given", "age=3") == (
        "--given: share missing; the model is conditional on age, share.",
        "add --given share=VALUE",
    )


def test_conditions_for_a_model_without_any(fails, moons_model):
    error, hint = fails("sample", moons_model, "--given", "a=1", code=2)
    assert error == "the model is not conditional."
    assert "--condition" in hint


def test_no_rows_is_a_usage_error(fails, moons_model):
    assert "0 is not in the range x>=1" in fails("sample", moons_model, "-n", 0, code=2)[0]


def test_a_temperature_that_is_no_number_is_a_usage_error(fails, moons_model):
    assert "nan is not a finite number" in fails("sample", moons_model, "--temperature", "nan", code=2)[0]
