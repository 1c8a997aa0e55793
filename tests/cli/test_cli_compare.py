"""`pushforward compare`, `fit --flow auto`, and what a fit gains on one Gaussian."""

import json

import numpy as np
import pytest

import pushforward as pf
from cli.shell import SMALL, write_csv
from pushforward.modalities.table.choice import _auto


@pytest.fixture
def bend(tmp_path):
    """A normal column, and its square with a little noise."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=60)
    return write_csv(tmp_path / "bend.csv", "a,b", np.column_stack([a, a**2 + 0.1 * rng.normal(size=60)]))


def test_a_table_of_flows_beside_two_baselines(works, bend):
    result = works("compare", bend, "--flow", "realnvp,made", "--folds", "2", "--max-epochs", "2")
    header, *lines = result.stdout.splitlines()
    assert header.split() == ["flow", "nats", "±", "better", "by", "±", "seconds", "note"]
    assert sorted(line.split()[0] for line in lines) == ["gaussian", "independent", "made", "realnvp"]
    assert "realnvp: fold 2 of 2" in result.stderr
    assert "lower is better" in result.stderr


def test_it_says_what_the_library_says(works, bend):
    printed = json.loads(
        works("compare", bend, "--flow", "made", "--folds", "2", "--max-epochs", "2", "--json", "-q").stdout
    )
    table = pf.data.read_table(bend)
    found = pf.compare(table, flows=["made"], columns={"*": "infer"}, folds=2, max_epochs=2)
    for row in printed["flows"]:
        assert row["nats"] == pytest.approx(found[row["flow"]].nats, abs=1e-6)
        assert row["gain_error"] == pytest.approx(found[row["flow"]].gain_error, abs=1e-6)


def test_conditions_and_kinds_are_those_of_fit(works, bend):
    given = ("--condition", "a", "--column", "b:unbounded", "--folds", "2", "--max-epochs", "1", "--flow", "made")
    printed = json.loads(works("compare", bend, *given, "--json", "-q").stdout)
    assert {row["flow"] for row in printed["flows"]} == {"made", "gaussian", "independent"}


@pytest.mark.parametrize(
    ("given", "says", "hint"),
    [
        (("--flow", "nfs"), "no flow is called 'nfs'", "did you mean 'nsf'"),
        (("--folds", "1"), "folds must be a whole number of at least 2, got 1", "5 is usual"),
        (("--folds", "61"), "60 rows cannot be divided into 61 folds", "choose from 2 to 60"),
        (("--flow", "umnn,glow"), "glow is for images", "compare flows of rows"),
    ],
)
def test_what_cannot_be_compared_is_told_in_two_lines(fails, bend, given, says, hint):
    error, told = fails("compare", bend, *given, code=2)
    assert says in error
    assert hint in told


def test_images_are_not_compared(fails, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((4, 8, 8), np.uint8))
    error, _ = fails("compare", tmp_path / "x.npy", code=2)
    assert "`compare` is for tables" in error


def test_fit_with_auto_says_what_it_compared_and_show_too(works, bend, tmp_path, monkeypatch):
    monkeypatch.setattr(_auto, "FLOWS", ("made",))
    model = tmp_path / "m.safetensors"
    result = works("fit", bend, "-o", model, "--flow", "auto", "--max-epochs", "1")
    assert "no flow is better than one Gaussian by more than a standard error" in result.stderr
    assert "nothing was trained: one Gaussian has a closed form" in result.stderr
    shown = works("show", model).stdout
    assert "compared" in shown
    assert "made: " in shown
    assert json.loads(works("show", model, "--json").stdout)["compared"]["best"] == "gaussian"
    assert len(works("score", model, bend, "-q").stdout.splitlines()) == 61
    assert len(works("sample", model, "-n", "5", "-q").stdout.splitlines()) == 6


def test_auto_takes_no_option_of_a_flow(fails, bend):
    error, hint = fails("fit", bend, "-o", "m.safetensors", "--flow", "auto", "--set", "width=8", code=2)
    assert "--flow auto has no options" in error
    assert "name the flow" in hint


def test_fit_ends_with_what_the_flow_gains_on_one_gaussian(works, tmp_path):
    rng = np.random.default_rng(0)
    two = rng.normal(size=(300, 1)) * 0.05 + rng.choice([-1.0, 1.0], (300, 1))
    data = write_csv(tmp_path / "two.csv", "a", two)
    model = tmp_path / "m.safetensors"
    result = works("fit", data, "-o", model, "--flow", "made-mog", "--max-epochs", "30", "--validation", "0.3")
    line = next(line for line in result.stderr.splitlines() if "than one Gaussian" in line)
    assert "nats a row better" in line
    # 1/2 log(1.0025 / 0.0025) - log 2 nats from the truth to one Gaussian
    assert float(line.split()[0]) == pytest.approx(0.5 * np.log(401) - np.log(2), abs=0.4)
    assert "better than one Gaussian" in works("show", model).stdout


def test_a_flow_that_is_worse_names_what_to_do(works, bend, tmp_path):
    rng = np.random.default_rng(0)
    base = rng.normal(size=(60, 1))
    line = write_csv(tmp_path / "line.csv", "a,b", np.hstack([base, base + 0.05 * rng.normal(size=(60, 1))]))
    result = works("fit", line, "-o", tmp_path / "m.safetensors", *SMALL, "--max-epochs", "1")
    assert "nats a row worse than one Gaussian" in result.stderr
    assert "`--flow auto`" in result.stderr
    assert "`pushforward compare`" in result.stderr
