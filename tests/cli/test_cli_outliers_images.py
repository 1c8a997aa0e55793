"""`pushforward outliers` of images."""

import numpy as np
import pytest

import pushforward as pf
from cli.shell import run_command

TINY = ("--flow", "glow", "--set", "num_levels=1", "--set", "num_steps=1", "--set", "width=4", "--max-epochs", "1")


def smooth(count: int, seed: int) -> np.ndarray:
    x = np.random.default_rng(seed).normal(size=(count, 8, 8)).cumsum(axis=1).cumsum(axis=2)
    return np.clip(128 + 20 * x, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    np.save(folder / "train.npy", smooth(400, 0))
    new = smooth(50, 1)
    new[7] = np.random.default_rng(2).integers(0, 256, (8, 8))
    np.save(folder / "new.npy", new)
    np.save(folder / "apart.npy", smooth(100, 3))
    result = run_command("fit", folder / "train.npy", "-o", folder / "m.safetensors", *TINY, "--validation", "0.5")
    assert result.exit_code == 0, result.stderr
    return folder


def test_the_least_usual_images_are_written(works, folder, tmp_path):
    command = ("outliers", folder / "m.safetensors", folder / "new.npy", "-o", tmp_path / "f.csv", "--alpha", "0.3")
    result = works(*command)
    table = pf.data.read_table(tmp_path / "f.csv")
    assert table.names == ("image", "log_prob", "score", "p_value")
    assert 0 < table.num_rows < 50
    assert (table.column("p_value") <= 0.3).all()
    assert f"flagged {table.num_rows} of 50 images" in result.stderr
    assert "calibrated by 200 images that the fit held out" in result.stderr


def test_all_images_are_written_with_their_verdict_by_another_score(works, folder, tmp_path):
    given = ("--calibration", folder / "apart.npy", "--all", "--alpha", "0.1", "--score-by", "log_prob")
    works("outliers", folder / "m.safetensors", folder / "new.npy", "-o", tmp_path / "f.csv", *given)
    table = pf.data.read_table(tmp_path / "f.csv")
    assert table.names == ("image", "log_prob", "score", "p_value", "outlier")
    np.testing.assert_array_equal(table.column("score"), table.column("log_prob"))
    np.testing.assert_array_equal(table.column("p_value") <= 0.1, table.column("outlier") == 1)
    # Half of the images calibrate.
    np.testing.assert_allclose(table.column("p_value") * 51, np.round(table.column("p_value") * 51), atol=1e-3)


def test_show_says_nothing_of_the_numbers_that_are_kept(works, folder):
    assert "ordinary" not in works("show", folder / "m.safetensors", "--json").stdout


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        (("--alpha", "0.001"), 1, "needs at least 999 calibration rows, got 100"),
        (("--score-by", "states!"), 2, "is not one of states"),
        (("--keep", "a"), 2, "--keep is for models of tables"),
    ],
)
def test_what_cannot_be_is_refused(fails, folder, tmp_path, given, code, said):
    command = ("outliers", folder / "m.safetensors", folder / "new.npy", "-o", tmp_path / "f.csv", *given)
    assert said in fails(*command, code=code)[0]
