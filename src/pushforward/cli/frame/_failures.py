"""What a failure looks like on the terminal: one line `error: ...`, one line `hint: ...`, and an exit code."""

import sys
from typing import IO, Any

import click

USAGE, FAILURE, INTERRUPTED = 2, 1, 130


class Stopped(click.ClickException):
    """Ctrl-C at a moment where something is kept."""

    exit_code = INTERRUPTED

    def __init__(self, message: str, hint: str):
        click.ClickException.__init__(self, message)
        self.hint = hint

    def show(self, file: IO[Any] | None = None) -> None:
        say_failure(self.message, self.hint, word="stopped")


class WrongUsage(click.UsageError):
    """A call that cannot be right, with a hint of its own."""

    def __init__(self, message: str, hint: str):
        click.UsageError.__init__(self, message)
        self.hint = hint


def explain(error: Exception) -> int | None:
    """Tell the failure on stderr and give the exit code; None if it is not an expected one."""
    if isinstance(error, click.Abort):
        say_failure("nothing more was done", word="stopped")
        return INTERRUPTED
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return USAGE
    if isinstance(error, click.UsageError):
        say_failure(error.message if isinstance(error, WrongUsage) else _usage(error), _usage_hint(error))
        return USAGE
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    if ours := _as_ours(error):
        say_failure(ours.message, ours.hint)
        return USAGE if isinstance(ours, sys.modules["pushforward._errors"].UsageError) else FAILURE
    if isinstance(error, BrokenPipeError):
        return FAILURE
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error):  # JAX's word, whichever of its classes
        say_failure("the memory of this machine is used up.", "use fewer rows or columns, or a smaller --batch-size")
        return FAILURE
    if isinstance(error, OSError) and error.errno is not None:
        say_failure(_system(error), "check the path, your permissions and the space left on the disk")
        return FAILURE
    return None


def say_failure(message: str, hint: str = "", *, word: str = "error") -> None:
    """`error: message`, and `hint: hint` if there is one, each on one line of stderr."""
    click.echo(f"{word}: {_one_line(message)}", err=True)
    if hint:
        click.echo(f"hint: {_one_line(hint)}", err=True)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _as_ours(error: Exception) -> Any:
    # Our errors import JAX; without that module none of them can have been raised.
    module = sys.modules.get("pushforward._errors")
    return error if module is not None and isinstance(error, module.PushforwardError) else None


def _system(error: OSError) -> str:
    return f"{error.filename or 'standard output'}: {error.strerror}."


def _usage(error: click.UsageError) -> str:
    # The nearest names go into the hint.
    near = isinstance(error, click.NoSuchOption | click.exceptions.NoSuchCommand)
    return error.message if near else error.format_message()


def _usage_hint(error: click.UsageError) -> str:
    if isinstance(error, WrongUsage):
        return error.hint
    path = error.ctx.command_path if error.ctx else "pushforward"
    near = getattr(error, "possibilities", None)
    meant = f"did you mean {near[0]}? " if near else ""
    return f"{meant}see `{path} --help`"
