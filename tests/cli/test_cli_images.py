"""Images from the shell: fit, score, sample, plot, walk, and what is refused."""

import csv
import json
import re

import numpy as np
import pytest
from PIL import Image

from cli.shell import run_command

SMALL = ("--flow", "glow", "--set", "num_levels=1", "--set", "num_steps=1", "--set", "width=4", "--max-epochs", "1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Twenty pictures of 4 x 4 in two labels."""
    path = tmp_path_factory.mktemp("pictures")
    draws = np.random.default_rng(0).integers(0, 256, (20, 4, 4), dtype=np.uint8)
    for number, values in enumerate(draws):
        label = path / ("odd" if number % 2 else "even")
        label.mkdir(exist_ok=True)
        Image.fromarray(values).save(label / f"{number:02}.png")
    return path


@pytest.fixture(scope="module")
def model(folder, tmp_path_factory):
    target = tmp_path_factory.mktemp("model") / "model.safetensors"
    result = run_command("fit", folder, "-o", target, *SMALL, "--json", "--bits", "5")
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert (report["images"], report["shape"], report["levels"]) == (20, [4, 4, 1], 32)
    assert "20 images of 4 x 4 in grey, 32 levels" in result.stderr
    assert "bits per dimension" in result.stderr
    return target


@pytest.fixture(scope="module")
def conditional(folder, tmp_path_factory):
    target = tmp_path_factory.mktemp("model") / "conditional.safetensors"
    result = run_command("fit", folder, "-o", target, *SMALL, "--labels", "--flip", "--shift", "1")
    assert result.exit_code == 0, result.stderr
    return target


def test_each_image_is_scored_by_its_name(works, model, folder, tmp_path):
    works("score", model, folder, "-o", tmp_path / "bits.csv")
    with (tmp_path / "bits.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows][:2] == ["even/00.png", "even/02.png"]
    bits, nats = (np.array([float(row[name]) for row in rows]) for name in ("bits_per_dim", "log_prob"))
    np.testing.assert_allclose(bits, -nats / (16 * np.log(2)), rtol=1e-5)


def test_samples_are_a_sheet_a_folder_or_an_array(works, model, tmp_path):
    works("sample", model, "--grid", "2x3", "--temperature", "0.7", "-o", tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width / sheet.height == pytest.approx(14 / 9)
    works("sample", model, "-n", "3", "-o", f"{tmp_path / 'drawn'}/")
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == ["00000.png", "00001.png", "00002.png"]
    works("sample", model, "-n", "3", "-o", tmp_path / "drawn.npy")
    assert np.load(tmp_path / "drawn.npy").max() < 32


@pytest.mark.parametrize("what", ["samples", "temperatures", "layers", "reconstructions", "nearest", "loss"])
def test_every_picture_is_drawn(works, model, folder, tmp_path, what):
    works("plot", model, folder, "-o", tmp_path / "picture.png", "--what", what)
    with Image.open(tmp_path / "picture.png") as picture:
        assert np.asarray(picture.convert("L")).std() > 5


def test_a_walk_begins_and_ends_at_its_pictures(works, model, folder, tmp_path):
    ends = [folder / "even" / "00.png", folder / "odd" / "01.png"]
    works("interpolate", model, *ends, "-o", tmp_path / "walk.png", "--steps", "5")
    with Image.open(tmp_path / "walk.png") as picture:
        scale = picture.width // (5 * 5 - 1)
        walk = np.asarray(picture)[::scale, ::scale]
    for place, path in ((0, ends[0]), (20, ends[1])):
        with Image.open(path) as end:
            levels = np.asarray(end) >> 3
        np.testing.assert_array_equal(walk[:4, place : place + 4], np.round(levels * (255 / 31)))


def test_four_pictures_make_a_sheet(works, model, folder, tmp_path):
    corners = sorted((folder / "odd").iterdir())[:4]
    works("interpolate", model, *corners, "-o", tmp_path / "sheet.png", "--grid", "3x4")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width / sheet.height == pytest.approx(19 / 14)


def test_images_move_along_an_attribute(works, model, folder, tmp_path):
    works("attributes", model, folder, "--label", "odd", "-o", tmp_path / "row.png")
    assert (tmp_path / "row.png").stat().st_size > 1000


def test_a_conditional_model_is_told_its_label(works, fails, conditional, folder, tmp_path):
    works("sample", conditional, "-n", "2", "--label", "odd", "-o", tmp_path / "odd.npy")
    assert "even, odd" in fails("sample", conditional, "-n", "2", "-o", tmp_path / "x.npy")[1]
    odd = ("-n", "2", "--label", "odd", "-o", tmp_path / "x.npy")
    assert "tarflow-image" in fails("sample", conditional, *odd, "--guidance", "1.5")[1]
    assert "not trained with Gaussian noise" in fails("sample", conditional, *odd, "--denoise")[0]
    ends = sorted((folder / "odd").iterdir())[:2]
    assert "--label" in fails("interpolate", conditional, *ends, "-o", tmp_path / "x.png", code=2)[1]


@pytest.mark.parametrize(
    ("arguments", "code", "error", "hint"),
    [
        (("--flow", "maf"), 1, "holds images, and --flow maf is for tables", "glow"),
        (("--flow", "glow", "--drop", "a"), 2, "--drop is for tables", "images"),
        (("--flow", "glow", "--set", "num_levels=3"), 2, "cannot be halved 3 times", "flows glow"),
        (("--flow", "glow", "--set", "wdth=3"), 2, "no such option", "width"),
        (("--flow", "glow", "--learning-rate", "nan"), 2, "nan is not a finite number", "--help"),
    ],
)
def test_a_wrong_call_is_told(fails, folder, tmp_path, arguments, code, error, hint):
    told = fails("fit", folder, "-o", tmp_path / "x.safetensors", *arguments, code=code)
    assert error in told[0]
    assert hint in told[1]


def test_options_of_images_are_refused_for_tables(fails, people, tmp_path):
    for option in (["--flip"], ["--drop-labels", "0.1"]):
        assert (
            f"{option[0]} is for images" in fails("fit", people, "-o", tmp_path / "x.safetensors", *option, code=2)[0]
        )


@pytest.mark.parametrize(
    ("command", "output", "option"),
    [
        ("sample", "x.png", ("--given", "a=3")),
        ("plot", "x.png", ("--given", "a=3")),
        ("score", "x.csv", ("--drop-missing",)),
    ],
)
def test_options_of_tables_are_refused_for_a_model_of_images(fails, model, folder, tmp_path, command, output, option):
    source = () if command == "sample" else (folder,)
    error, _ = fails(command, model, *source, "-o", tmp_path / output, *option, code=2)
    assert error == f"{option[0]} is for models of tables."


def test_an_amount_without_end_is_refused(fails, model, folder, tmp_path):
    given = ("--label", "odd", "-o", tmp_path / "x.png", "--amount", "inf")
    assert "inf is not a finite number" in fails("attributes", model, folder, *given, code=2)[0]


def test_show_tells_images_labels_and_bits(works, conditional):
    text = works("show", conditional).stdout
    assert re.search(r"images +4 x 4 in grey, 256 levels", text)
    assert re.search(r"labels +even, odd", text)
    facts = json.loads(works("show", conditional, "--json").stdout)
    assert facts["images"] == {"levels": 256, "labels": ["even", "odd"], "shape": [4, 4, 1]}
    bits = facts["training"]["best_loss"] / (16 * np.log(2))
    assert re.search(rf"validation +{bits:.4f} bits per dimension", text)


def test_images_do_not_go_to_standard_output(fails, model):
    assert "standard output" in fails("sample", model, code=2)[0]


def test_a_picture_of_tables_is_refused(fails, model, tmp_path):
    assert "is for tables" in fails("plot", model, "-o", tmp_path / "x.png", "--what", "corner", code=2)[0]


def test_pictures_of_another_size_are_refused(fails, model, tmp_path):
    Image.fromarray(np.zeros((5, 4), np.uint8)).save(tmp_path / "x.png")
    error, hint = fails("score", model, tmp_path / "x.png")
    assert "(4, 4, 1)" in error
    assert "--resize 4x4" in hint
