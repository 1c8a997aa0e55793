"""`pushforward sample --where`, `impute` and `score --incomplete`."""

import numpy as np
import pytest

import pushforward as pf
from cli.shell import run_command, write_csv


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """A model of two numbers and a category, and rows with holes."""
    folder = tmp_path_factory.mktemp("holes")
    random = np.random.default_rng(0)
    sex = random.choice(["F", "M"], 300)
    height = 165.0 + 10.0 * (sex == "M") + 5.0 * random.normal(size=300)
    weight = height - 100.0 + 5.0 * random.normal(size=300)
    rows = [[s, f"{h:.2f}", f"{w:.2f}"] for s, h, w in zip(sex, height, weight, strict=True)]
    data = write_csv(folder / "d.csv", "sex,height,weight", rows)
    more = ("--flow", "maf", "--set", "num_layers=2", "--set", "width=8", "--set", "depth=1", "--max-epochs", "15")
    kinds = ("--column", "height:unbounded", "--column", "weight:unbounded")
    result = run_command("fit", data, "-o", folder / "m.safetensors", *more, *kinds)
    assert result.exit_code == 0, result.stderr
    holes = [["a", "F", "", "64.5"], ["b", "", "181", "85"], ["c", "M", "175", "70"], ["d", "", "", ""]]
    return folder / "m.safetensors", write_csv(folder / "holes.csv", "id,sex,height,weight", holes)


def test_rows_are_drawn_where_something_is_known(works, people, tmp_path):
    model, _ = people
    out = tmp_path / "s.csv"
    result = works("sample", model, "-n", "50", "--where", "sex=F", "--where", "height>170", "-o", out)
    table = pf.data.read_table(out)
    assert table.names == ("sex", "height", "weight")
    assert set(table.categories["sex"]) == {"F"}
    assert table.column("height").min() > 170.0
    assert "wrote 50 rows" in result.stderr
    assert "Pareto k" in result.stderr
    again = works("sample", model, "-n", "5", "--where", "sex=F", "--where", "height=170", "-q").stdout
    assert again == works("sample", model, "-n", "5", "--where", "sex=F", "--where", "height=170", "-q").stdout
    assert all(line.split(",")[1] == "170" for line in again.split()[1:])


def test_holes_are_filled_and_the_rest_stays(works, people):
    model, holes = people
    result = works("impute", model, holes, "--keep", "id")
    header, *rows = result.stdout.replace('"', "").split()
    assert header == "id,sex,height,weight"
    cells = [row.split(",") for row in rows]
    assert [row[0] for row in cells] == ["a", "b", "c", "d"]
    assert all(all(row) for row in cells)
    assert (cells[0][1], float(cells[0][3]), float(cells[1][2]), cells[2][1:]) == ("F", 64.5, 181.0, ["M", "175", "70"])
    assert "5 missing cells" in result.stderr


def test_draws_stand_below_each_other(works, people):
    model, holes = people
    header, *rows = works("impute", model, holes, "--draws", "3").stdout.split()
    assert header.replace('"', "") == "row,draw,sex,height,weight"
    assert [row.split(",")[:2] for row in rows] == [[str(i), str(d)] for d in (1, 2, 3) for i in (1, 2, 3, 4)]


def test_what_is_there_is_scored_with_an_error(works, fails, people):
    model, holes = people
    error, hint = fails("score", model, holes)
    assert "3 rows with an empty" in error
    assert "--incomplete" in hint
    header, *rows = works("score", model, holes, "--incomplete", "--keep", "id").stdout.replace('"', "").split()
    assert header == "row,id,log_prob,log_prob_error"
    scores = [[float(cell) for cell in row.split(",")[2:]] for row in rows]
    density = pf.FlowDensity.load(model)
    whole = density.score_samples(np.array([["M", 175.0, 70.0]], object))[0]
    np.testing.assert_allclose(scores[2], [whole, 0.0], rtol=1e-5)
    assert scores[3] == [0.0, 0.0]
    assert 0.0 < scores[0][1] < 0.2


@pytest.mark.parametrize(
    ("where", "words"),
    [
        (["sex=X"], "not seen in training"),
        (["heigth=170"], "no column"),
        (["height>180", "height<170"], "contradict"),
        (["sex=F", "height=170", "weight=70"], "all columns are given"),
    ],
)
def test_what_cannot_be_is_refused_in_two_lines(fails, people, where, words):
    model, _ = people
    error, hint = fails("sample", model, *(part for text in where for part in ("--where", text)))
    assert words in error
    assert hint


def test_text_that_is_no_condition_is_a_wrong_call(fails, people):
    model, _ = people
    assert "no condition" in fails("sample", model, "--where", "sex", code=2)[0]
    assert "exclude" in fails("sample", model, "--where", "sex=F", "--temperature", "0.5", code=2)[0]
