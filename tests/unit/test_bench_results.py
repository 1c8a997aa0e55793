"""Ratios, comparisons and the page, from made-up records."""

import json
from pathlib import Path

import pytest
from benchmarks.adapters import LIBRARIES
from benchmarks.cases import CASES, DEVIATIONS, QUICK, Case, label
from benchmarks.harness import compare
from benchmarks.harness.flops import matmul_flops
from benchmarks.harness.ratios import Ratio, against_rivals, in_passes
from benchmarks.harness.records import Record, new_path, stored
from benchmarks.pages import parts, small, table
from benchmarks.pages.aims import AIMS


def _run(started: str, ours: float, theirs: float = 0.010) -> list[Record]:
    head = {
        "kind": "run", "what": "cases", "started": started, "device": "cpu", "device_label": "cpu-2-cores", "cpu": "X",
        "cores": 2, "python": "3.11", "commit": "abc1234", "uncommitted_changes": False, "load_average": 0.1,
        "versions": {"zuko": "1.6.0"},
    }  # fmt: skip
    return [head, _result("pushforward", ours), _result("zuko", theirs), {"kind": "end", "seconds": 1.0}]


def _result(library: str, step: float) -> Record:
    case = CASES["maf-43"]
    noisy = [step * wobble for wobble in (0.98, 1.0, 1.02)]
    return {
        "kind": "result", "label": "maf-43", "library": library, "case": case.to_json(), "error": None,
        "not_finite": [], "versions": {library: "1.0"}, "parameters": 9, "import_s": 1.0, "build_s": 1.0,
        "first_s": {"train": 2.0}, "peak_rss_mib": 400.0, "matmul_peak_flops": 1e11,
        "matmul_flops": {"train": 1e8},
        "seconds": {"train": noisy, "density": noisy, "sample": [4 * step] * 3, "pass": [2 * step] * 3},
    }  # fmt: skip


def test_a_ratio_pairs_the_rounds_so_that_a_drifting_machine_cancels() -> None:
    ratio = Ratio.of([2.0, 4.0, 8.0], [1.0, 2.0, 4.0])
    assert (ratio.median, ratio.low, ratio.high) == (2.0, 2.0, 2.0)


def test_ratios_above_one_mean_that_we_are_faster() -> None:
    ratios = against_rivals(_run("2025-01-01", ours=0.005))
    assert ratios["maf-43", "train", "zuko"].median == pytest.approx(2.0)


def test_sampling_is_counted_in_density_passes() -> None:
    assert in_passes(_result("pushforward", 0.1)).median == pytest.approx(2.0)


def test_compare_names_what_got_slower() -> None:
    found = compare.changes(_run("2025-01-01", 0.005), _run("2025-01-02", 0.010))
    slower = {change.key for change in found if change.slower}
    assert ("maf-43", "train", "zuko") in slower
    assert "maf-43 train against zuko" in str(found[0])


def test_compare_is_quiet_when_the_whole_machine_got_slower() -> None:
    found = compare.changes(_run("2025-01-01", 0.005, 0.01), _run("2025-01-02", 0.010, 0.02))
    assert found
    assert not any(change.slower for change in found)


def test_compare_looks_for_the_run_before_on_the_same_device(tmp_path: Path) -> None:
    for day, device in (("01", "cpu-2-cores"), ("02", "gpu-x"), ("03", "cpu-2-cores")):
        records = _run(f"2025-01-{day}", 0.005)
        records[0]["device_label"] = device
        _store(tmp_path / f"2025-01-{day}-cases-{device}-abc.jsonl", records)
    newest = tmp_path / "2025-01-03-cases-cpu-2-cores-abc.jsonl"
    assert compare.earlier_run(newest, tmp_path).name == "2025-01-01-cases-cpu-2-cores-abc.jsonl"
    assert [path.name[:10] for path, _ in stored("cases", tmp_path)] == ["2025-01-03", "2025-01-02", "2025-01-01"]


def test_the_page_keeps_its_text_and_shows_misses_as_missed(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text("".join(f"HEAD\n<!-- {name} -->\nold\n<!-- end {name} -->\nTAIL\n" for name in _part_names()))
    _store(tmp_path / "2025-01-01-cases-cpu-2-cores-abc.jsonl", _run("2025-01-01", ours=0.0095))
    parts.write(page, tmp_path)
    text = page.read_text()
    assert "old" not in text
    assert text.count("HEAD") == text.count("TAIL") == len(_part_names())
    assert "at least 1.7x zuko | 2.3 | 1.05x" in text
    assert "**missed**" in text
    assert parts.NOTHING in text


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="add both"):
        parts.replace_between("no markers", "cases", "x")


def test_the_page_of_the_docs_has_every_marker() -> None:
    text = (Path(__file__).parents[2] / "docs" / "benchmarks.md").read_text()
    for name in _part_names():
        parts.replace_between(text, name, "")


def test_a_failure_is_shown_with_its_reason() -> None:
    records = _run("2025-01-01", 0.005)
    records.append(_result("nflows", 1.0) | {"error": "nflows: AssertionError", "seconds": {"train": []}})
    text = table.cases_part(records)
    assert "| failed |" in text
    assert "nflows: AssertionError" in text


def test_a_seed_that_never_gets_there_counts_as_one_that_takes_forever() -> None:
    times = {"zuko": [10.0, 30.0, None], "pushforward": [4.0, 5.0, 6.0]}
    head, *_ = _run("2025-01-01", 1.0)
    fits = [
        {"kind": "fit", "fit": "power", "library": who, "start": "cold", "target": 1.0, "reached_s": seconds}
        for who, found in times.items()
        for seconds in found
    ]
    text = parts.fits_part([head, *fits])
    assert "| 30.0 s (2 of 3 seeds) | 5.0 s |" in text
    assert "cold 6.00x met" in text


def test_the_last_record_of_a_flow_counts_and_the_best_flow_comes_first() -> None:
    facts = {"set": "mnist", "parameters": 9, "steps": 5, "seconds": 1.0, "round_trip": 1e-6, "standard_error": 0.1}
    bits = [("glow", 9.0), ("flowpp", 2.0), ("glow", 1.0)]
    text = small.images_part([facts | {"model": model, "bits_per_dim": value} for model, value in bits])
    assert text.index("| `glow` | 1.000 ± 0.100 |") < text.index("| `flowpp` | 2.000")
    assert "9.000" not in text


def test_every_library_has_an_adapter_and_its_deviations() -> None:
    folder = Path(__file__).parents[2] / "benchmarks" / "adapters"
    assert set(DEVIATIONS) == set(LIBRARIES)
    assert all((folder / f"{name}.py").exists() for name in LIBRARIES)
    assert set(QUICK) <= set(CASES)
    assert {aim.case for aim in AIMS} <= set(CASES)


def test_a_case_survives_json_and_its_label_says_what_differs() -> None:
    case = Case.from_json(json.loads(json.dumps(CASES["maf-43"].to_json() | {"batch": 4096, "hidden": [64, 64]})))
    assert label(case) == "maf-43 hidden=64x64 batch=4096"
    assert label(CASES["maf-43"]) == "maf-43"


def test_the_floor_counts_the_products_of_a_masked_network() -> None:
    # Two products per row and layer of 6 x 128, 128 x 128 and 128 x 12, forward and twice more backward.
    one_row = 6 * 128 + 128 * 128 + 128 * 12
    assert matmul_flops(CASES["maf-6"], "train") == 2 * 3 * 512 * 5 * one_row


def test_a_second_run_of_a_day_gets_a_name_of_its_own(tmp_path: Path) -> None:
    first = new_path("cases", "cpu", tmp_path)
    first.write_text("{}")
    assert new_path("cases", "cpu", tmp_path) != first


def _part_names() -> list[str]:
    return [name for name, *_ in parts._parts(Path("x"))]


def _store(path: Path, records: list[Record]) -> None:
    path.write_text("\n".join(json.dumps(record) for record in records))
