"""`pushforward fit` on good data."""

import json
import re

import numpy as np
import pytest

import pushforward as pf
from cli.shell import SMALL, write_csv
from pushforward.modalities import _learn


def test_fit_says_what_it_read_inferred_and_learned(works, people, tmp_path):
    result = works("fit", people, "-o", tmp_path / "m.safetensors", *SMALL)
    assert result.stdout == ""
    said = result.stderr
    assert f"read {people}: 60 rows, 3 columns" in said
    assert "'age' is integer: all values are whole numbers" in said
    assert "'share' is bounded(0,1)" in said
    assert "fitting realnvp to 60 rows of 3 columns" in said
    assert "3/3 epochs" in said
    assert re.search(r"validation loss -?[0-9.]+ nats per row", said)
    assert "mean negative log-density of the rows that were held out: lower is better" in said
    assert said.rstrip().splitlines()[-1].startswith(f"wrote {tmp_path / 'm.safetensors'}")


def test_the_checkpoint_is_removed_at_the_end(works, people, tmp_path):
    works("fit", people, "-o", tmp_path / "m.safetensors", *SMALL, "--json")
    assert [file.name for file in tmp_path.iterdir() if file != people] == ["m.safetensors"]


def test_quiet_says_nothing(works, people, tmp_path):
    assert works("fit", people, "-o", tmp_path / "m.safetensors", *SMALL, "--quiet")[1:] == ("", "")


def test_json_is_all_of_stdout(works, people, tmp_path):
    report = json.loads(works("fit", people, "-o", tmp_path / "m.safetensors", *SMALL, "--json").stdout)
    assert (report["flow"], report["rows"], report["epochs"]) == ("realnvp", 60, 3)
    assert report["options"] == {"num_layers": 2, "width": 8}
    assert [column["kind"] for column in report["columns"]] == ["positive", "integer", "bounded"]
    assert np.isfinite(report["validation_nats"])
    assert report["seconds"] > 0


def test_the_same_seed_gives_the_same_model(works, people, tmp_path):
    scores = []
    for seed, name in ((1, "a"), (1, "b"), (2, "c")):
        works("fit", people, "-o", tmp_path / f"{name}.safetensors", *SMALL, "--validation", 0, "--seed", seed, "-q")
        scores.append(works("score", tmp_path / f"{name}.safetensors", people, "-q").stdout)
    assert scores[0] == scores[1] != scores[2]


def test_the_model_is_the_one_that_the_estimator_fits(works, people, people_model):
    by_shell = [line.split(",")[1] for line in works("score", people_model, people, "-q").stdout.split()[1:]]
    by_hand = pf.FlowDensity.load(people_model).score_samples(pf.data.read_table(people))
    assert np.allclose(np.array(by_shell, float), by_hand, rtol=1e-6)


def test_data_from_standard_input(works, people, tmp_path):
    result = works("fit", "-", "-o", tmp_path / "m.safetensors", *SMALL, input=people.read_text())
    assert "read -: 60 rows" in result.stderr


def test_columns_are_dropped_and_kinds_overridden(works, people, tmp_path):
    kinds = ("--drop", "share", "--column", "height:unbounded", "--column", "age:integer(0,130)")
    report = json.loads(works("fit", people, "-o", tmp_path / "m.safetensors", *SMALL, *kinds, "--json").stdout)
    assert [(c["name"], c["kind"], c["high"]) for c in report["columns"]] == [
        ("height", "unbounded", None),
        ("age", "integer", 130.0),
    ]


def test_drop_missing_says_how_many_rows(works, tmp_path):
    rows = np.random.default_rng(0).normal(size=(50, 2)).astype(object)
    rows[3, 0], rows[7, 1], rows[9, 0] = "", "nan", "inf"
    data = write_csv(tmp_path / "d.csv", "a,b", rows)
    result = works("fit", data, "-o", tmp_path / "m.safetensors", *SMALL, "--drop-missing", "--json")
    assert "d.csv: 3 of 50 rows dropped" in result.stderr
    report = json.loads(result.stdout)
    assert (report["rows"], report["dropped_rows"]) == (47, 3)


def test_a_weight_of_zero_leaves_a_row_out(works, tmp_path):
    rows = np.random.default_rng(0).normal(size=(40, 2))
    half = write_csv(tmp_path / "half.csv", "a,b", rows[:20])
    weighted = write_csv(tmp_path / "all.csv", "a,b,w", np.column_stack([rows, np.arange(40) < 20]))
    kinds = ("--column", "a:unbounded", "--column", "b:unbounded")
    for data, name, more in ((half, "half", ()), (weighted, "all", ("--weights", "w"))):
        works("fit", data, "-o", tmp_path / f"{name}.safetensors", *SMALL, *kinds, *more, "-q")
    scores = [works("score", tmp_path / f"{name}.safetensors", half, "-q").stdout for name in ("half", "all")]
    assert scores[0] == scores[1]


def test_a_conditional_model_names_its_conditions(works, people, tmp_path):
    result = works("fit", people, "-o", tmp_path / "m.safetensors", *SMALL, "--condition", "age,share", "--json")
    assert "fitting realnvp to 60 rows of 1 column given age, share" in result.stderr
    report = json.loads(result.stdout)
    assert report["condition"] == ["age", "share"]
    assert [column["name"] for column in report["columns"]] == ["height"]


def test_a_learning_rate_of_ten_heals(works, tmp_path):
    result = works("fit", "toy:moons:300", "-o", tmp_path / "m.safetensors", *SMALL, "--learning-rate", 10, "--json")
    report = json.loads(result.stdout)
    assert np.isfinite(report["validation_nats"])
    assert report["validation_nats"] <= report["start_loss"]
    assert any("went back" in event for event in report["events"]), report["events"]
    assert "went back" in result.stderr


def test_without_validation_the_figure_is_that_of_training(works, people, tmp_path):
    result = works("fit", people, "-o", tmp_path / "m.safetensors", *SMALL, "--validation", 0, "--json")
    assert json.loads(result.stdout)["validation_nats"] is None
    assert "training loss" in result.stderr
    assert "none were held out" in result.stderr


@pytest.mark.parametrize("name", ["d.tsv", "d.parquet", "d.feather", "d.npy", "d.npz"])
def test_every_format_can_be_scored(works, moons_model, tmp_path, name):
    data = pf.data.read_table("toy:moons:20:3")
    pf.data.write_table(tmp_path / name, data)
    expected = works("score", moons_model, "toy:moons:20:3", "-q").stdout
    assert np.allclose(numbers(works("score", moons_model, tmp_path / name, "-q").stdout), numbers(expected), atol=1e-4)


def numbers(text: str) -> np.ndarray:
    return np.array([line.split(",")[1] for line in text.split()[1:]], float)


def test_a_star_gives_a_kind_to_all_other_columns(works, tmp_path):
    values = np.random.default_rng(0).uniform(0, 360, (60, 2))
    source, model = write_csv(tmp_path / "angles.csv", "a,b", values), tmp_path / "m.safetensors"
    options = ("--set", "num_layers=1", "--set", "width=8", "--set", "num_bins=4", "--max-epochs", "1")
    said = works("fit", source, "-o", model, "--column", "*:circular(360)", *options).stderr
    assert "'a' is circular(360): as asked for." in said
    assert "all are circular, so it is circular-nsf" in said
    rows = works("sample", model, "-n", "20").stdout.splitlines()[1:]
    assert all(0 <= float(cell) < 360 for row in rows for cell in row.split(","))


def test_incomplete_rows_are_learned_from_and_told(works, tmp_path):
    rows = np.random.default_rng(0).normal(size=(60, 2)).round(3).astype(str)
    rows[:10, 1] = ""
    rows[10, :] = ""
    path = write_csv(tmp_path / "holes.csv", "a,b", rows)
    target = tmp_path / "m.safetensors"
    said = works("fit", path, "-o", target, "--flow", "gaussian", "--max-epochs", "3", "--incomplete").stderr
    assert "10 missing cells in 10 of 59 rows, drawn again and again given the others; 1 row without any cell" in said
    assert "assumed: cells are missing at random" in said
    assert "missing at random" in works("show", target).stdout


def test_a_private_fit_says_what_it_spent_and_keeps_it(works, tmp_path):
    rows = [[i % 50, "FM"[i % 2], "unknown" if i == 7 else "a"] for i in range(60)]
    path, target = write_csv(tmp_path / "p.csv", "age,sex,group", rows), tmp_path / "m.safetensors"
    small = ("--flow", "maf", "--set", "num_layers=1", "--set", "width=8", "--max-epochs", "2")
    declared = ("--column", "age:integer(0,99)", "--categories", "sex=F,M", "--categories", "group=a,b")
    said = works("fit", path, "-o", target, *small, *declared, "--epsilon", "3").stderr
    assert "'age' is integer(0,99), as declared." in said
    assert "warning: 1 row with a category that is not declared left out." in said
    assert "validation loss" not in said
    assert re.search(r"private: epsilon (3|2\.9\d*) at delta 1e-05 for one row more or less: 2 steps", said)
    shown = works("show", target).stdout
    assert "one row more or less" in shown
    assert "the last is kept" in shown
    assert json.loads(works("show", target, "--json").stdout)["privacy"]["epsilon"] == 3.0


def test_an_ensemble_is_one_model(works, people, tmp_path):
    model = tmp_path / "m.safetensors"
    said = works("fit", people, "-o", model, *SMALL, "--ensemble", 2).stderr
    assert said.index("flow 1 of 2") < said.index("flow 2 of 2")
    assert "of the best of 2 flows" in said
    assert [file.name for file in tmp_path.iterdir() if file != people] == ["m.safetensors"]
    scores = works("score", model, people, "-q").stdout.split()[1:]
    assert np.isfinite([float(line.split(",")[1]) for line in scores]).all()
    assert "mixture of 50.0 %, 50.0 %" in works("show", model).stdout


def test_an_ensemble_leaves_the_checkpoint_of_another_fit_alone(works, people, tmp_path):
    model, kept = tmp_path / "m.safetensors", tmp_path / "m.safetensors.checkpoint"
    kept.write_bytes(b"of another fit")
    assert "checkpoint" not in works("fit", people, "-o", model, *SMALL, "--ensemble", 2).stderr
    assert kept.read_bytes() == b"of another fit"


def test_an_ensemble_of_one_is_a_fit_of_one(works, people, tmp_path):
    said = works("fit", people, "-o", tmp_path / "m.safetensors", *SMALL, "--ensemble", 1, "--resume").stderr
    assert "no checkpoint" in said
    assert "flow 1 of" not in said


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--ensemble", 0), "0 is not in the range x>=1"),
        (("--ensemble", "two"), "'two' is not a whole number"),
        (("--ensemble", 2, "--resume"), "cannot be resumed"),
        (("--ensemble", 2, "--checkpoint", "kept"), "keeps no checkpoint"),
    ],
)
def test_an_ensemble_that_cannot_be(fails, more, said, people, tmp_path):
    assert said in fails("fit", people, "-o", tmp_path / "m.safetensors", *SMALL, *more, code=2)[0]


def test_what_a_stopped_ensemble_leaves(run, people, tmp_path, monkeypatch):
    def stopped(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(_learn, "fit", stopped)
    result = run("fit", people, "-o", tmp_path / "m.safetensors", *SMALL, "--ensemble", 2)
    assert "such a fit keeps nothing on the way" in result.stderr
    assert result.exit_code == 130
    assert "training had just begun" in run("fit", people, "-o", tmp_path / "m.safetensors", *SMALL).stderr
