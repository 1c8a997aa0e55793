"""The shell command `pushforward`: standard output is data, standard error is talk.

Nothing but Click is imported before a command runs, so that `--help` answers at once.
"""

from pushforward.cli._app import main

__all__ = ["main"]
