"""No line of the project sends a reader to a package index, where it is not."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FROM_AN_INDEX = re.compile(r"\b(pip install|uv add|uv pip install|conda install) (-\S+ )*['\"]?pushforward\b")


def lines_from_an_index(text: str) -> list[str]:
    return [line for line in text.splitlines() if FROM_AN_INDEX.search(line)]


def test_no_line_installs_from_an_index():
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    files = [*pages, *(ROOT / "src").rglob("*.py"), *(ROOT / "examples").rglob("*.py")]
    assert not [(file.name, line) for file in files for line in lines_from_an_index(file.read_text("utf-8"))]


def test_such_a_line_would_be_found():
    bad = ["pip install pushforward", "`pip install --upgrade pushforward`", "pip install 'pushforward[compress]'"]
    good = [
        "pip install .",
        "pip install git+https://host/pushforward.git",
        "pip install constriction, then pushforward",
    ]
    assert [line for line in bad + good if lines_from_an_index(line)] == bad
