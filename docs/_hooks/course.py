"""The course: every script in `examples/` is a page, and `folder/*` in the navigation is every page of a folder."""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
_CELL = re.compile(r"^# %%(.*)$", re.MULTILINE)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    config.nav = [_expanded(entry) for entry in config.nav or []]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for script in _scripts():
        page = File.generated(
            config, f"course/{script.stem}.md", content=markdown(script.read_text("utf-8"), _output(script))
        )
        page.edit_uri = None
        files.append(page)
    return files


def markdown(script: str, output: list[str]) -> str:
    """A script with `# %%` cells as a page: `# %% [markdown]` cells are its text, the others its code and its lines."""
    _, *cells = _CELL.split(script)
    pairs = list(zip(cells[::2], cells[1::2], strict=True))
    output = output or [""] * len(pairs)
    return "\n\n".join(
        _cell(kind, body.strip("\n"), lines.strip("\n")) for (kind, body), lines in zip(pairs, output, strict=True)
    )


def _cell(kind: str, body: str, lines: str) -> str:
    if "[markdown]" in kind:
        return re.sub(r"^# ?", "", body, flags=re.MULTILINE)
    shown = f'\n\n```text title="prints"\n{lines}\n```' if lines else ""
    return f"```python\n{body}\n```{shown}" if body else ""


def _output(script: Path) -> list[str]:
    """What each cell printed when `make docs-figures` last ran it."""
    stored = ROOT / "docs" / "course" / "output" / f"{script.stem}.txt"
    return re.split(r"^# %%\n", stored.read_text("utf-8"), flags=re.MULTILINE)[1:] if stored.is_file() else []


def _scripts() -> list[Path]:
    return [path for path in sorted((ROOT / "examples").glob("*.py")) if "# %% [markdown]" in path.read_text("utf-8")]


def _expanded(entry: str | dict) -> str | dict:
    if not isinstance(entry, dict):
        return entry
    ((title, target),) = entry.items()
    if not isinstance(target, str) or not target.endswith("/*"):
        return entry
    folder = target.removesuffix("/*")
    pages = {path.name for path in (ROOT / "docs" / folder).glob("*.md")}
    if folder == "course":
        pages |= {f"{script.stem}.md" for script in _scripts()}
    first = ["index.md"] if "index.md" in pages else ["README.md"] if "README.md" in pages else []
    return {title: [f"{folder}/{name}" for name in first + sorted(pages - set(first))]}
