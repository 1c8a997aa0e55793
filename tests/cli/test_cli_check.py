"""`pushforward check`: a verdict in words, and models that it is not for."""

import json

import numpy as np

import pushforward as pf
from cli.shell import write_csv


def test_a_verdict_on_new_rows(works, moons_model, tmp_path):
    new = write_csv(tmp_path / "new.csv", "x0,x1", pf.data.moons(200, seed=5))
    result = works("check", moons_model, new, "--train", "toy:moons:300")
    assert "nats a row" in result.stdout
    assert "than one Gaussian" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("verdict: ")
    far = write_csv(tmp_path / "far.csv", "x0,x1", np.asarray(pf.data.moons(200, seed=6)) + 3.0)
    found = json.loads(works("check", moons_model, far, "--train", "toy:moons:300", "--json").stdout)
    assert found["verdict"] == "shifted"
    assert found["rows"] == 200
    assert {finding["name"] for finding in found["findings"]} >= {"columns, one by one", "numerics"}


def test_whole_numbers_are_tested_too(works, people_model, people):
    found = json.loads(works("check", people_model, people, "--json").stdout)
    assert found["rows"] == 60
    assert "noise" in {finding["name"] for finding in found["findings"]}


def test_the_ranks_of_a_conditional_model_are_tested(works, conditional_model, people):
    found = json.loads(works("check", conditional_model, people, "--train", people, "--json").stdout)
    assert found["columns"] == ["height", "share"]
    names = [finding["name"] for finding in found["findings"]]
    assert names == ["ranks", "middle", "spread", "ranks, everywhere", "training gap"]
    assert works("check", conditional_model, people).stdout.splitlines()[-1].startswith("verdict: ")


def test_few_rows_are_refused(fails, moons_model, tmp_path):
    few = write_csv(tmp_path / "few.csv", "x0,x1", pf.data.moons(20))
    assert "40 are needed" in fails("check", moons_model, few)[0]
