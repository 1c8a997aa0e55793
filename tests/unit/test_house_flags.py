"""The XLA flags that `make test` sets, on a jaxlib that does not know them all."""

import subprocess
import sys
from pathlib import Path

import xla_flags

ROOT = Path(__file__).parents[2]
KNOWN = "--xla_backend_optimization_level=0"
UNKNOWN = "--xla_of_no_release=false"


def test_a_flag_that_this_jaxlib_does_not_know_is_left_out():
    command = [sys.executable, xla_flags.__file__, UNKNOWN, KNOWN]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() == [KNOWN]


def test_flags_that_are_set_already_change_no_answer(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", UNKNOWN)
    assert xla_flags.known(KNOWN)


def test_the_tests_run_with_the_flags_that_the_script_names():
    """In what make would do: each verb asks its own Python, unless the flags are set already."""
    plan = subprocess.run(["make", "--dry-run", "test", "test-lower"], cwd=ROOT, capture_output=True, text=True).stdout
    asked = [line for line in plan.splitlines() if "tests/xla_flags.py" in line]
    assert len(asked) == 2
    assert all(line.startswith('XLA_FLAGS="${XLA_FLAGS-$(') and KNOWN in line for line in asked)
