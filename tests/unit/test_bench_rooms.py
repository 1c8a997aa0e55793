"""Studies are found by walking, and by the commands that the pages name."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOUSE = ROOT / "benchmarks"
ROOMS = [HOUSE, *sorted(path.parent for path in HOUSE.rglob("__init__.py") if path.parent != HOUSE)]
SPOKEN = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted(HOUSE.rglob("*.py"))]
COMMAND = re.compile(r"python -m (benchmarks(?:\.\w+)*)")
NAMED = sorted({name for page in SPOKEN for name in COMMAND.findall(page.read_text("utf-8"))})
PATH = re.compile(r"`(benchmarks/[\w/]+(?:\.py|/))`")


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_can_be_taken_in_at_a_glance(room: Path) -> None:
    assert len([path for path in room.iterdir() if path.suffix in {".py", ".toml"}]) <= 15


@pytest.mark.parametrize("name", NAMED)
def test_a_command_that_is_named_can_be_run(name: str) -> None:
    file = ROOT / name.replace(".", "/")
    file = file / "__main__.py" if file.is_dir() else file.with_suffix(".py")
    assert 'if __name__ == "__main__":' in file.read_text("utf-8")


def test_files_that_a_page_points_to_are_there() -> None:
    named = {path for page in SPOKEN for path in PATH.findall(page.read_text("utf-8"))}
    assert named
    assert not [path for path in named if not (ROOT / path).exists()]
