"""The harness: workers, turns and records, with a stub in place of a library."""

import json
import sys
from pathlib import Path

import pytest
from benchmarks import commands
from benchmarks.__main__ import main
from benchmarks.cases import Case
from benchmarks.densities import catalogue
from benchmarks.harness import records, runner
from benchmarks.harness.client import Worker, WorkerError
from benchmarks.harness.records import Journal, read
from benchmarks.speed import fits, moons, scaling

STUB = "bench_stub"


@pytest.fixture(autouse=True)
def _stub_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


def _case(name: str = "stub", **fields) -> Case:
    return Case(name, "maf", 2, rows=10, samples=5, batch=4, **fields)


def test_a_run_stores_every_round_and_the_state_of_the_machine(tmp_path: Path) -> None:
    settings = runner.Settings(rounds=3, seconds=0.0, libraries=(STUB,), timeout=30)
    journal = Journal(tmp_path / "run.jsonl")
    runner.run([_case()], settings, journal, lambda text: None)
    (record,) = read(tmp_path / "run.jsonl")
    assert record["error"] is None
    assert [len(record["seconds"][operation]) for operation in ("train", "density", "sample")] == [3, 3, 3]
    assert record["seconds"]["train"][0] == pytest.approx(0.001, rel=1.0)
    assert record["parameters"] == 7
    assert record["peak_rss_mib"] > 1
    assert record["not_finite"] == ["sample"]


def test_a_library_that_fails_is_recorded_and_the_others_go_on() -> None:
    settings = runner.Settings(rounds=1, seconds=0.0, libraries=(STUB,), timeout=30)
    (record,) = runner.run_case(_case("broken"), settings, lambda text: None)
    assert "no such flow here" in record["error"]
    assert record["seconds"]["train"] == []


def test_a_slow_library_sits_out_when_its_budget_is_spent() -> None:
    settings = runner.Settings(rounds=5, seconds=0.05, budget=0.06, libraries=(STUB,), timeout=30)
    (record,) = runner.run_case(_case(operations=("density",)), settings, lambda text: None)
    assert 1 <= len(record["seconds"]["density"]) < 5


def test_an_answer_that_takes_too_long_ends_the_worker() -> None:
    with Worker(STUB, timeout=30) as worker:
        worker.build(_case("slow"), seed=0, device="cpu")
        worker.timeout = 0.3
        with pytest.raises(WorkerError, match="more than 0 s"):
            worker.time("density", 0.0)
        with pytest.raises(WorkerError):
            worker.memory()


@pytest.mark.parametrize(
    "arguments",
    [["run", "maf-6"], ["quick"], ["--quick"], ["scale", "rows"], ["fits"], ["moons"], ["catalogue", "nsf"]],
)
def test_each_command_stores_a_header_and_an_end(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (runner, scaling, fits, moons, catalogue):
        monkeypatch.setattr(module, "run", lambda *rest: None)
    monkeypatch.setattr(records, "RESULTS", tmp_path)
    monkeypatch.setattr(commands.records.new_path, "__defaults__", (tmp_path,))
    assert main(arguments) == 0
    (path,) = tmp_path.iterdir()
    assert [record["kind"] for record in read(path)] == ["run", "end"]
    assert not path.name.count(" ")


def test_an_unknown_name_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "mfa-6"]) == 2
    assert "hint: choose from maf-6" in capsys.readouterr().err


def test_a_fresh_import_of_the_harness_loads_no_library() -> None:
    import subprocess

    code = "import sys, json, benchmarks.__main__; print(json.dumps([m for m in ('torch', 'jax') if m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
