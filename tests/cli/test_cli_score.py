"""`pushforward score`."""

import numpy as np
import pytest

import pushforward as pf
from cli.shell import write_csv


def column(text: str, name: str = "log_prob") -> list[str]:
    """The cells of one column of scores."""
    head, *lines = (line.replace('"', "").split(",") for line in text.splitlines())
    return [line[head.index(name)] for line in lines]


def test_one_row_with_log_prob_for_each_row(works, moons_model, tmp_path):
    result = works("score", moons_model, "toy:moons:30", "-o", tmp_path / "s.csv")
    scores = pf.data.read_table(tmp_path / "s.csv")
    assert scores.names == ("row", "log_prob", "percentile")
    assert scores.kinds == ("int", "float", "float")
    assert scores.column("row").tolist() == list(range(1, 31))
    expected = pf.FlowDensity.load(moons_model).score_samples(pf.data.read_table("toy:moons:30"))
    assert np.allclose(scores.column("log_prob"), expected, rtol=1e-6)
    assert f"mean log_prob {expected.mean():.4f} nats" in result.stderr
    assert "wrote 30 scores" in result.stderr


def test_columns_are_matched_by_name_in_any_order(works, people_model, people, tmp_path):
    rows = [line.split(",") for line in people.read_text().split()[1:]]
    other = write_csv(tmp_path / "other.csv", "share,name,age,height", [[s, "text", a, h] for h, a, s in rows])
    a, b = (works("score", people_model, data, "-q").stdout for data in (people, other))
    assert a == b


def test_a_value_outside_the_support_is_counted_and_no_error(works, people_model, tmp_path):
    rows = [[1.0, 40, 0.5], [-1.0, 40, 0.5], [1.0, 40.5, 0.5], [1.0, 40, 1.5], [1.0, 121, 0.5]]
    result = works("score", people_model, write_csv(tmp_path / "d.csv", "height,age,share", rows))
    scores = column(result.stdout)
    assert scores[1:] == ["-inf"] * 4
    assert np.isfinite(float(scores[0]))
    assert "4 rows with a value that the model cannot produce: log_prob is -inf there" in result.stderr
    assert "the first in row 2: 'height' is -1, and values are positive" in result.stderr


def test_the_first_such_value_is_named_by_its_row_behind_rows_that_are_left_out(works, people_model, tmp_path):
    rows = [[1.0, 40, 0.5], ["nan", 40, 0.5], [1.0, 40, 0.5], [1.0, 40.5, 0.5]]
    data = write_csv(tmp_path / "d.csv", "height,age,share", rows)
    result = works("score", people_model, data, "--drop-missing", "-o", tmp_path / "s.csv")
    assert "the first in row 4: 'age' is 40.5, and values are integer(0,120)" in result.stderr
    result = works("score", people_model, data, "--drop-missing", "--shard", "2/2", "-o", tmp_path / "s.csv")
    assert "the first in row 4: 'age' is 40.5" in result.stderr


def test_what_fills_cells_names_the_value_that_is_wrong(fails, people_model, tmp_path):
    data = write_csv(tmp_path / "d.csv", "height,age,share", [["", 40, 0.5], [1.0, 40, 0.5], [1.0, "", 1.5]])
    message, _ = fails("impute", people_model, data, "-o", tmp_path / "s.csv")
    assert "row 3: 'share' is 1.5, and values are bounded(0,1)" in message


def test_a_row_that_is_left_out_gets_an_empty_score(works, moons_model, tmp_path):
    data = write_csv(tmp_path / "d.csv", "x0,x1", [[0, 0], ["nan", 0], [1, 1], ["", ""]])
    result = works("score", moons_model, data, "--drop-missing")
    assert column(result.stdout, "row") == ["1", "2", "3", "4"]
    assert [bool(score) for score in column(result.stdout)] == [True, False, True, False]
    assert "wrote 2 scores" in result.stderr
    assert "2 rows without a score: a cell was missing" in result.stderr


def test_rows_without_a_score_are_nan_in_an_array(works, moons_model, tmp_path):
    data = write_csv(tmp_path / "d.csv", "x0,x1", [[0, 0], ["nan", 0]])
    works("score", moons_model, data, "--drop-missing", "-o", tmp_path / "s.npy")
    scores = np.load(tmp_path / "s.npy")
    assert scores[:, 0].tolist() == [1, 2]
    assert np.isnan(scores[:, 1]).tolist() == [False, True]


def test_columns_that_are_kept_come_out_as_they_were(works, moons_model, tmp_path):
    rows = [["007", 0.1, "2024-02-29", 0.2], ["ü, x", "", "2024-03-01", 1], ["9", 1, "", 1.5]]
    text = "id,x1,date,x0\n" + "".join(f'"{i}",{a},{d},{b}\n' for i, a, d, b in rows)
    (tmp_path / "d.csv").write_text(text, "utf-8")
    works("score", moons_model, tmp_path / "d.csv", "--keep", "id,date", "--drop-missing", "-o", tmp_path / "s.csv")
    lines = (tmp_path / "s.csv").read_text("utf-8").splitlines()
    assert lines[0] == "row,id,date,log_prob,percentile"
    assert [line.rsplit(",", 2)[0] for line in lines[1:]] == [
        '1,"007","2024-02-29"',
        '2,"ü, x","2024-03-01"',
        '3,"9",',
    ]


@pytest.mark.parametrize("suffix", ["parquet", "feather"])
def test_kept_columns_keep_their_types_and_their_rows(works, moons_model, tmp_path, suffix):
    import datetime

    import pyarrow as pa
    from pyarrow import feather, parquet

    count = 70_000
    start = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    when = pa.array([start + datetime.timedelta(seconds=i) for i in range(count)])
    values = np.random.default_rng(0).normal(size=(2, count))
    values[0, ::1000] = np.nan
    table = pa.table({"x0": values[0], "id": np.arange(count) + 2**60, "when": when, "x1": values[1]})
    write = {"parquet": parquet.write_table, "feather": feather.write_feather}[suffix]
    write(table, tmp_path / f"d.{suffix}")
    given = ("--keep", "id", "--keep", "when,x1", "--drop-missing", "-o", tmp_path / "s.parquet")
    works("score", moons_model, tmp_path / f"d.{suffix}", *given)
    scores = parquet.read_table(tmp_path / "s.parquet")
    assert scores.column_names == ["row", "id", "when", "x1", "log_prob", "percentile"]
    for name in ("id", "when", "x1"):
        assert scores[name].combine_chunks().equals(table[name].combine_chunks())
    assert scores["log_prob"].is_null().to_numpy().nonzero()[0].tolist() == list(range(0, count, 1000))


def test_a_column_to_keep_that_is_not_there_is_named(fails, moons_model, tmp_path):
    data = write_csv(tmp_path / "d.csv", "x0,x1,id", [[0, 0, 1]])
    assert fails("score", moons_model, data, "--keep", "ids") == (
        "d.csv, --keep: no column 'ids'.",
        "did you mean 'id'?",
    )
    assert "--keep row" in fails("score", moons_model, data, "--keep", "row", code=2)[0]


def test_a_conditional_model_reads_its_conditions(works, conditional_model, people):
    scores = np.array(column(works("score", conditional_model, people, "-q").stdout), float)
    model = pf.ConditionalFlowDensity.load(conditional_model)
    rows = pf.data.read_table(people)
    assert np.allclose(scores, model.score_samples(rows, rows), rtol=1e-6)


def test_standard_input_and_output(works, moons_model):
    result = works("score", moons_model, "-", "-o", "-", input="x1,x0\n0.2,0.1\n0.3,0.5\n")
    assert result.stdout.splitlines()[0].replace('"', "") == "row,log_prob,percentile"
    assert len(result.stdout.splitlines()) == 3


def test_a_stream_of_many_chunks_is_scored_in_order(works, moons_model, tmp_path):
    rows = pf.data.read_table("toy:moons:150000")
    pf.data.write_table(tmp_path / "d.parquet", rows)
    works("score", moons_model, tmp_path / "d.parquet", "-o", tmp_path / "s.parquet")
    written = pf.data.read_table(tmp_path / "s.parquet")
    scores = written.column("log_prob")
    np.testing.assert_array_equal(written.column("row"), np.arange(1, 150_001))
    picked = [0, 65_535, 65_536, 131_071, 149_999]
    expected = pf.FlowDensity.load(moons_model).score_samples(pf.data.Table(rows.names, rows.values[picked]))
    assert np.allclose(scores[picked], expected, atol=1e-5)


def test_missing_columns_are_named(fails, people_model, tmp_path):
    data = write_csv(tmp_path / "d.csv", "height,agee,share", [[1, 2, 0.5]])
    assert fails("score", people_model, data) == ("d.csv: no column 'age'.", "did you mean 'agee'?")


def test_a_missing_condition_is_named(fails, conditional_model, tmp_path):
    data = write_csv(tmp_path / "d.csv", "height,share", [[1, 0.5]])
    assert fails("score", conditional_model, data)[0] == "d.csv: no column 'age'."


def test_a_missing_cell_names_its_row(fails, moons_model, tmp_path):
    data = write_csv(tmp_path / "d.csv", "x0,x1", [[0, 0], [1, 2], ["", 0]])
    error, hint = fails("score", moons_model, data, "-o", tmp_path / "s.csv")
    assert "d.csv: 1 row with an empty, NaN or infinite cell: row 3 (column 'x0')" in error
    assert "--drop-missing" in hint
    assert not (tmp_path / "s.csv").exists()


def test_an_unknown_extension_suggests_the_nearest(fails, moons_model, tmp_path):
    error, hint = fails("score", moons_model, "toy:moons:10", "-o", tmp_path / "s.parqet")
    assert error == "s.parqet: the extension '.parqet' is not known."
    assert hint == "did you mean '.parquet'?"


def test_a_full_disk_keeps_the_old_scores(fails, moons_model, tmp_path, monkeypatch):
    import errno
    import os

    old = tmp_path / "s.csv"
    old.write_text("old")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    error, hint = fails("score", moons_model, "toy:moons:10", "-o", old)
    assert "No space left on device" in error
    assert "disk has room" in hint
    assert old.read_text() == "old"


def test_percentiles_are_shares_of_the_training_rows_that_score_lower(works, moons_model, tmp_path):
    training = pf.data.read_table("toy:moons:300")
    works("score", moons_model, "toy:moons:300", "-o", tmp_path / "s.csv")
    scores = pf.data.read_table(tmp_path / "s.csv")
    own = pf.FlowDensity.load(moons_model).score_samples(training)
    expected = [100 * np.mean(own < score) for score in own]
    assert np.abs(scores.column("percentile") - expected).max() < 1
    far = write_csv(tmp_path / "far.csv", "x0,x1", [[50, 50]])
    assert float(column(works("score", moons_model, far).stdout, "percentile")[0]) == 0


def test_a_model_without_scores_of_its_training_rows_has_no_percentiles(works, tmp_path):
    rows = pf.data.read_table("toy:moons:300")
    pf.FlowDensity("gaussian", max_epochs=1, random_state=0).fit(rows).save(tmp_path / "m.safetensors")
    result = works("score", tmp_path / "m.safetensors", "toy:moons:30")
    assert result.stdout.splitlines()[0].replace('"', "") == "row,log_prob"
