"""Tables in the README and the docs that are made from the code."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
generate = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(generate)


@pytest.mark.parametrize("page", generate.pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_generated_text_is_up_to_date(page: Path):
    text = page.read_text("utf-8")
    assert generate.filled(text) == text, "run `make docs-generate`"


def test_every_flow_is_in_the_readme():
    from pushforward.flows import RECIPES

    readme = (ROOT / "README.md").read_text("utf-8")
    assert not [name for name in RECIPES if f"| `{name}` |" not in readme]


def test_every_command_is_documented():
    from pushforward.cli import main

    page = (ROOT / "docs" / "api" / "command-line.md").read_text("utf-8")
    assert not [name for name in main.commands if f"\n## {name}\n" not in page]
