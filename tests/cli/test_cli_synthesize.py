"""`pushforward synthesize`: rows of the right kind, and a report that says what they tell."""

import json
from unittest import mock

import numpy as np
import pandas as pd
import pytest

from cli.shell import SMALL, write_csv
from html_page import Found

QUICK = (*SMALL, "-q")


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    """A number with two decimals, counts, whole numbers of many values, text and truth values, days, spikes at 0."""
    rng = np.random.default_rng(0)
    rows = 300
    a = rng.normal(size=rows)
    return pd.DataFrame(
        {
            "income": np.round(np.exp(a + 8), 2),
            "visits": rng.poisson(np.exp(0.5 * a + 1)),
            "steps": rng.integers(0, 10_000, rows),
            "town": rng.choice(["east", "north", "west"], rows),
            "rain": np.where(rng.random(rows) < 0.4, 0.0, rng.exponential(size=rows)),
            "ill": rng.random(rows) < 1 / (1 + np.exp(-2 * a)),
            "seen": (pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 365, rows), unit="D")).date,
        }
    )


@pytest.fixture
def source(tmp_path, people):
    people.to_csv(tmp_path / "people.csv", index=False)
    return tmp_path / "people.csv"


def test_rows_have_the_types_and_the_limits_of_the_source(works, source, people, tmp_path):
    target = tmp_path / "synthetic.csv"
    works("synthesize", source, "-n", "500", "-o", target, *QUICK)
    found = pd.read_csv(target)
    assert found.shape == (500, people.shape[1])
    assert list(found.columns) == list(people.columns)
    assert set(found["town"]) <= set(people["town"])
    assert set(found["ill"]) <= {True, False}
    assert found["visits"].dtype == found["steps"].dtype == np.int64
    assert set(found["visits"]) <= set(people["visits"])
    np.testing.assert_array_equal(found["income"], found["income"].round(2))
    for name in ("income", "steps", "rain"):
        assert found[name].between(people[name].min(), people[name].max()).all()
    assert (found["rain"] == 0).mean() == pytest.approx(0.4, abs=0.12)
    assert pd.to_datetime(found["seen"], format="%Y-%m-%d").notna().all()


def test_the_same_seed_draws_the_same_rows(works, source, tmp_path):
    for name in ("a.csv", "b.csv"):
        works("synthesize", source, "-n", "20", "-o", tmp_path / name, "--seed", "3", *QUICK)
    assert (tmp_path / "a.csv").read_text() == (tmp_path / "b.csv").read_text()


def test_a_report_in_words_as_json_and_as_a_page(works, source, tmp_path):
    target, page = tmp_path / "synthetic.csv", tmp_path / "report.html"
    given = ("synthesize", source, "-o", target, "--target", "ill", *QUICK)
    words = works(*given, "--report").stdout
    told = json.loads(works(*given, f"--report={page}", "--json").stdout)
    names = [figure["name"] for figure in told["figures"]]
    assert names == [
        *("detection score", "detection, held-out rows", "column shapes", "pair trends", "loss of use"),
        *("near-copies", "equal rows", "membership, by the table", "attribute disclosure", "membership, by the model"),
    ]
    assert all(name in words for name in names)
    assert " ".join(words.split()).endswith(f"verdict: {told['verdict']}")
    assert told["rows"] == {"train": 240, "held_out": 60, "synthetic": 300}
    copy = {figure["name"]: figure["values"].get("copy") for figure in told["figures"]}
    assert copy["near-copies"]["value"] == copy["equal rows"]["value"] == copy["attribute disclosure"]["value"] == 1.0
    assert [column["name"] for column in told["columns"] if column["measure"]] == ["ill"]
    shown = Found(page.read_text("utf-8"))
    assert not shown.faults
    assert told["verdict"] in "".join(shown.pieces)


def test_all_categories(works, tmp_path):
    rng = np.random.default_rng(0)
    source = write_csv(tmp_path / "c.csv", "a,b", rng.choice(["x", "y", "z"], size=(120, 2)))
    told = json.loads(works("synthesize", source, "-o", tmp_path / "o.csv", "--max-epochs", "2", "-q", "--json").stdout)
    # Nine different rows: held-out ones are equal to training rows too, and that is no fault.
    assert told["private"]


def test_one_column(works, tmp_path):
    source = write_csv(tmp_path / "c.csv", "a", np.random.default_rng(0).normal(size=(100, 1)))
    words = works("synthesize", source, "-o", tmp_path / "o.csv", "--report", *QUICK).stdout
    assert "there is one column alone" in words


def test_rows_to_standard_output_leave_the_report_to_standard_error(works, source):
    result = works("synthesize", source, "-n", "5", "-o", "-", "--report", "--target", "ill", *QUICK)
    assert len(result.stdout.splitlines()) == 6
    assert "verdict:" in result.stderr
    assert "300 synthetic" in result.stderr  # five rows alone say nothing


def test_rare_categories_are_told(works, people, tmp_path):
    people.assign(town=["Atlantis", *people["town"][1:]]).to_csv(tmp_path / "p.csv", index=False)
    given = ("synthesize", tmp_path / "p.csv", "-n", "5", "-o", tmp_path / "o.csv", *SMALL)
    said = [works(*given, "--seed", seed).stderr for seed in ("0", "1")]
    assert any("column 'town': 'Atlantis' in fewer than 10 rows" in text for text in said)


def refused(rows: list[list[object]], names: str, *given: str, code: int = 1) -> tuple[object, ...]:
    return rows, names, given, code


NUMBERS = [[i * 0.37 % 1, i * 0.73 % 1] for i in range(100)]
REFUSED = {
    "an identifier": (
        refused([[i * 7919 % 1009, *row] for i, row in enumerate(NUMBERS)], "patient_id,a,b"),
        "column 'patient_id' is of another whole number in every row",
        "--drop patient_id",
    ),
    "two row numbers": (
        refused([[i, i + 5, *row] for i, row in enumerate(NUMBERS)], "x,y,a,b"),
        "columns 'x', 'y' are of another whole number",
        "--drop x,y",
    ),
    "names": (
        refused([[f"name{i}", *row] for i, row in enumerate(NUMBERS)], "name,a,b"),
        "column 'name' holds 100 different values",
        "--drop name",
    ),
    "a constant column": (refused([[1.5, *row] for row in NUMBERS], "c,a,b"), "column 'c' holds one value", "--drop c"),
    "few rows": (
        refused(NUMBERS[:40], "a,b"),
        "40 rows, of which 8 would be held out and 32 learned from",
        "give at least 50 rows",
    ),
    "few rows to learn from": (
        refused(NUMBERS, "a,b", "--holdout", "0.95"),
        "95 would be held out and 5 learned from",
        "give at least 200 rows",
    ),
    "a target that is no column": (
        refused(NUMBERS, "a,b", "--target", "z"),
        "--target: there is no column 'z'",
        "choose one of a, b",
    ),
    "no rows": (refused(NUMBERS, "a,b", "-n", "0", code=2), "0 is not in the range", "--help"),
    "no share": (refused(NUMBERS, "a,b", "--holdout", "0", code=2), "0 is not in the range", "--help"),
    "a flow of images": (refused(NUMBERS, "a,b", "--flow", "glow", code=2), "glow is not for tables", "nsf-ar"),
    "an option that no flow has": (
        refused(NUMBERS, "a,b", "--set", "bins=3", code=2),
        "nsf-ar has no such option",
        "num_bins",
    ),
    "a report that is no page": (refused(NUMBERS, "a,b", "--report=r.pdf", code=2), "a report is a page", "r.html"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_synthesized_is_told_in_two_lines(fails, tmp_path, case):
    (rows, names, given, code), says, hint = REFUSED[case]
    source = write_csv(tmp_path / "t.csv", names, rows)
    error, told = fails("synthesize", source, "-o", tmp_path / "o.csv", "-q", *given, code=code)
    assert says in error
    assert hint in told
    assert not (tmp_path / "o.csv").exists()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("-o", "t.csv"), "is read by this command"),
        (("-o", "no/o.csv"), "no folder"),
        (("-o", "o.xyz"), "o.xyz"),
        (("-o", "o.npy", "--column", "a:categorical"), "an .npy file holds numbers alone"),
    ],
)
def test_an_output_that_cannot_be_is_told_before_the_fit(fails, tmp_path, monkeypatch, given, says):
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "t.csv", "a,b", [[i % 3, b] for i, (_, b) in enumerate(NUMBERS)])
    result = {"is read by this command": 2}.get(says, 1)
    with mock.patch("pushforward.modalities.table.synthesis._synthesize.fitted", side_effect=AssertionError):
        error, _ = fails("synthesize", "t.csv", *given, "-q", code=result)
    assert says in error


def test_a_report_that_took_the_data_for_its_file_is_told(fails):
    error, hint = fails("synthesize", "--report", "t.csv", "-o", "o.csv", code=2)
    assert "--report took t.csv as its file" in error
    assert hint == "give DATA before --report"
