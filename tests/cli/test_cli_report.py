"""`pushforward report`: one page that stands alone, and bad input in two lines."""

import os
import shutil

import numpy as np
import pytest

import pushforward as pf
from cli.shell import SMALL, write_csv
from html_page import Found, faults

NASTY = "<script>alert(1)</script>"


@pytest.fixture
def new(tmp_path):
    return write_csv(tmp_path / "new.csv", "x0,x1", pf.data.moons(120, seed=5))


def test_a_page_says_what_there_is_to_say(works, moons_model, new, tmp_path):
    page = tmp_path / "report.html"
    result = works("report", moons_model, new, "--train", "toy:moons:300", "--seed", "3", "-o", page)
    text = page.read_text("utf-8")
    assert faults(text) == []
    found = Found(text)
    verdict = result.stderr.strip().rpartition(": ")[2]
    assert verdict in {"good", "overfitted", "underfitted", "shifted"}
    titles = ["Checks", "Data beside samples", "Worst and best rows", "Training", "What was fitted", "Again"]
    assert [title for title in titles if title not in found.text] == []
    assert f"{verdict}:" in found.text
    assert "training gap:" in found.text
    again = f"pushforward report {moons_model} {new} --train toy:moons:300 --seed 3 -o {page}".split()
    assert all(word in found.text for word in again)
    assert (
        f"pushforward fit toy:moons:300 -o {moons_model} --flow realnvp --set num_layers=2 --set width=8" in found.text
    )
    assert len(found.named("img")) == 2


def test_the_worst_and_the_best_row_are_those_that_score_says(works, moons_model, new, tmp_path):
    works("report", moons_model, new, "-o", tmp_path / "report.html")
    scored = works("score", moons_model, new).stdout.splitlines()[1:]
    scores = np.array([float(line.split(",")[1]) for line in scored])
    text = Found((tmp_path / "report.html").read_text("utf-8")).text
    worst, best = scores.argmin(), scores.argmax()
    assert f"odd columns x0 x1 {worst + 1} {scores[worst]:.2f} " in text
    assert f"log_prob percentile x0 x1 {best + 1} {scores[best]:.2f} " in text


def test_names_and_categories_are_shown_as_they_are(works, tmp_path):
    rng = np.random.default_rng(0)
    rows = [[rng.normal(), rng.choice(["<b>a&amp;", "c"])] for _ in range(120)]
    data = write_csv(tmp_path / "data.csv", f"{NASTY},kind", rows)
    works("fit", data, "-o", tmp_path / "m.safetensors", *SMALL)
    works("report", tmp_path / "m.safetensors", data, "-o", tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text("utf-8")
    assert faults(text) == []
    assert NASTY not in text
    assert NASTY in Found(text).text
    assert "<b>a&amp;" in Found(text).text
    assert any(NASTY in image.attributes["alt"] for image in Found(text).named("img"))


def test_of_many_columns_some_are_chosen_and_the_page_says_so(works, fails, tmp_path):
    names = [f"c{i}" for i in range(30)]
    data = write_csv(tmp_path / "data.csv", ",".join(names), np.random.default_rng(0).normal(size=(150, 30)))
    model, page = tmp_path / "m.safetensors", tmp_path / "report.html"
    works("fit", data, "-o", model, "--flow", "affine", "--max-epochs", "2")
    works("report", model, data, "-o", page)
    text = Found(page.read_text("utf-8")).text
    assert "Of 30 columns of numbers the 6 are drawn whose samples differ most" in text
    assert "The 12 of 30 columns with the smallest p-values" in text
    assert "Of 30 columns the 5 are shown that make the worst rows odd" in text
    works("report", model, data, "-o", page, "--columns", "c3,c5")
    alt = Found(page.read_text("utf-8")).named("img")[0].attributes["alt"]
    assert "c3, c5" in alt
    error, hint = fails("report", model, data, "-o", page, "--columns", "c99")
    assert "no column 'c99'" in error
    assert "c9" in hint


def test_a_conditional_model_is_told_by_ranks(works, conditional_model, people, tmp_path):
    works("report", conditional_model, people, "--train", people, "-o", tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text("utf-8")
    assert faults(text) == []
    page = Found(text)
    assert "each with its rank among draws of the model given age" in page.text
    assert "--condition age" in page.text
    alts = [image.attributes["alt"] for image in page.named("img")]
    assert alts[0] == "Histogram of the ranks of height, share"
    assert len(alts) == 3


def test_bad_input(fails, works, moons_model, people, people_model, new, tmp_path):
    page = tmp_path / "report.html"
    error, hint = fails("report", moons_model, people, "-o", page)
    assert "x0" in error
    assert "height" in error + hint
    assert "no folder" in fails("report", moons_model, new, "-o", tmp_path / "none" / "report.html")[0]
    assert "HTML page" in fails("report", moons_model, new, "-o", tmp_path / "report.pdf", code=2)[0]
    shutil.copy(new, tmp_path / "data.html")
    error, _ = fails("report", moons_model, tmp_path / "data.html", "-o", tmp_path / "data.html", code=2)
    assert "would be replaced" in error
    assert (tmp_path / "data.html").read_bytes() == new.read_bytes()
    page.write_text("old", "utf-8")
    few = write_csv(tmp_path / "few.csv", "x0,x1", pf.data.moons(20))
    assert "40 are needed" in fails("report", moons_model, few, "-o", page)[0]
    assert page.read_text("utf-8") == "old"
    works("report", moons_model, new, "-o", page, "-q")
    assert page.read_text("utf-8") != "old"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(fails, moons_model, new, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    assert "written" in fails("report", moons_model, new, "-o", locked / "report.html")[0]
