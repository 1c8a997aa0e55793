"""Options and arguments that several commands share."""

import csv
import math
from typing import Any

import click
from click.shell_completion import CompletionItem

from pushforward.cli._failures import WrongUsage


class FlowName(click.ParamType):
    """A name in the catalogue of flows; a wrong one is a usage error that suggests the nearest."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from pushforward._errors import did_you_mean
        from pushforward.flows import RECIPES

        if value not in RECIPES:
            raise WrongUsage(
                f"no flow is called {value!r}; `pushforward flows` lists all of them.", did_you_mean(value, RECIPES)
            )
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from pushforward.flows import RECIPES

        return [CompletionItem(r.name, help=r.summary) for r in RECIPES.values() if r.name.startswith(incomplete)]


class TableSource(click.ParamType):
    """A file of a table, `-`, or the name of a built-in set; completed like a file."""

    name = "data"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(incomplete, type="file")]


class Names(click.ParamType):
    """Column names between commas; a name that holds a comma stands in double quotes."""

    name = "a,b"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        return tuple(name.strip() for name in next(csv.reader([value], skipinitialspace=True), []) if name.strip())


class Setting(click.ParamType):
    """`option=value`; the value is a number, true, false or a word."""

    name = "option=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Any]:
        if isinstance(value, tuple):
            return value
        name, equals, text = value.partition("=")
        if not (equals and name.strip() and text.strip()):
            self.fail(f"{value!r} is not OPTION=VALUE, such as num_layers=8.", param, ctx)
        return name.strip().replace("-", "_"), _plain(text.strip())


class Given(click.ParamType):
    """`column=value`, where the value is a number or a category."""

    name = "column=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        name, equals, text = value.rpartition("=")
        if not (equals and name.strip() and text.strip()):
            self.fail(f"{value!r} is not COLUMN=VALUE, such as alcohol=13.2.", param, ctx)
        return name.strip(), text.strip()


class Finite(click.FloatRange):
    """A number within bounds that is neither NaN nor infinite, which no bound refuses."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = click.FloatRange.convert(self, value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


def flatten(groups: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    """The names of an option that was given several times, in one row."""
    return tuple(name for group in groups for name in group)


def _plain(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


seed = click.option(
    "--seed",
    metavar="N",
    type=click.IntRange(0, 2**31 - 1),
    default=0,
    show_default=True,
    help="Seed of all randomness.",
)
json_output = click.option("--json", "as_json", is_flag=True, help="Print JSON to standard output.")
quiet = click.option("-q", "--quiet", is_flag=True, help="Say nothing on standard error but errors.")
table_output = click.option(
    "-o",
    "--output",
    metavar="FILE",
    default="-",
    show_default=True,
    help="Where to: a .csv, .tsv, .parquet, .feather, .arrow, .npy or .npz file; - is CSV to standard output.",
)
given = click.option(
    "--given",
    type=Given(),
    multiple=True,
    help="The value of a condition, for a conditional model. Repeatable.",
)
