"""`pushforward plot`."""

import pytest
from matplotlib import image

MAGIC = {".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<?xml"}


@pytest.mark.parametrize("what", ["density", "loss", "steps", "corner"])
def test_every_picture_of_two_columns(works, moons_model, tmp_path, what):
    result = works("plot", moons_model, "toy:moons:200", "-o", tmp_path / "p.png", "--what", what)
    assert f"wrote {tmp_path / 'p.png'}: {what}" in result.stderr
    pixels = image.imread(tmp_path / "p.png")
    assert min(pixels.shape[:2]) > 200
    assert pixels.std() > 0.02


def test_two_columns_show_the_density(works, moons_model, tmp_path):
    assert works("plot", moons_model, "-o", tmp_path / "p.svg").stderr.endswith(": density\n")
    assert (tmp_path / "p.svg").read_bytes().startswith(MAGIC[".svg"])


def test_more_columns_show_samples_beside_data(works, people_model, people, tmp_path):
    assert works("plot", people_model, people, "-o", tmp_path / "p.pdf").stderr.endswith(": corner\n")
    assert (tmp_path / "p.pdf").read_bytes().startswith(MAGIC[".pdf"])


def test_a_conditional_model_draws_beside_the_rows_or_at_one_condition(works, conditional_model, people, tmp_path):
    works("plot", conditional_model, people, "-o", tmp_path / "a.png", "--what", "corner")
    works("plot", conditional_model, "-o", tmp_path / "b.png", "--given", "age=40")
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(
    ("model", "options", "code", "error", "hint"),
    [
        ("people_model", (), 2, "a corner picture shows samples beside data.", "give DATA"),
        ("people_model", ("--what", "density"), 2, "a density picture shows one or two columns", "--what corner"),
        ("conditional_model", (), 2, "the model is conditional on age.", "add --given age=VALUE"),
        ("moons_model", ("--given", "a=1"), 2, "the model is not conditional.", "leave --given out"),
    ],
)
def test_pictures_that_cannot_be_drawn(fails, request, tmp_path, model, options, code, error, hint):
    said = fails("plot", request.getfixturevalue(model), "-o", tmp_path / "p.png", *options, code=code)
    assert said[0].startswith(error)
    assert hint in said[1]


def test_an_unknown_ending_lists_the_known_ones(fails, moons_model, tmp_path):
    error, hint = fails("plot", moons_model, "-o", tmp_path / "p.xyz", "--what", "loss")
    assert "its ending is not known" in error
    assert ".png" in hint


def test_a_conditional_model_is_not_told_of_an_option_that_plot_lacks(fails, conditional_model, tmp_path):
    _, hint = fails("plot", conditional_model, "-o", tmp_path / "p.png", "--what", "density", code=2)
    assert hint == "add --given age=VALUE"


def test_columns_size_and_labels_of_a_picture(works, people_model, people, tmp_path):
    out = tmp_path / "p.png"
    more = ("--columns", "share,age", "--size", "5x4", "--dpi", "100", "--title", "People", "--label", "age=Age (a)")
    assert works("plot", people_model, people, "-o", out, *more).stderr.endswith(": corner\n")
    assert image.imread(out).shape[:2] == (400, 500)


@pytest.mark.parametrize(
    ("options", "error", "hint"),
    [
        (("--columns", "shar"), "--columns: the model has no column 'shar'.", "did you mean 'share'?"),
        (("--label", "ages=x"), "--label: the model has no column 'ages'.", "did you mean 'age'?"),
        (("--columns", "age,age"), "--columns names a column twice.", "name each once"),
        (("--what", "loss", "--columns", "age"), "the loss is that of all columns.", "leave --columns out"),
        (("--xlabel", "x"), "--xlabel and --ylabel are for a picture with one pair of axes", "--label"),
        (("--size", "6"), "Invalid value for '--size': '6' is no width and height", ""),
    ],
)
def test_looks_that_cannot_be(run, people_model, people, tmp_path, options, error, hint):
    result = run("plot", people_model, people, "-o", tmp_path / "p.png", *options)
    assert result.exit_code != 0
    assert f"error: {error}" in result.stderr
    assert hint in result.stderr


def test_an_unknown_ending_is_told_before_anything_is_drawn(fails, people_model, tmp_path):
    error, _ = fails("plot", people_model, "no-such.csv", "-o", tmp_path / "p")
    assert "its ending is not known" in error
