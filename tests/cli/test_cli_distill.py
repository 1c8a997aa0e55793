"""`pushforward distill`."""

import json

import numpy as np
import pytest

import pushforward as pf

QUICK = ("--max-epochs", "1", "--flow", "iaf", "--set", "num_layers=1", "--set", "width=8")


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    """A positive column and one in (0, 1)."""
    from cli.shell import run_command, write_csv

    folder = tmp_path_factory.mktemp("teacher")
    rng = np.random.default_rng(0)
    rows = np.column_stack([rng.lognormal(0, 0.3, 80), rng.uniform(0.2, 0.8, 80)])
    kinds = ("--column", "a:positive", "--column", "b:bounded(0,1)", "--flow", "gaussian", "--max-epochs", "2")
    kinds += ("--no-background",)
    result = run_command("fit", write_csv(folder / "d.csv", "a,b", rows), "-o", folder / "t.safetensors", *kinds, "-q")
    assert result.exit_code == 0, result.stderr
    return folder / "t.safetensors"


def test_the_student_is_a_model_of_the_same_columns(works, teacher, tmp_path):
    model = tmp_path / "s.safetensors"
    result = works("distill", teacher, "-o", model, *QUICK, "--json")
    told = json.loads(result.stdout)
    assert told["flow"] == "iaf"
    assert abs(told["kl"]) < 1e-2  # both are normal laws in standard units
    assert "verdict: nothing is missed" in result.stderr
    works("sample", model, "-n", "50", "-o", tmp_path / "x.csv")
    drawn = pf.data.read_table(tmp_path / "x.csv")
    assert drawn.names == ("a", "b")
    assert (drawn.column("a") > 0).all()
    assert (drawn.column("b") < 1).all()
    scores = [
        np.array([line.split(",")[1] for line in works("score", m, tmp_path / "x.csv", "-q").stdout.split()[1:]], float)
        for m in (teacher, model)
    ]
    np.testing.assert_allclose(scores[0], scores[1], atol=0.2)
    assert "nats from the teacher" in works("show", model).stdout


@pytest.mark.slow
def test_the_layers_of_a_small_table_with_a_background_are_turned(works, tmp_path):
    teacher, student = tmp_path / "t.safetensors", tmp_path / "s.safetensors"
    small = ("--flow", "maf", "--set", "num_layers=1", "--set", "width=8", "--max-epochs", "1", "-q")
    works("fit", "toy:moons:300", "-o", teacher, *small)
    works("distill", teacher, "-o", student, "--max-epochs", "1", "-q")
    assert "maf turned round" in works("show", student).stdout


def test_a_conditional_teacher_needs_rows(works, fails, conditional_model, people, tmp_path):
    error, hint = fails("distill", conditional_model, "-o", tmp_path / "s.safetensors", *QUICK, "-q", code=2)
    assert "conditional on age" in error
    assert "--data" in hint
    works("distill", conditional_model, "-o", tmp_path / "s.safetensors", *QUICK, "--data", people, "-q")
    assert works("sample", tmp_path / "s.safetensors", "--given", "age=30", "-n", "3").stdout.startswith("height,share")


def test_what_cannot_be_taught_says_why(works, fails, teacher, moons_model, tmp_path):
    model = tmp_path / "s.safetensors"
    error, hint = fails("distill", teacher, "-o", model, "-q")
    assert "no `Autoregressive` layers" in error
    error, hint = fails("distill", teacher, "-o", teacher, *QUICK, "-q", code=2)
    assert f"{teacher} is read by this command" in error
    error, hint = fails("distill", teacher, "-o", model, "--set", "num_layers=8", "-q", code=2)
    assert "--flow" in error
    assert "width" in hint
    error, hint = fails("distill", teacher, "-o", model, "--set", "width=many", "-q", code=2)
    assert "a whole number" in error
    error, hint = fails("distill", teacher, "-o", model, "--flow", "iaf", "--set", "wdth=8", "-q", code=2)
    assert "width" in hint
    error, hint = fails("distill", teacher, "-o", model, *QUICK, "--data", "toy:moons:20", "-q")
    assert "'a'" in error
    assert not model.exists()
