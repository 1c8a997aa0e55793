"""`fit --distributed`: one of several processes."""

import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest

import pushforward as pf
from cli.shell import SMALL


def test_without_a_cluster_it_is_told_how_to_start(fails, tmp_path):
    error, hint = fails("fit", "toy:moons:50", "-o", tmp_path / "m.safetensors", "--distributed", code=2)
    assert error.startswith("--distributed: the other processes are not found")
    assert "srun" in hint
    assert not list(tmp_path.iterdir())


def two(*args):
    """The command in two processes that find each other as under Open MPI; `RANK` stands for the number of each."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    own = {"OMPI_MCA_orte_hnp_uri": f"1531576320.0;tcp://127.0.0.1:{port}", "OMPI_COMM_WORLD_SIZE": "2"}
    numbered = [[str(arg).replace("RANK", str(rank)) for arg in args] for rank in range(2)]
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "pushforward.cli", *numbered[rank], "--distributed"],
            env={**os.environ, **own, "OMPI_COMM_WORLD_RANK": str(rank), "OMPI_COMM_WORLD_LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        ended = [process.communicate(timeout=200) for process in both]
    finally:
        for process in both:
            process.kill()
    return [(process.returncode, out, err) for process, (out, err) in zip(both, ended, strict=True)]


@pytest.mark.slow
def test_two_processes_write_one_model_which_is_that_of_one(works, tmp_path):
    (first, out, said), (second, nothing, quiet) = two(
        "fit", "toy:moons:300", "-o", tmp_path / "two.safetensors", *SMALL, "--json"
    )
    assert (first, second) == (0, 0), said + quiet
    assert json.loads(out)["rows"] == 300
    assert nothing == ""
    assert "validation loss" in said
    assert "validation loss" not in quiet
    assert [file.name for file in tmp_path.iterdir()] == ["two.safetensors"]
    works("fit", "toy:moons:300", "-o", tmp_path / "one.safetensors", *SMALL)
    losses = [pf.FlowDensity.load(tmp_path / f"{name}.safetensors").result_.best_loss for name in ("one", "two")]
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)  # float32


@pytest.mark.slow
def test_a_failure_of_both_is_told_by_both(tmp_path):
    for code, _, said in two("fit", tmp_path / "nothing.csv", "-o", tmp_path / "m.safetensors"):
        assert code == 1
        assert "error: " in said
        assert "no such file" in said


@pytest.mark.slow
def test_a_process_that_finds_no_rows_tells_the_other_why_it_ends(tmp_path):
    rows = np.random.default_rng(0).normal(size=(60, 2))
    pf.data.write_table(tmp_path / "0.csv", pf.data.as_table(rows))
    (first, _, said), (second, _, own) = two("fit", tmp_path / "RANK.csv", "-o", tmp_path / "m.safetensors", *SMALL)
    assert (first, second) == (1, 1)
    assert "process 1 failed (DataError: " in said
    assert "1.csv: no such file" in said
    assert "error: " in own
