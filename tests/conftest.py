"""Fixtures of all tests; ../conftest.py sets up the process."""

import contextlib
import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

import jax
import pytest
from hypothesis import settings
from jaxtyping import PRNGKeyArray

ROOT = Path(__file__).parents[1]
SLOW = Path(__file__).with_name("slow.txt")

settings.register_profile("fast", deadline=None, derandomize=True, max_examples=20, database=None)
settings.register_profile("thorough", deadline=None, max_examples=200)
settings.load_profile("fast")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark as slow what `slow.txt` names; a line that names nothing is an error where all tests are collected."""
    lines = {line for line in SLOW.read_text().splitlines() if line and not line.startswith("#")}
    found: set[str] = set()
    for item in items:
        named = lines & {item.nodeid, item.nodeid.split("[")[0], item.nodeid.split("::")[0]}
        if named:
            item.add_marker(pytest.mark.slow)
            found |= named
    if config.args == config.getini("testpaths") and found < lines:
        raise pytest.UsageError(f"{SLOW.name} names tests that are not there: {', '.join(sorted(lines - found))}")


@pytest.fixture(scope="module", autouse=True)
def _forget_compiled_code() -> Iterator[None]:
    """Compiled code of one file is of no use to the next, and all of it together takes gigabytes."""
    yield
    jax.clear_caches()
    with contextlib.suppress(OSError, AttributeError):  # glibc keeps what was freed; others need no asking
        ctypes.CDLL("libc.so.6").malloc_trim(0)


@pytest.fixture
def key() -> PRNGKeyArray:
    """The same key in every test; split it rather than making another."""
    return jax.random.key(20250101)


@pytest.fixture
def x64() -> Iterator[None]:
    """Float64 for one test; `pytestmark = pytest.mark.usefixtures("x64")` for a file."""
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real data sets, or a skip."""
    folder = Path(os.environ.get("PUSHFORWARD_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set PUSHFORWARD_DATA to the folder that holds it")
    return folder


@pytest.fixture(autouse=True)
def _modalities_as_they_were():
    """A kind of data that a test or a page registers is gone behind it."""
    from pushforward.modalities import modalities

    known = dict(modalities())
    yield
    modalities().clear()
    modalities().update(known)
