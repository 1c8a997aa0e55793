"""`pushforward completion`: what a shell needs to complete commands, options and files."""

import click

from pushforward.cli.frame._command import command as make_command

SHELLS = ("bash", "zsh", "fish")


@make_command(
    "pushforward completion bash >> ~/.bashrc",
    "pushforward completion zsh > ~/.zfunc/_pushforward",
    "pushforward completion fish > ~/.config/fish/completions/pushforward.fish",
)
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> None:
    """Print a shell completion script.

    It completes commands, options, flows and file names in SHELL. Put it where your shell reads it at its start, as
    below, and open a new terminal.
    """
    from click.shell_completion import get_completion_class

    from pushforward.cli._app import main

    completer = get_completion_class(shell)
    if completer is None:
        raise click.UsageError(f"Click knows no completion for {shell}.")
    # The script itself: `source` would start a shell to ask for its version.
    made = completer(main, {}, "pushforward", "_PUSHFORWARD_COMPLETE")
    click.echo(made.source_template % made.source_vars(), nl=False)
