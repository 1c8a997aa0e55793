"""Commands whose help ends with examples, and the options that modalities add to them."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem

from pushforward.cli.frame._failures import WrongUsage
from pushforward.modalities import Modality, OneOf, Option, modalities


class OwnOption(click.Option):
    """An option that one modality, or several, add to a command; its text is read when the modality is known."""

    def __init__(self, owners: Sequence[tuple[str, Option]]):
        self.owners = dict(owners)
        option = owners[0][1]
        flags = f"{option.flag}/--no-{option.flag[2:]}" if option.both_ways else option.flag
        is_flag = option.parse is None
        given: dict[str, Any] = {"is_flag": True, "default": None if option.both_ways else False} if is_flag else {}
        if not is_flag:
            given = {"metavar": option.metavar, "multiple": option.many, "default": None, "type": click.STRING}
        super().__init__([flags, option.name], help=option.help, **given)

    def of(self, modality: str) -> "OwnOption":
        """As one modality has it, with its own help."""
        return OwnOption([(modality, self.owners[modality])])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        words = [w for o in self.owners.values() if isinstance(o.parse, OneOf) for w in o.parse.words]
        return [CompletionItem(word) for word in words if word.startswith(incomplete)]


class Help(click.Command):
    """Help with a heading for the options of each modality, and with examples, which every command must give.

    Args:
        *args: As click has them.
        examples: Command lines.
        own: The name under which modalities add options to it; empty for a command that has none.
        **kwargs: As click has them.
    """

    def __init__(self, *args: Any, examples: Sequence[str], own: str = "", **kwargs: Any):
        if not examples:
            raise TypeError("a command needs an example")
        self.examples = tuple(examples)
        self.own = own
        super().__init__(*args, **kwargs)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The common options, and what the modalities that are registered now have for this command."""
        *params, help_option = click.Command.get_params(self, ctx)
        return [*params, *_own_options(self.own), help_option]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the common options, then those of each modality."""
        params = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        _write_options(ctx, formatter, "Options", [p for p in params if not isinstance(p, OwnOption)])
        for name, modality in modalities().items():
            own = [p.of(name) for p in params if isinstance(p, OwnOption) and name in p.owners]
            _write_options(ctx, formatter, f"Options for {modality.plural}", own)
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples as they are, one a line."""
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"{'':{formatter.current_indent}}{example}\n")


def _write_options(
    ctx: click.Context, formatter: click.HelpFormatter, heading: str, params: Sequence[click.Parameter]
) -> None:
    records = [record for param in params if (record := param.get_help_record(ctx)) is not None]
    if records:
        with formatter.section(heading):
            formatter.write_dl(records)


def command(*examples: str, own: str = "") -> Any:
    """A decorator that makes a command of a function; its docstring is the help.

    With `own` the function is also given all options that modalities have for it, as they were given; `take_own` makes
    of them what one modality wants.
    """
    return click.command(cls=Help, examples=examples, own=own)


def _own_options(name: str) -> list[OwnOption]:
    found: dict[str, list[tuple[str, Option]]] = {}
    for modality in modalities().values() if name else ():
        for option in modality.options:
            if name in option.commands:
                found.setdefault(option.flag, []).append((modality.name, option))
    return [OwnOption(owners) for owners in found.values()]


def take_own(command: str, modality: Modality, given: Mapping[str, Any], what: str) -> dict[str, Any]:
    """The options of one modality, read; a usage error if one of another was used.

    Args:
        command: Its name.
        modality: That of the data or of the model.
        given: All options of the command.
        what: What another's option is for, before the name of its data: `models of `, or nothing.
    """
    own = {option.name: option for option in modality.options if command in option.commands}
    for other in modalities().values():
        for option in other.options:
            others = command in option.commands and option.name not in own
            if others and given.get(option.name) not in (None, False, ()):
                raise WrongUsage(f"{option.flag} is for {what}{other.plural}.", _instead(command, modality, own))
    return {name: _read(option, given[name]) for name, option in own.items()}


def _read(option: Option, given: Any) -> Any:
    try:
        return option.value(given)
    except ValueError as error:
        context = click.get_current_context(silent=True)
        raise click.BadParameter(str(error), ctx=context, param_hint=f"'{option.flag}'") from None


def _instead(command: str, modality: Modality, own: Mapping[str, Option]) -> str:
    flags = ", ".join(option.flag for option in own.values())
    return f"leave it out; `{command}` of {modality.plural} takes {flags}" if flags else "leave it out"


def as_typed(context: click.Context) -> str:
    """The command line of a call, with the options that were given."""
    words, typed = [context.command_path], click.core.ParameterSource.COMMANDLINE
    for param in context.command.get_params(context):
        if param.name is None or context.get_parameter_source(param.name) is not typed:
            continue
        given = context.params[param.name]
        if isinstance(param, click.Argument):
            words.append(str(given))
        elif given is False:
            words += param.secondary_opts[:1]
        elif given is True:
            words.append(param.opts[-1])
        else:
            for value in given if param.multiple else [given]:
                words += [param.opts[0], str(value)]
    return " ".join([words[0], shlex.join(words[1:])])
