"""Tables with atoms through the command line: values that are repeated come back as often, to the last digit."""

import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image

from cli.shell import SMALL, run_command, write_csv

RAIN = "rain,t"


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    rng = np.random.default_rng(0)
    wet = rng.random(300) < 0.4
    return np.column_stack([np.where(wet, rng.lognormal(size=300), 0.0), rng.normal(size=300) + wet])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, rows: np.ndarray) -> Path:
    return write_csv(tmp_path_factory.mktemp("data") / "rain.csv", RAIN, rows)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, data: Path, rows: np.ndarray) -> Path:
    path = tmp_path_factory.mktemp("model") / "rain.safetensors"
    result = run_command("fit", data, "-o", path, *SMALL)
    assert result.exit_code == 0, result.stderr
    share = f"{100 * np.mean(rows[:, 0] == 0):.1f} % exactly 0"
    assert f"'rain' is positive+atoms(0): {share} among the rows; the others are above 0." in result.stderr
    assert f"warning: 'rain': {share} among the rows" in result.stderr
    assert (
        "which of 1 column with atoms is at one by a masked network, the others by realnvp given them" in result.stderr
    )
    assert "a bound" not in result.stderr
    return path


def test_show_tells_the_atoms_and_that_the_density_is_exact(works, model):
    told = json.loads(works("show", model, "--json").stdout)
    assert told["columns"][0]["atoms"] == [0.0]
    assert "atoms 0" in works("show", model).stdout
    assert "not exact" not in works("show", model).stdout


def test_samples_hold_the_atom_as_often_as_the_data(works, model, rows, tmp_path):
    works("sample", model, "-n", "2000", "-o", tmp_path / "s.parquet")
    works("sample", model, "-n", "2000", "-o", tmp_path / "s.csv")
    drawn = np.genfromtxt(tmp_path / "s.csv", delimiter=",", skip_header=1)[:, 0]
    share = np.mean(rows[:, 0] == 0)
    assert abs(np.mean(drawn == 0) - share) < 3 * np.sqrt(share * (1 - share) * (1 / 2000 + 1 / 300))
    assert (drawn >= 0).all()


def test_scores_are_the_same_in_another_order(works, model, data, rows, tmp_path):
    turned = write_csv(tmp_path / "turned.csv", RAIN, rows[::-1])
    there, back = (
        np.genfromtxt(works("score", model, source).stdout.splitlines(), delimiter=",", skip_header=1)[:, 1]
        for source in (data, turned)
    )
    np.testing.assert_array_equal(there, back[::-1])
    assert np.isfinite(there).all()


def test_a_user_says_otherwise_or_names_others(works, data, tmp_path):
    out = tmp_path / "m.safetensors"
    said = works("fit", data, "-o", out, *SMALL, "--column", "rain:unbounded").stderr
    assert "'rain' is unbounded: as asked for." in said
    assert "say unbounded+atoms(0)" in said
    said = works("fit", data, "-o", out, *SMALL, "--column", "rain:unbounded+atoms(0)").stderr
    assert "'rain' is unbounded+atoms(0): as asked for, with" in said
    assert "warning" not in said


def test_a_kind_that_has_no_atoms_is_refused(fails, data, tmp_path):
    error, hint = fails("fit", data, "-o", tmp_path / "m", *SMALL, "--column", "rain:integer+atoms(0)")
    assert "integer takes no atoms" in error
    assert "positive+atoms(0)" in hint


@pytest.mark.parametrize("what", ["density", "corner"])
def test_pictures_of_a_table_with_atoms(works, model, data, tmp_path, what):
    works("plot", model, data, "-o", tmp_path / "p.png", "--what", what)
    assert image.imread(tmp_path / "p.png").std() > 0.02


def test_the_steps_of_a_mixture_are_not_drawn(fails, model, tmp_path):
    error, _ = fails("plot", model, "-o", tmp_path / "p.png", "--what", "steps", code=2)
    assert "'rain' has atoms" in error
