"""Commands whose help ends with examples."""

from collections.abc import Sequence
from typing import Any

import click


class Help(click.Command):
    """Help with a section of examples, which every command must give."""

    def __init__(self, *args: Any, examples: Sequence[str], **kwargs: Any):
        if not examples:
            raise TypeError("a command needs an example")
        self.examples = tuple(examples)
        super().__init__(*args, **kwargs)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples as they are, one a line."""
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"{'':{formatter.current_indent}}{example}\n")


def command(*examples: str) -> Any:
    """A decorator that makes a command of a function; its docstring is the help."""
    return click.command(cls=Help, examples=examples)
