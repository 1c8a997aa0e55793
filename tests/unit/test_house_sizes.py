"""A function does one thing, a file is one idea, a recipe is a page."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "pushforward"
FILES = sorted(SOURCE.rglob("*.py"))
ROOMS = sorted({file.parent for file in FILES})
MAX_FUNCTION, MAX_FILE, MAX_RECIPE, MAX_ROOM = 60, 350, 120, 24


def functions(file: Path) -> Iterator[tuple[str, int]]:
    """Names and lengths of a file's functions, without their docstrings."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            start = first.end_lineno + 1 if ast.get_docstring(node) else node.lineno
            yield node.name, node.end_lineno - start + 1


def lines(file: Path) -> int:
    return file.read_text("utf-8").count("\n")


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_a_file_and_its_functions_are_short(file: Path):
    assert lines(file) <= MAX_FILE
    assert not [(name, size) for name, size in functions(file) if size > MAX_FUNCTION]


@pytest.mark.parametrize("file", sorted((SOURCE / "flows").rglob("[!_]*.py")), ids=lambda file: file.stem)
def test_a_recipe_is_a_page(file: Path):
    assert lines(file) <= MAX_RECIPE


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: str(room.relative_to(SOURCE)))
def test_a_room_can_be_taken_in_at_a_glance(room: Path):
    assert len(list(room.glob("*.py"))) <= MAX_ROOM


def test_no_file_is_a_drawer():
    assert not [file for file in FILES if file.stem.strip("_") in {"common", "helpers", "misc", "util", "utils"}]
