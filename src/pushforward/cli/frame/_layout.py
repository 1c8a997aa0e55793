"""Tables and JSON on standard output."""

import json
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click

PIPE_WIDTH = 200
"""Where nobody looks at the lines, a row stays on one, so that `grep` finds it whole."""


def print_json(value: Any) -> None:
    """Plain data as indented JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def print_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Columns side by side; on a terminal, long cells are wrapped to its width."""
    from rich.console import Console
    from rich.table import Table

    rows = list(rows)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    numeric = [all(isinstance(cell, int | float) for cell in cells) for cells in zip(*rows, strict=True)]
    for name, number in zip(header, numeric or [False] * len(header), strict=True):
        table.add_column(name, justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(_text, row))
    console = Console(width=_width(), markup=False, highlight=False, emoji=False)
    with console.capture() as lines:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in lines.get().splitlines()))


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """`name   value` on lines of their own."""
    facts = list(facts)
    width = max(len(name) for name, _ in facts)
    for name, value in facts:
        click.echo(f"{name:<{width}}  {_text(value)}")


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4f}"
    return str(value)


def _width() -> int:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else PIPE_WIDTH
