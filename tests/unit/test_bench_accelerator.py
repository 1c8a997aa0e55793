"""The command for accelerators, on a CPU: what it measures, leaves out and survives."""

import pytest
from benchmarks.harness.records import Journal
from benchmarks.speed import accelerator


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(accelerator, "VECTORS", ("maf-6",))
    monkeypatch.setattr(accelerator, "IMAGES", ())
    monkeypatch.setattr(accelerator, "CPU_BATCHES", (8,))
    monkeypatch.setattr(accelerator, "LEAST_SECONDS", 0.01)
    monkeypatch.setattr(accelerator, "matmul_rate", lambda dtype: 1e9)


def test_steps_scores_and_samples_are_timed_with_their_share(quick):
    journal, said = Journal(None), []
    accelerator.run(1.0, journal, said.append)
    found = [record for record in journal.records if "operation" in record]
    assert [record["operation"] for record in found] == ["train", "density", "sample"]
    assert all(0 < record["seconds"] <= record["first"] and record["share"] > 0 for record in found)
    assert len(said) == 1 + len(found)


def test_what_the_time_does_not_reach_is_named(quick):
    journal = Journal(None)
    accelerator.run(-1.0, journal, lambda text: None)
    assert [record["kind"] for record in journal.records] == ["peak", "left out"]


def test_a_size_that_does_not_fit_does_not_end_the_run(quick, monkeypatch):
    def full(case, rate):
        raise MemoryError("out of memory on the device")
        yield

    monkeypatch.setattr(accelerator, "vector", full)
    journal = Journal(None)
    accelerator.run(1.0, journal, lambda text: None)
    assert journal.records[-1]["kind"] == "failed"
    assert "out of memory" in journal.records[-1]["why"]
