"""`folder/*` in the navigation is every page of a folder."""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig

ROOT = Path(__file__).parents[2]


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    config.nav = [_expanded(entry) for entry in config.nav or []]
    return config


def _expanded(entry: str | dict) -> str | dict:
    if not isinstance(entry, dict):
        return entry
    ((title, target),) = entry.items()
    if not isinstance(target, str) or not target.endswith("/*"):
        return entry
    folder = target.removesuffix("/*")
    pages = {path.name for path in (ROOT / "docs" / folder).glob("*.md")}
    first = ["index.md"] if "index.md" in pages else ["README.md"] if "README.md" in pages else []
    return {title: [f"{folder}/{name}" for name in first + sorted(pages - set(first))]}
