"""The command group: its commands are imported when they are used, and its failures are told in two lines."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

from pushforward._version import __version__
from pushforward.cli.frame._cache import use_compilation_cache
from pushforward.cli.frame._command import Help
from pushforward.cli.frame._failures import explain

COMMANDS = (
    "fit",
    "compare",
    "score",
    "outliers",
    "check",
    "report",
    "predict",
    "classify",
    "impute",
    "forecast",
    "backtest",
    "sample",
    "synthesize",
    "show",
    "plot",
    "interpolate",
    "attributes",
    "distill",
    "flows",
    "completion",
)
"""In the order of a first session; `score` lives in `_score.py` and is called `command` there."""


class LazyCommands(MutableMapping[str, click.Command]):
    """Commands by name, each imported when it is looked up."""

    def __init__(self, names: Sequence[str]):
        self._entries: dict[str, click.Command | None] = dict.fromkeys(names)

    def __getitem__(self, name: str) -> click.Command:
        entry = self._entries[name]
        if entry is None:
            entry = self._entries[name] = import_module(f"pushforward.cli._{name}").command
        return entry

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._entries[name] = command

    def __delitem__(self, name: str) -> None:
        del self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


class App(Help, click.Group):
    """A group that keeps the order of its commands and turns failures into an exit code and two lines."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line; `sys.argv` when `args` is None. Exits, unless `standalone_mode` is off."""
        extra |= {"complete_var": complete_var, "windows_expand_args": windows_expand_args}
        if not standalone_mode:
            return super().main(args, prog_name, standalone_mode=False, **extra)
        try:
            code = super().main(args, prog_name, standalone_mode=False, **extra)
            sys.stdout.flush()
        except Exception as error:
            code = explain(error)
            if code is None:
                raise
        sys.exit(code or 0)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """`main(...)`; without arguments, as the installed script calls it, the process ends with the command."""
        if args or kwargs:
            return self.main(*args, **kwargs)
        end_with(self.main)


def end_with(run: Callable[[], Any]) -> NoReturn:
    """Run, then end the process at once with the exit code that `run` exits with.

    Python's own way out destroys what is left in memory, while threads of Arrow may still hold files that Python
    opened; now and then one of them ends the process by an abort.
    """
    code: Any = 0
    try:
        run()
    except SystemExit as end:
        code = end.code
    for stream in (sys.stdout, sys.stderr):
        # What could not be written has been told by `run`.
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


@click.group(
    "pushforward",
    cls=App,
    commands=LazyCommands(COMMANDS),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    examples=(
        "pushforward fit wine.csv -o wine.safetensors",
        "pushforward score wine.safetensors new.csv -o scores.csv",
        "pushforward sample wine.safetensors -n 1000 -o samples.csv",
    ),
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """Learn the distribution of a table, of images, or of sound, by a normalizing flow: exact densities, fast samples.

    `fit` makes a model from a table. `score` then tells how likely other rows are, and `sample` draws new ones.
    A table is a CSV, TSV, JSON Lines, Parquet, Feather, Arrow, FITS, .npy or .npz file; - is CSV from standard input or
    to standard output; toy:moons or sklearn:wine name built-in data.
    """
    use_compilation_cache()
