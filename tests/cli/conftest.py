"""A runner for the command line, and small models that the tests of one session share."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

from cli.shell import SMALL, Run, run_command, write_csv


@pytest.fixture
def run() -> Run:
    """Run `pushforward` in this process: `run("score", model, data).stdout`."""
    return run_command


@pytest.fixture
def works(run: Run) -> Run:
    """The same for a command that must succeed."""

    def succeeding(*args: object, input: str = "") -> Result:
        result = run(*args, input=input)
        assert result.exit_code == 0, result.stderr
        return result

    return succeeding


@pytest.fixture
def fails(run: Run) -> Callable[..., tuple[str, str]]:
    """The error and the hint of a command that must fail with this exit code; stdout stays empty."""

    def failing(*args: object, code: int = 1, input: str = "") -> tuple[str, str]:
        result = run(*args, input=input)
        assert result.exit_code == code, result.stdout + result.stderr
        *_, error, hint = result.stderr.splitlines()
        assert error.startswith("error: "), result.stderr
        assert hint.startswith("hint: "), result.stderr
        assert result.stdout == ""
        return error.removeprefix("error: "), hint.removeprefix("hint: ")

    return failing


@pytest.fixture(scope="session")
def table() -> np.ndarray:
    """`height` positive, `age` integer, `share` in (0, 1): 60 rows."""
    rng = np.random.default_rng(7)
    return np.column_stack([rng.lognormal(0, 0.8, 60), rng.integers(20, 90, 60), rng.uniform(0, 1, 60)])


@pytest.fixture
def people(tmp_path: Path, table: np.ndarray) -> Path:
    rows = [[f"{height:.6f}", int(age), f"{share:.6f}"] for height, age, share in table]
    return write_csv(tmp_path / "people.csv", "height,age,share", rows)


@pytest.fixture(scope="session")
def moons_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _fitted(tmp_path_factory, "toy:moons:300", "moons.safetensors")


@pytest.fixture(scope="session")
def people_model(tmp_path_factory: pytest.TempPathFactory, table: np.ndarray) -> Path:
    data = write_csv(tmp_path_factory.mktemp("data") / "people.csv", "height,age,share", table)
    kinds = ("--column", "height:positive", "--column", "age:integer(0,120)", "--column", "share:bounded(0,1)")
    return _fitted(tmp_path_factory, data, "people.safetensors", *kinds)


@pytest.fixture(scope="session")
def conditional_model(tmp_path_factory: pytest.TempPathFactory, table: np.ndarray) -> Path:
    """`height` and `share` given `age`."""
    data = write_csv(tmp_path_factory.mktemp("data") / "people.csv", "height,age,share", table)
    return _fitted(tmp_path_factory, data, "given.safetensors", "--condition", "age")


def _fitted(factory: pytest.TempPathFactory, data: object, name: str, *more: str) -> Path:
    model = factory.mktemp("model") / name
    result = run_command("fit", data, "-o", model, *SMALL, *more)
    assert result.exit_code == 0, result.stderr
    return model
