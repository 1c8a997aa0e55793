"""The table of recipes on known densities: what a stopped run leaves, and how it is shown."""

from pathlib import Path

import numpy as np
import pytest
from benchmarks.__main__ import main
from benchmarks.commands import CATALOGUE
from benchmarks.densities import catalogue
from benchmarks.harness.records import Journal, Record
from benchmarks.pages import catalogue as page_part
from benchmarks.pages import parts

HEAD = {
    "kind": "run", "what": "catalogue", "started": "2025-01-01", "device": "cpu", "device_label": "cpu-2-cores",
    "cpu": "X", "cores": 2, "python": "3.11", "commit": "abc1234", "uncommitted_changes": False, "load_average": 0.1,
    "versions": {}, "settings": catalogue.SETTINGS,
}  # fmt: skip


def cell(recipe: str, density: str, gap: float, **more: object) -> Record:
    entropy = catalogue.entropy(density)
    found = {"error": None, "nats": entropy + gap, "entropy": entropy, "seconds": 5.0, "steps": 2112}
    return {"kind": "cell", "recipe": recipe, "density": density, **found, **more}


def test_the_recipes_are_those_of_numbers_on_a_line() -> None:
    assert {"nsf", "flow-matching", "gaussian"} <= set(catalogue.NAMES)
    assert not {"made-bernoulli", "circular-nsf", "sphere"} & set(catalogue.NAMES)
    assert set(catalogue.PICTURED) | set(catalogue.EPOCHS_OF) <= set(catalogue.NAMES)
    assert len(catalogue.PICTURED) > 3


def test_a_run_that_was_stopped_goes_on_with_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, fitted = tmp_path / "run.jsonl", []

    def tried(name: str, density: str, epochs: int) -> Record:
        fitted.append((name, density))
        return {"error": "ValueError: no luck"} if density == "rings" else cell(name, density, 0.1)

    monkeypatch.setattr(catalogue, "_compiled", lambda name: (1.0, 12))
    monkeypatch.setattr(catalogue, "_tried", tried)
    for densities in (["moons", "rings"], ["moons", "rings", "spirals"]):
        catalogue.run(["nsf"], densities, Journal(path, go_on=True), lambda text: None)
    # What failed is tried again, what was measured is not.
    assert [density for _, density in fitted] == ["moons", "rings", "rings", "spirals"]


def test_the_table_is_sorted_by_nats_above_the_entropy(tmp_path: Path) -> None:
    picture = catalogue.packed(np.full((catalogue.PIXELS, catalogue.PIXELS), 7, np.uint8))
    cells = [cell(name, d, gap) for d in catalogue.DENSITIES for name, gap in (("affine", 1.0), ("maf", 0.2))]
    cells += [cell("nsf", d, 0.01, picture=picture, steps=176) for d in catalogue.DENSITIES[:-1]]
    cells += [{"kind": "cell", "recipe": "nsf", "density": "pinwheel", "error": "ValueError: no luck"}]
    text = page_part.part([HEAD, *cells], tmp_path)
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == ["maf", "affine", "nsf"]
    assert rows[0].endswith("| 0.200 | 5.0 | 2,112 |")
    assert "| failed | - | 5.0 | 176 |" in rows[2]
    assert (tmp_path / page_part.PICTURE).stat().st_size > 10_000


def test_a_picture_is_kept_in_a_line_of_text() -> None:
    picture = catalogue.shades(
        catalogue.TOYS["moons"].log_density(catalogue.grid("moons")), catalogue.brightest("moons")
    )
    assert picture.max() == 255
    np.testing.assert_array_equal(catalogue.unpacked(catalogue.packed(picture)), picture)
    assert len(catalogue.packed(picture)) < 8000


def test_the_page_has_its_marker_and_a_wrong_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for name, *_ in parts.catalogue_parts(CATALOGUE):
        parts.replace_between(CATALOGUE.read_text("utf-8"), name, "")
    assert main(["catalogue", "nfs"]) == 2
    assert main(["catalogue", "nsf", "--densities", "moon"]) == 2
    assert "hint: choose from rings" in capsys.readouterr().err
