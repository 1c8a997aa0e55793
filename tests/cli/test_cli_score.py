"""`pushforward score`."""

import numpy as np

import pushforward as pf
from cli.shell import write_csv


def test_one_row_with_log_prob_for_each_row(works, moons_model, tmp_path):
    result = works("score", moons_model, "toy:moons:30", "-o", tmp_path / "s.csv")
    scores = pf.data.read_table(tmp_path / "s.csv")
    assert scores.names == ("log_prob",)
    expected = pf.FlowDensity.load(moons_model).score_samples(pf.data.read_table("toy:moons:30"))
    assert np.allclose(scores.values[:, 0], expected, rtol=1e-6)
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
    scores = result.stdout.split()[1:]
    assert scores[1:] == ["-inf"] * 4
    assert np.isfinite(float(scores[0]))
    assert "4 rows with a value that the model cannot produce: log_prob is -inf there" in result.stderr


def test_rows_dropped_are_counted(works, moons_model, tmp_path):
    data = write_csv(tmp_path / "d.csv", "x0,x1", [[0, 0], ["nan", 0], [1, 1]])
    result = works("score", moons_model, data, "--drop-missing")
    assert len(result.stdout.split()) == 3
    assert "1 row dropped" in result.stderr


def test_a_conditional_model_reads_its_conditions(works, conditional_model, people):
    scores = np.array(works("score", conditional_model, people, "-q").stdout.split()[1:], float)
    model = pf.ConditionalFlowDensity.load(conditional_model)
    rows = pf.data.read_table(people)
    assert np.allclose(scores, model.score_samples(rows, rows), rtol=1e-6)


def test_standard_input_and_output(works, moons_model):
    result = works("score", moons_model, "-", "-o", "-", input="x1,x0\n0.2,0.1\n0.3,0.5\n")
    assert result.stdout.splitlines()[0] == "log_prob"
    assert len(result.stdout.splitlines()) == 3


def test_a_stream_of_many_chunks_is_scored_in_order(works, moons_model, tmp_path):
    rows = pf.data.read_table("toy:moons:150000")
    pf.data.write_table(tmp_path / "d.parquet", rows)
    works("score", moons_model, tmp_path / "d.parquet", "-o", tmp_path / "s.parquet")
    scores = pf.data.read_table(tmp_path / "s.parquet").values[:, 0]
    assert len(scores) == 150_000
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
