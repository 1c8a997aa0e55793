"""`pushforward predict`."""

import numpy as np
import pytest

import pushforward as pf
from cli.shell import SMALL, write_csv


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    """A model of y = 2 a + noise of 0.1, and new rows of `a` beside a column that it does not know."""
    from cli.shell import run_command

    folder = tmp_path_factory.mktemp("line")
    rng = np.random.default_rng(0)
    a = rng.uniform(-1, 1, 400)
    data = write_csv(folder / "d.csv", "a,y", np.column_stack([a, 2 * a + 0.1 * rng.normal(size=400)]))
    more = ("--condition", "a", "--max-epochs", "30", "--learning-rate", "0.02", "--column", "y:unbounded")
    result = run_command("fit", data, "-o", folder / "m.safetensors", *SMALL, *more)
    assert result.exit_code == 0, result.stderr
    new = write_csv(folder / "new.csv", "name,a", [["x", -0.5], ["y", 0.5], ["z", 0.0]])
    return folder / "m.safetensors", new


def test_one_row_with_mean_quantiles_and_intervals_for_each_row(works, line, tmp_path):
    model, new = line
    result = works("predict", model, new, "--interval", "0.9", "--quantile", "0.5", "-o", tmp_path / "p.csv")
    table = pf.data.read_table(tmp_path / "p.csv")
    assert table.names == ("row", "y_mean", "y_q0.5", "y_low0.9", "y_high0.9")
    np.testing.assert_allclose(table.column("y_mean"), [-1.0, 1.0, 0.0], atol=0.15)
    assert (table.column("y_low0.9") < table.column("y_q0.5")).all()
    assert (table.column("y_q0.5") < table.column("y_high0.9")).all()
    np.testing.assert_allclose(table.column("y_high0.9") - table.column("y_low0.9"), 2 * 1.645 * 0.1, rtol=0.5)
    assert "wrote 3 predictions" in result.stderr


def test_it_says_what_the_estimator_says(works, line):
    model, new = line
    printed = np.array([line.split(",")[1] for line in works("predict", model, new, "-q").stdout.split()[1:]], float)
    expected = pf.ConditionalFlowDensity.load(model).predict([[-0.5], [0.5], [0.0]])
    np.testing.assert_allclose(printed, expected, rtol=1e-5, atol=1e-6)


def test_several_columns_have_standard_errors(works, conditional_model, people):
    result = works("predict", conditional_model, people, "--draws", "50", "--quantile", "0.5")
    header, *rows = result.stdout.split()
    assert header == (
        "row,height_mean,height_mean_error,height_q0.5,height_q0.5_error,share_mean,share_mean_error,share_q0.5,share_q0.5_error"
    )
    assert len(rows) == 60
    assert "each from 50 draws" in result.stderr


def test_keys_stay_beside_and_rows_that_are_left_out_keep_their_place(works, line, tmp_path):
    model, _ = line
    new = write_csv(tmp_path / "holes.csv", "name,a", [["x", -0.5], ["y", ""], ["z", 0.5]])
    rows = works("predict", model, new, "--keep", "name", "--drop-missing").stdout.replace('"', "").split()
    assert rows[0] == "row,name,y_mean"
    assert rows[2] == "2,y,"
    assert [row.split(",")[:2] for row in rows[1:]] == [["1", "x"], ["2", "y"], ["3", "z"]]


def test_what_cannot_be_predicted_says_why(fails, line, moons_model):
    model, new = line
    error, hint = fails("predict", moons_model, "toy:moons:5", code=2)
    assert "not conditional" in error
    assert "--condition" in hint
    assert "1" in fails("predict", model, new, "--interval", "90", code=2)[0]
    error, _ = fails("predict", model, "toy:moons:5")
    assert "'a'" in error
