"""Pages and notebooks of the course are what their scripts make of them."""

import ast
import importlib.util
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_spec = importlib.util.spec_from_file_location("course_pages", ROOT / "docs" / "course_pages.py")
course_pages = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(course_pages)

GENERATED = course_pages.generated()
SCRIPTS = course_pages.scripts()


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: path.name)
def test_a_lesson_is_up_to_date(path: Path):
    assert path.is_file(), "run `make docs-generate`"
    assert path.read_text("utf-8") == GENERATED[path], "run `make docs-generate`"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_notebook_holds_the_code_of_its_script(script: Path):
    notebook = json.loads((course_pages.COURSE / "notebooks" / f"{script.stem}.ipynb").read_text("utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 4)
    for cell in notebook["cells"]:
        wanted = {"cell_type", "metadata", "source"}
        if cell["cell_type"] == "code":
            wanted |= {"execution_count", "outputs"}
        assert set(cell) == wanted
    code = "\n".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code")
    assert ast.dump(ast.parse(code)) == ast.dump(ast.parse(script.read_text("utf-8")))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_what_a_lesson_prints_belongs_to_its_cells(script: Path):
    stored = (course_pages.COURSE / "output" / f"{script.stem}.txt").read_text("utf-8")
    cells = len(re.findall(r"^# %%", script.read_text("utf-8"), re.MULTILINE))
    assert len(re.findall(r"^# %%$", stored, re.MULTILINE)) == cells, f"run `make docs-figures` for {script.stem}"


def test_the_course_lists_every_lesson():
    readme = (course_pages.COURSE / "README.md").read_text("utf-8")
    navigation = (ROOT / "mkdocs.yml").read_text("utf-8")
    order = re.findall(r"\]\((\w+)\.md\)", readme)
    assert sorted(order) == [script.stem for script in SCRIPTS]
    assert re.findall(r"- course/(\w+)\.md", navigation) == ["README", *order], "the same order in mkdocs.yml"


def test_a_wrong_notebook_would_be_seen():
    cells = [course_pages.Cell("[markdown]", "# [a](b.md)"), course_pages.Cell("solution 1", "x = 1", "one")]
    assert course_pages.page("p", cells).count("<details") == 1
    notebook = json.loads(course_pages.notebook("p", cells))
    assert notebook["cells"][0]["source"] == ["[a](../b.md)"]
    assert notebook["cells"][1]["outputs"][0]["text"] == ["one\n"]
