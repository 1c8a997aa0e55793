"""What only a process of its own can show: signals, pipes and how it ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.shell import SMALL

COMMAND = Path(sys.executable).with_name("pushforward")
LONG = (*SMALL[:-1], "40", "--patience", "40")

STOPPED_BY = """
import os, signal, sys
from pushforward.train import _checkpoint

_checkpoint.CHECKPOINT_SECONDS = 0.0
write, count = _checkpoint.Checkpoint.write, 0

def written(self, run):
    global count
    write(self, run)
    count += 1
    if count == 3:
        os.kill(os.getpid(), signal.{signal})

_checkpoint.Checkpoint.write = written
from pushforward.cli import main

sys.argv = ["pushforward", *sys.argv[1:]]
main()
"""


def process(code: str, *args: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, args)], capture_output=True, text=True, timeout=120, check=False
    )


def shell(line: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PATH": f"{COMMAND.parent}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, timeout=120, check=False, env=environment
    )


@pytest.mark.parametrize("signal", ["SIGKILL", "SIGINT"])
def test_a_fit_that_is_stopped_and_resumed_is_bit_equal(works, tmp_path, signal):
    stopped, whole = tmp_path / "stopped.safetensors", tmp_path / "whole.safetensors"
    done = process(STOPPED_BY.format(signal=signal), "fit", "toy:moons:300", "-o", stopped, *LONG)
    assert not stopped.exists()
    assert Path(f"{stopped}.checkpoint").exists()
    if signal == "SIGKILL":
        assert done.returncode == -9
    else:
        assert done.returncode == 130
        assert f"stopped: training is kept in {stopped}.checkpoint.\n" in done.stderr
        assert done.stderr.endswith("hint: run the same command with --resume to go on from there\n")
        assert "Traceback" not in done.stderr
    assert (
        f"going on from {stopped}.checkpoint" in works("fit", "toy:moons:300", "-o", stopped, *LONG, "--resume").stderr
    )
    works("fit", "toy:moons:300", "-o", whole, *LONG)
    a, b = (works("score", model, "toy:moons:50", "-q").stdout for model in (stopped, whole))
    assert a == b


def test_rows_go_through_a_pipe(moons_model):
    done = shell(f"pushforward sample {moons_model} -n 50 -q | pushforward score {moons_model} -")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 51
    assert done.stderr.startswith("wrote 50 scores to standard output")


def test_a_reader_that_leaves_is_no_error(moons_model):
    done = shell(f"pushforward sample {moons_model} -n 200000 | head -n 1")
    assert (done.stdout, done.stderr) == ("x0,x1\n", "")


def test_a_full_standard_output_is_told(moons_model):
    done = shell(f"pushforward score {moons_model} toy:moons:10 > /dev/full")
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "error: standard output: No space left on device."


def test_an_error_right_after_reading_ends_the_process_cleanly(tmp_path):
    (tmp_path / "d.csv").write_text("a,b\n")
    done = shell(f"pushforward fit {tmp_path}/d.csv -o {tmp_path}/m.safetensors")
    assert (done.returncode, done.stderr.splitlines()[0]) == (1, "error: d.csv: no rows.")
