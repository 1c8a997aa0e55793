"""Links of the docs lead somewhere on a code forge as on the site: to a file that exists, and to a heading in it."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COURSE = ROOT / "docs" / "course"
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted(COURSE.rglob("*.ipynb")),
]
_LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)[^)]*\)")
_SOURCE = re.compile(r"<(?:img|a)\b[^>]*\b(?:src|href)=[\"']([^\"']+)")
_CODE = re.compile(r"^( *)```.*?^\1```$|`[^`\n]*`", re.DOTALL | re.MULTILINE)
_OUTSIDE = re.compile(r"https?://|mailto:")


def prose(page: Path) -> str:
    """What is text on a page or in a notebook, without code."""
    text = page.read_text("utf-8")
    if page.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return _CODE.sub("", text)


def links(text: str) -> list[str]:
    """Targets of all links and pictures that stay within the project."""
    return [target for target in _LINK.findall(text) + _SOURCE.findall(text) if not _OUTSIDE.match(target)]


def anchors(page: Path) -> set[str]:
    """Headings as a code forge names them: lower case, without punctuation, a hyphen for each blank."""
    headings = re.findall(
        r"^#{1,6} +(.+?) *#*$", re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=FENCED), re.M
    )
    return {re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-") for heading in headings}


FENCED = re.DOTALL | re.MULTILINE


def faults(text: str, page: Path) -> list[str]:
    """The links of `text`, as it would stand at `page`, that lead nowhere outside of the site."""
    wrong = []
    for link in links(text):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        is_there = target.exists() and target.is_relative_to(ROOT) and not name.startswith("/")
        if not is_there or (anchor and anchor not in anchors(target)):
            wrong.append(link)
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere_on_a_code_forge(page: Path):
    assert not faults(prose(page), page)


def test_the_list_of_lessons_has_links():
    assert len(links(prose(COURSE / "README.md"))) > 15


def test_a_link_that_only_a_site_resolves_is_seen():
    here = COURSE / "README.md"
    wrong = ["shapes/", "shapes.html", "/course/shapes.md", "shapes.md#no-such-part", "../../../elsewhere.md", "#none"]
    text = " ".join(f"[a]({target})" for target in wrong)
    assert faults(text + ' ![b](figures/none.png) <img src="none.png">', here) == [
        *wrong,
        "figures/none.png",
        "none.png",
    ]
    assert not faults("[a](shapes.md#when-they-do-not-fit) ![b](figures/outliers.png) [c](https://a.b)", here)
    assert not faults("[Course](#course) [n](notebooks/) [s](../../examples/shapes.py)", here)
