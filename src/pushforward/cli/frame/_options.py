"""Options and arguments that several commands share."""

from collections.abc import Callable
from typing import Any

import click
from click.shell_completion import CompletionItem

from pushforward.cli.frame._failures import WrongUsage
from pushforward.modalities import Number
from pushforward.modalities._settings import TRAINING


class FlowName(click.ParamType):
    """A name in the catalogue of flows; a wrong one is a usage error that suggests the nearest."""

    name = "name"

    def __init__(self, *more: str):
        self.more = more

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from pushforward._errors import did_you_mean
        from pushforward.flows import RECIPES

        if value not in (*RECIPES, *self.more):
            raise WrongUsage(
                f"no flow is called {value!r}; `pushforward flows` lists all of them.", did_you_mean(value, RECIPES)
            )
        return value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from pushforward.flows import RECIPES

        return [CompletionItem(r.name, help=r.summary) for r in RECIPES.values() if r.name.startswith(incomplete)]


class Source(click.ParamType):
    """A file or a folder, `-`, or the name of a built-in set; completed like a file."""

    name = "data"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(incomplete, type="file")]


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


class Parsed(click.ParamType):
    """A value that a function reads from text; its ValueError says what is wrong."""

    name = "value"

    def __init__(self, parse: Callable[[str], Any]):
        self.parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def training_options(function: Any) -> Any:
    """A decorator that adds the settings of training."""
    for option in reversed(TRAINING):
        add = click.option(
            option.flag,
            metavar=option.metavar,
            type=Parsed(option.value),
            default=option.default,
            show_default=option.shown or option.default is not None,
            help=option.help,
        )
        function = add(function)
    return function


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
settings = click.option(
    "--set",
    "settings",
    type=Setting(),
    multiple=True,
    help="An option of the flow, such as num_layers=8; see `pushforward flows NAME`. Repeatable.",
)
train = click.option(
    "--train",
    metavar="DATA",
    type=Source(),
    help="Rows that the model was fitted to: with them the verdict tells a poor fit from other data.",
)
level = click.option(
    "--level",
    metavar="SHARE",
    type=Parsed(Number(0, 1, above=True, below=True)),
    default=0.05,
    show_default=True,
    help="How often each test rejects a right model.",
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
