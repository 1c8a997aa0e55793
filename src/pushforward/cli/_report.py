"""`pushforward report`: a page that says whether a fit is good."""

from pathlib import Path
from typing import Any

import click

from pushforward._version import __version__
from pushforward.cli.frame import _options as options
from pushforward.cli.frame._command import as_typed
from pushforward.cli.frame._command import command as make_command
from pushforward.cli.frame._failures import WrongUsage


@make_command(
    "pushforward report wine.safetensors new.csv -o report.html",
    "pushforward report wine.safetensors new.csv --train wine.csv -o report.html",
    "pushforward report wine.safetensors new.csv --columns alcohol,quality -o report.html",
    own="report",
)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("source", metavar="DATA", type=options.Source())
@click.option(
    "-o",
    "--output",
    metavar="PAGE",
    required=True,
    type=click.Path(path_type=Path),
    help="Where to: an .html file; one that is there is replaced.",
)
@options.train
@options.level
@options.seed
@options.quiet
def command(
    model: Path, source: str, output: Path, train: str | None, level: float, seed: int, quiet: bool, **own: Any
) -> None:
    """Write a page that says whether a fit is good.

    One HTML file, which needs no network and no other file: the verdict on the model in the file MODEL by the rows of
    DATA, to which it must not have been fitted, each test in words with what to try, data beside samples, the worst and
    best rows, the training, what was fitted, and the commands that make all of it again. With many columns those are
    drawn that differ most; --columns names others.
    """
    from pushforward.cli._show_facts import facts_of
    from pushforward.cli.fitting._request import check_target
    from pushforward.cli.frame._opened import opened, refuse_replaced, require_command
    from pushforward.modalities._talk import Talk
    from pushforward.reports import Page

    if output.suffix.lower() not in (".html", ".htm"):
        raise WrongUsage(f"{output} is not the name of an HTML page.", f"end it in .html, such as {output}.html")
    fitted, modality, given = opened(model, "report", own)
    require_command(model, modality, "report")
    check_target(output)
    refuse_replaced(output, model, source, train)
    found = modality.examined(fitted, str(model), source, train, given, level=level, seed=seed)
    sections = [*found.sections, _fitted(facts_of(model)), _again(found.command)]
    page = Page(f"Is the fit of {model.name} good?", sections, found.lead, f"Made by pushforward {__version__}.")
    page.write(output)
    Talk(quiet=quiet).say(f"wrote {output}: {found.verdict}")


MOST_LINES = 40
"""Longer tables are cut."""


def _fitted(found: Any) -> Any:
    """What `show` tells, and the settings."""
    from pushforward.cli._show_facts import fact_rows, layer_table
    from pushforward.reports import Facts, Section, Table

    given = found.plain["settings"].items()
    settings = [(name, value) for name, value in given if value is not None and not isinstance(value, dict)]
    tables = [
        Table(header, rows[:MOST_LINES], f"The first {MOST_LINES} of {len(rows)}." if len(rows) > MOST_LINES else "")
        for header, rows in [
            *found.told.tables,
            layer_table(found),
            (("setting, others are the flow's own", "value"), settings),
        ]
    ]
    return Section("What was fitted", [Facts(fact_rows(found)), *tables])


def _again(fit: str) -> Any:
    """The commands of the page and of the model."""
    from pushforward.reports import Code, Section, Words

    about = "The model, as far as its file tells; columns that were left out and weights are not in it:"
    return Section("Again", [Words("This page:"), Code(as_typed(click.get_current_context())), Words(about), Code(fit)])
