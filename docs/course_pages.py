"""The course: every script of `examples/` with `# %% [markdown]` cells as a page and as a notebook.

`# %% [markdown]` cells are text, `# %% solution` cells the answer to an exercise, all others code. `make docs-generate`
writes both; what a cell printed stands below it, as `make docs-figures` last saw it.
"""

import json
import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
COURSE = ROOT / "docs" / "course"
_CELL = re.compile(r"^# %%(.*)\n", re.MULTILINE)
_LINK = re.compile(r"\]\((?!https?:|#)")


class Cell(NamedTuple):
    """Part of a script: what stands behind its `# %%`, its lines, and what it printed."""

    title: str
    body: str
    printed: str = ""

    @property
    def is_text(self) -> bool:
        return self.title == "[markdown]"

    @property
    def is_solution(self) -> bool:
        return self.title.startswith("solution")

    @property
    def text(self) -> str:
        return re.sub(r"^# ?", "", self.body, flags=re.MULTILINE)


def generated() -> dict[Path, str]:
    """Every page and every notebook, by its path."""
    files = {}
    for script in scripts():
        parts = cells(script)
        files[COURSE / f"{script.stem}.md"] = page(script.stem, parts)
        files[COURSE / "notebooks" / f"{script.stem}.ipynb"] = notebook(script.stem, parts)
    return files


def scripts() -> list[Path]:
    """The lessons."""
    return [path for path in sorted((ROOT / "examples").glob("*.py")) if "# %% [markdown]" in path.read_text("utf-8")]


def cells(script: Path) -> list[Cell]:
    """The cells of a script."""
    stored = COURSE / "output" / f"{script.stem}.txt"
    printed = re.split(r"^# %%\n", stored.read_text("utf-8"), flags=re.MULTILINE)[1:] if stored.is_file() else []
    _, *parts = _CELL.split(script.read_text("utf-8"))
    pairs = list(zip(parts[::2], parts[1::2], strict=True))
    if len(printed) != len(pairs):  # never run, or not since a cell was added
        printed = [""] * len(pairs)
    return [
        Cell(title.strip(), body.strip("\n"), lines.strip("\n"))
        for (title, body), lines in zip(pairs, printed, strict=True)
    ]


def page(name: str, parts: list[Cell]) -> str:
    """The page, which a code forge shows as the site does."""
    shown = [_on_page(cell) for cell in parts if cell.body]
    note = f"<!-- made from examples/{name}.py by `make docs-generate` -->"
    return "\n\n".join([note, *shown, f"[The same as a notebook](notebooks/{name}.ipynb)"]) + "\n"


def _on_page(cell: Cell) -> str:
    if cell.is_text:
        return cell.text
    code = f"```python\n{cell.body}\n```"
    if cell.printed:
        code += f'\n\n```text title="prints"\n{cell.printed}\n```'
    if cell.is_solution:
        head = f'<details markdown="1">\n<summary>{cell.title.capitalize()}</summary>'
        return f"{head}\n\n{code}\n\n</details>"
    return code


def notebook(name: str, parts: list[Cell]) -> str:
    """The notebook, in version 4.4 of the format, with what was printed and without pictures of its own."""
    shown = [_in_notebook(cell) for cell in parts if cell.body]
    language = {"name": "python", "pygments_lexer": "ipython3"}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    content = {
        "cells": shown,
        "metadata": {"kernelspec": kernel, "language_info": language, "title": name},
        "nbformat": 4,
        "nbformat_minor": 4,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _in_notebook(cell: Cell) -> dict:
    if cell.is_text:
        text = _LINK.sub("](../", cell.text)
        return {"cell_type": "markdown", "metadata": {}, "source": text.splitlines(keepends=True)}
    stream = {"name": "stdout", "output_type": "stream", "text": f"{cell.printed}\n".splitlines(keepends=True)}
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {"jupyter": {"source_hidden": True}} if cell.is_solution else {},
        "outputs": [stream] if cell.printed else [],
        "source": cell.body.splitlines(keepends=True),
    }
