"""Running `pushforward` in this process."""

import tempfile
from collections.abc import Callable
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple, TextIO
from unittest import mock

import numpy as np
import pytest

from pushforward.cli import main

SMALL = ("--flow", "realnvp", "--set", "num_layers=2", "--set", "width=8", "--max-epochs", "3")
"""A fit that takes a moment."""


class Result(NamedTuple):
    """How a command ended and what it wrote."""

    exit_code: int
    stdout: str
    stderr: str


def run_command(*args: object, input: str = "") -> Result:
    """Run a command with streams that are real files, as a shell opens them."""
    with ExitStack() as stack:
        given, out, err = (stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8")) for _ in range(3))
        given.write(input)
        given.seek(0)
        stack.enter_context(mock.patch("sys.stdin", given))
        stack.enter_context(redirect_stdout(out))
        stack.enter_context(redirect_stderr(err))
        with pytest.raises(SystemExit) as end:
            main.main([str(arg) for arg in args], prog_name="pushforward")
        return Result(int(end.value.code or 0), *(_text(stream) for stream in (out, err)))


def _text(stream: TextIO) -> str:
    stream.flush()
    stream.seek(0)
    return stream.read()


Run = Callable[..., Result]


def write_csv(path: Path, names: str, rows: object) -> Path:
    """A CSV file with these column names; rows may be an array or lists of anything."""
    lines = [",".join(map(str, row)) for row in np.asarray(rows, dtype=object).tolist()]
    path.write_text("\n".join([names, *lines]) + "\n", "utf-8")
    return path
