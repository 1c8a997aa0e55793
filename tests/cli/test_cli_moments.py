"""Tables with dates through the command line."""

import csv
import datetime
import json

import numpy as np
import pytest

from cli.shell import SMALL, run_command

pq = pytest.importorskip("pyarrow.parquet")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    rng = np.random.default_rng(0)
    lines = ["when;opened;x"]
    for day, minute, x in zip(rng.integers(0, 700, 90), rng.integers(0, 1440, 90), rng.normal(size=90), strict=True):
        date = datetime.date(2022, 1, 1) + datetime.timedelta(days=int(day))
        lines.append(f"{date:%d/%m/%Y};{minute // 60:02d}:{minute % 60:02d};{x:.4f}")
    path = tmp_path_factory.mktemp("dates") / "t.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("model") / "m.safetensors"
    result = run_command("fit", data, "-o", path, *SMALL, "--no-background", "--condition", "opened")
    assert result.exit_code == 0, result.stderr
    assert "column 'when' is read day-first, as " in result.stderr
    assert "'when' is integer: dates from " in result.stderr
    assert "counted in days; as an angle of the week or year, say `--column 'when:circular(year)'`" in result.stderr
    return path


def test_samples_are_written_as_the_data_were(works, model, tmp_path):
    works("sample", model, "-n", 20, "--given", "opened=23:10", "-o", tmp_path / "s.csv")
    with open(tmp_path / "s.csv", newline="") as file:
        drawn = list(csv.DictReader(file))
    assert {row["opened"] for row in drawn} == {"23:10"}
    days = [datetime.datetime.strptime(row["when"], "%d/%m/%Y") for row in drawn]
    assert min(days).year > 2010


def test_samples_in_parquet_have_types(works, model, tmp_path):
    works("sample", model, "-n", 5, "--given", "opened=23:10", "-o", tmp_path / "s.parquet")
    types = [str(kind) for kind in pq.read_schema(tmp_path / "s.parquet").types]
    assert types == ["date32[day]", "double", "time64[us]"]


def test_data_samples_and_predictions_are_read_back(works, model, data, tmp_path):
    works("score", model, data, "--keep", "when", "-o", tmp_path / "scores.csv")
    with open(tmp_path / "scores.csv", newline="") as file:
        scores = list(csv.DictReader(file))
    assert scores[0]["when"] == data.read_text().splitlines()[1].split(";")[0]
    assert all(np.isfinite(float(row["log_prob"])) for row in scores)
    works("predict", model, data, "--interval", "0.8", "--draws", 50, "-o", tmp_path / "p.csv")
    with open(tmp_path / "p.csv", newline="") as file:
        first = next(csv.DictReader(file))
    low, mean, high = (
        datetime.datetime.strptime(first[f"when_{end}"], "%d/%m/%Y") for end in ("low0.8", "mean", "high0.8")
    )
    assert low < mean < high


def test_show_tells_the_unit(works, model):
    assert "when in days since 1970-01-01" in works("show", model).stdout
    column = json.loads(works("show", model, "--json").stdout)["columns"][0]
    assert (column["unit"], column["since"]) == ("day", "since 1970-01-01")


def test_a_picture_has_dates_on_its_axes(model, data, tmp_path):
    from pushforward.modalities._model import read_model
    from pushforward.modalities.table._pictures import Wanted, picture

    figure, _ = picture(read_model(model), str(data), "corner", given={}, how={}, wanted=Wanted(), seed=0)
    axes = next(axes for axes in figure.axes if axes.get_xlabel() == "when")
    assert axes.xaxis.get_major_formatter()(19_000.0, 0) == "2022-01-08"


def test_a_date_that_nothing_settles_can_be_settled(works, tmp_path):
    (tmp_path / "t.csv").write_text(
        "when,x\n" + "".join(f"0{1 + i % 9}/0{1 + i % 7}/2024,{i % 5}.5\n" for i in range(60))
    )
    result = run_command("fit", tmp_path / "t.csv", "-o", tmp_path / "m.safetensors", *SMALL)
    assert result.exit_code != 0
    assert "--dates day-first" in result.stderr
    told = works(
        "compare", tmp_path / "t.csv", "--dates", "month-first", "--flow", "affine", "--folds", 2, "--max-epochs", 1
    )
    assert "read month-first, as asked for" in told.stderr
