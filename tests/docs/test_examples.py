"""Every example runs from beginning to end within its time."""

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 60
# -W names whole modules only, and would not see what is below `pushforward`.
STRICTLY = (
    "import runpy, sys, warnings\n"
    "warnings.filterwarnings('error', module='pushforward')\n"
    "warnings.filterwarnings('error', category=DeprecationWarning, module='__main__|jax|numpy|equinox|optax|sklearn')\n"
    "runpy.run_path(sys.argv[1], run_name='__main__')"
)
SCRIPTS = sorted(path for path in (ROOT / "examples").glob("*.py") if path.name != "demo.py")


def run_script(script: Path, folder: Path, seconds: float) -> None:
    """Run it, in so many seconds of the clock or of a processor: on a busy machine the clock tells of the others."""
    start, used_before = time.monotonic(), _processor_seconds()
    done = subprocess.run(
        [sys.executable, "-c", STRICTLY, str(script)],
        cwd=folder,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=5 * seconds,
    )
    assert done.returncode == 0, f"{script.name} exited with {done.returncode}\n{done.stderr[-4000:]}"
    assert done.stdout.strip(), f"{script.name} prints no result"
    assert min(time.monotonic() - start, _processor_seconds() - used_before) < seconds, f"{script.name} takes too long"


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


QUICK = {"change_of_variables", "learn_a_chain_1d", "shapes", "two_moons_lab"}
"""They run in `make test`, the others in `make test-all`: one that trains takes half a minute."""


LONGER = {"autoencoder_with_flows": 120, "vae_gan_flow": 120}
"""Seconds of those that train four and nine models: compiling them is most of the time."""


@pytest.mark.parametrize(
    "script",
    [pytest.param(s, marks=() if s.stem in QUICK else pytest.mark.slow) for s in SCRIPTS],
    ids=[script.stem for script in SCRIPTS],
)
def test_an_example_runs_in_a_minute(script: Path, tmp_path: Path):
    run_script(script, tmp_path, LONGER.get(script.stem, SECONDS))


@pytest.mark.slow
def test_the_demo_runs_in_three_minutes(tmp_path: Path):
    run_script(ROOT / "examples" / "demo.py", tmp_path, 180)
