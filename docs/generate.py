"""Write the tables that are made from the code, and the pages of the course: `make docs-generate`.

A page says where: everything between `<!-- generated:NAME -->` and `<!-- /generated -->` belongs to this script.
"""

import dataclasses
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs"))

import course_pages  # noqa: E402

_REGION = re.compile(r"(<!-- generated:([\w-]+) -->\n).*?(<!-- /generated -->)", re.DOTALL)


def flows() -> str:
    """The recipes, and what each can do."""
    from pushforward.flows import RECIPES

    rows = [
        (f"`{name}`", recipe.summary, *recipe.kinds(), "yes" if recipe.conditional else "no", recipe.reference)
        for name, recipe in RECIPES.items()
    ]
    return _table(("name", "what", "density", "sampling", "conditional", "paper"), rows)


def training() -> str:
    """How recipes are trained by default that are not trained as `fit` trains."""
    from pushforward.flows import RECIPES, Training

    names = tuple(field.name for field in dataclasses.fields(Training))
    rows = [
        (f"`{name}`", *(str(getattr(recipe.training, field)) for field in names))
        for name, recipe in RECIPES.items()
        if recipe.training != Training()
    ]
    usual = ("all others", *(str(getattr(Training(), field)) for field in names))
    return _table(("name", *(f"`{name}`" for name in names)), [*rows, usual])


def bijections() -> str:
    """The first line of every bijection."""
    import pushforward.bijections as package

    return _catalogue(package)


def distributions() -> str:
    """The first line of every distribution."""
    import pushforward.distributions as package

    return _catalogue(package)


def commands() -> str:
    """The help of every command, as the terminal shows it at 80 columns."""
    from pushforward.cli import main

    context = _context(main, "pushforward")
    sections = [_help(main, context)]
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        sections.append(f"## {name}\n\n{_help(command, _context(command, name, context))}")
    return "\n".join(sections)


TABLES = {table.__name__: table for table in (flows, training, bijections, distributions, commands)}


def pages() -> list[Path]:
    """The pages that may hold a generated region."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def filled(text: str) -> str:
    """`text` with every generated region made anew."""
    return _REGION.sub(lambda region: f"{region[1]}\n{TABLES[region[2]]()}\n{region[3]}", text)


def _context(command: object, name: str, parent: object = None) -> object:
    import click

    settings = {**command.context_settings, "terminal_width": 80, "max_content_width": 80}
    return click.Context(command, parent, name, **settings)


def _help(command: object, context: object) -> str:
    return f"```text\n{command.get_help(context)}\n```\n"


def _catalogue(package: object) -> str:
    classes = [getattr(package, name) for name in package.__all__ if isinstance(getattr(package, name), type)]
    rows = [(f"`{cls.__name__}`", cls.__doc__.strip().splitlines()[0]) for cls in classes if not _is_abstract(cls)]
    return _table(("name", "what"), rows)


def _is_abstract(cls: type) -> bool:
    return cls.__name__.startswith("Abstract")


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def main() -> None:
    """Rewrite the pages whose tables have changed and those of the course, and name them."""
    wanted = {page: filled(page.read_text("utf-8")) for page in pages()} | course_pages.generated()
    for page, text in wanted.items():
        if not page.is_file() or page.read_text("utf-8") != text:
            page.parent.mkdir(exist_ok=True)
            page.write_text(text, "utf-8")
            print(f"wrote {page.relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
