"""`pushforward outliers`."""

import numpy as np
import pyarrow
import pytest

import pushforward as pf
from cli.shell import SMALL, run_command, write_csv


def ordinary(rows: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    a = rng.normal(size=rows)
    return np.column_stack([a, a + 0.3 * rng.normal(size=rows)])


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outliers")
    data = write_csv(folder / "d.csv", "a,b", ordinary(600, 0))
    result = run_command("fit", data, "-o", folder / "m.safetensors", *SMALL, "--validation", "0.2")
    assert result.exit_code == 0, result.stderr
    return folder / "m.safetensors"


@pytest.fixture(scope="module")
def new(tmp_path_factory):
    rows = [[f"n{i}", *row] for i, row in enumerate(ordinary(100, 1))]
    rows[7][1:] = [0.0, 25.0]
    rows[60][1:] = [30.0, 0.0]
    return write_csv(tmp_path_factory.mktemp("new") / "new.csv", "id,a,b", rows)


@pytest.fixture(scope="module")
def apart(tmp_path_factory):
    return write_csv(tmp_path_factory.mktemp("apart") / "apart.csv", "a,b", ordinary(299, 2))


def test_flagged_rows_have_their_key_p_value_and_odd_column(works, model, new, apart, tmp_path):
    out = tmp_path / "f.csv"
    result = works("outliers", model, new, "--calibration", apart, "--alpha", "0.01", "--keep", "id", "-o", out)
    table = pf.data.read_table(out, text=["id", "odd_columns"])
    assert table.names == ("row", "id", "log_prob", "p_value", "odd_columns")
    rows = {row: cells for row, *cells in zip(table.column("row"), *_texts(out, "id", "odd_columns"), strict=True)}
    assert rows[8.0] == ["n7", "b"]
    assert rows[61.0] == ["n60", "a"]
    assert table.num_rows < 8
    assert (table.column("p_value") <= 0.01).all()
    assert f"flagged {table.num_rows} of 100 rows" in result.stderr
    assert "if all rows were ordinary, about 1 of them would be flagged" in result.stderr


def test_all_rows_are_written_with_the_verdict(works, model, new, apart, tmp_path):
    works("outliers", model, new, "--calibration", apart, "--all", "-o", tmp_path / "f.parquet")
    import pyarrow.parquet as pq

    table = pq.read_table(tmp_path / "f.parquet").to_pydict()
    assert table["row"] == list(range(1, 101))
    assert [p <= 0.01 for p in table["p_value"]] == table["outlier"]
    assert table["outlier"][7]
    assert table["odd_columns"][0] == ""


def test_p_values_are_those_of_the_calibration_scores(works, model, new, apart, tmp_path):
    works("outliers", model, new, "--calibration", apart, "--all", "-o", tmp_path / "f.csv")
    works("score", model, new, "-o", tmp_path / "new_scores.csv")
    works("score", model, apart, "-o", tmp_path / "apart_scores.csv")
    scores, known = (pf.data.read_table(tmp_path / f"{n}_scores.csv").column("log_prob") for n in ("new", "apart"))
    expected = (1 + (known[None] <= scores[:, None]).sum(axis=1)) / (1 + len(known))
    found = pf.data.read_table(tmp_path / "f.csv", columns=["p_value"]).column("p_value")
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_false_share_flags_the_far_rows(works, model, new, apart, tmp_path):
    out = tmp_path / "f.csv"
    result = works("outliers", model, new, "--calibration", apart, "--false-share", "0.3", "-o", out)
    assert {8.0, 61.0} <= set(pf.data.read_table(out, columns=["row"]).column("row"))
    assert "at most 30% of the flagged rows are expected to be false" in result.stderr


def test_without_a_file_the_rows_that_the_fit_held_out_calibrate_and_it_says_so(works, model, new):
    result = works("outliers", model, new)
    assert "calibrated by the 120 rows that the fit held out, which chose its best epoch" in result.stderr


def test_alpha_that_cannot_be_resolved_is_refused_with_the_number_of_rows(fails, model, new):
    error, hint = fails("outliers", model, new, "--alpha", "0.001")
    assert "needs at least 999 calibration rows, got 120" in error
    assert "0.0083" in hint


def test_calibration_rows_that_cannot_be_are_told(works, fails, tmp_path):
    rows = [[a, "fm"[i % 2]] for i, (a, _) in enumerate(ordinary(200, 0))]
    data = write_csv(tmp_path / "d.csv", "a,c", rows)
    works("fit", data, "-o", tmp_path / "m.safetensors", *SMALL)
    args = ("outliers", tmp_path / "m.safetensors", data, "--alpha", "0.05", "-o", tmp_path / "f.csv", "--calibration")
    some = write_csv(tmp_path / "some.csv", "a,c", [*rows[:60], *([0.0, "x"] for _ in range(3))])
    assert "3 rows of 63 have probability zero, row 61 the first" in works(*args, some).stderr
    error, hint = fails(*args, write_csv(tmp_path / "all.csv", "a,c", [[0.0, "x"] for _ in range(50)]))
    assert "50 rows of 50 have probability zero" in error
    assert "the model has seen" in hint


def test_a_model_that_held_nothing_out_asks_for_rows(works, fails, new, tmp_path):
    data = write_csv(tmp_path / "d.csv", "a,b", ordinary(50, 0))
    works("fit", data, "-o", tmp_path / "m.safetensors", *SMALL, "--validation", "0")
    error, hint = fails("outliers", tmp_path / "m.safetensors", new)
    assert "keeps no scores of rows that were held out" in error
    assert "--calibration FILE" in hint


def test_rows_with_a_missing_cell_have_no_verdict(works, model, apart, tmp_path):
    new = write_csv(tmp_path / "holes.csv", "a,b", [[0.0, 25.0], ["", 1.0], [0.0, 0.0]])
    args = ("--calibration", apart, "--drop-missing", "-o", tmp_path / "f.csv")
    works("outliers", model, new, *args)
    assert (tmp_path / "f.csv").read_text().splitlines()[1].startswith("1,")
    result = works("outliers", model, new, *args, "--all")
    assert (tmp_path / "f.csv").read_text().splitlines()[2].startswith("2,,")
    assert "1 row without a verdict" in result.stderr


def test_a_conditional_model_flags_what_is_odd_given_its_conditions(works, tmp_path):
    data = write_csv(tmp_path / "d.csv", "a,b", ordinary(600, 0))
    more = ("--max-epochs", "20", "--condition", "a")
    works("fit", data, "-o", tmp_path / "m.safetensors", *SMALL[:-2], *more, "--validation", "0.2")
    new = write_csv(tmp_path / "new.csv", "a,b", [[1.5, 1.5], [1.5, -1.5]])
    result = works("outliers", tmp_path / "m.safetensors", new, "-q")
    assert [line.split(",")[0] for line in result.stdout.split()[1:]] == ["2"]
    assert result.stdout.replace('"', "").split()[1].endswith(",b")


def test_odd_columns_cannot_be_kept_twice(fails, model, new):
    error, _ = fails("outliers", model, new, "--keep", "p_value", code=2)
    assert "a column of that name is written" in error


def _texts(path, *names):
    import csv

    with open(path, encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [[row[name] for row in rows] for name in names]


def test_a_file_of_an_outlier_detector_gives_its_own_p_values(works, new, apart, tmp_path):
    rows = dict(zip("ab", ordinary(600, 0).T, strict=True))
    detector = pf.FlowOutlier("affine", max_epochs=3, random_state=0).fit(pyarrow.table(rows))
    detector.save(tmp_path / "o.safetensors")
    found = {}
    for given in ((), ("--calibration", apart)):
        works("outliers", tmp_path / "o.safetensors", new, "--all", "-o", tmp_path / "f.csv", *given)
        found[given] = pf.data.read_table(tmp_path / "f.csv", columns=["log_prob", "p_value"])
    x = pyarrow.table({name: pf.data.read_table(new, text=["id"]).column(name) for name in "ab"})
    np.testing.assert_allclose(found[()].column("p_value"), detector.p_values(x), atol=1e-6)
    density = pf.FlowDensity.score_samples(detector, x)
    np.testing.assert_allclose(found[()].column("log_prob"), density, rtol=1e-5)
    # By another calibration set the same score, so that the order of the p-values is the same within its steps.
    both = found["--calibration", apart].column("p_value")
    assert np.corrcoef(both, detector.p_values(x))[0, 1] > 0.95


def test_one_of_two_promises_is_made(fails, model, new, apart):
    error, hint = fails(
        *("outliers", model, new, "--calibration", apart, "--alpha", "0.05", "--false-share", "0.1"), code=2
    )
    assert error == "--alpha and --false-share exclude each other."
    assert hint.startswith("leave one of them out")
