"""What `import pushforward` and `pushforward --help` cost."""

import importlib.util
import resource
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"click", "diffrax", "matplotlib", "numpyro", "pandas", "polars", "pyarrow", "rich", "scipy.stats", "sklearn"}
COMMAND = Path(sys.executable).with_name("pushforward")


def in_a_new_process(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def cpu_seconds(command: list[Path | str]) -> float:
    """What a process costs; the clock on the wall would count the machine's other work."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def imported_by(statement: str) -> set[str]:
    return set(in_a_new_process(f"import sys\n{statement}\nprint(*sys.modules)").split())


def test_the_package_imports_no_heavy_package():
    assert imported_by("import pushforward") & HEAVY == set()


def test_training_needs_no_heavy_package():
    assert (
        imported_by("import pushforward\npushforward.fit, pushforward.flows.RECIPES, pushforward.save") & HEAVY == set()
    )


def test_the_package_takes_under_a_third_of_a_second_beyond_jax():
    code = "import time, jax, jax.numpy\nt = time.process_time()\nimport pushforward\nprint(time.process_time() - t)"
    assert min(float(in_a_new_process(code)) for _ in range(3)) <= 0.3


@pytest.fixture
def command() -> Path:
    if importlib.util.find_spec("pushforward.cli.__init__") is None:
        pytest.skip("there is no command line yet")
    return COMMAND


def test_help_takes_under_a_third_of_a_second(command: Path):
    assert min(cpu_seconds([command, "--help"]) for _ in range(5)) < 0.3


def test_help_imports_neither_jax_nor_a_heavy_package(command: Path):
    call = "from pushforward.cli import main\nmain(['--help'], standalone_mode=False)"
    found = imported_by(
        call.replace("main([", "__import__('contextlib').redirect_stdout(sys.stderr).__enter__(); main([")
    )
    assert found & {"jax", "numpy", *HEAVY} - {"click", "rich"} == set()
