"""A model's file, its modality, and the options of a command that are the modality's own."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pushforward.cli.frame._command import take_own
from pushforward.cli.frame._failures import WrongUsage
from pushforward.modalities import Modality, modalities, modality_named
from pushforward.modalities._model import Model, read_model


def opened(path: Path, command: str, own: Mapping[str, Any]) -> tuple[Model, Modality, dict[str, Any]]:
    """The model, its modality, and its own options; a usage error for those of another modality.

    Raises:
        FileError: If the file cannot be read.
    """
    model = read_model(path)
    modality = modality_named(model.modality)
    return model, modality, take_own(command, modality, own, "models of ")


def refuse_replaced(output: str | Path, *read: object) -> None:
    """A usage error where a command would write over what it reads.

    Args:
        output: A file or a folder, or `-` for standard output.
        read: Paths, of which some may be no files: None, `-`, an address.
    """
    for path in map(str, filter(None, read)):
        if os.path.exists(output) and os.path.exists(path) and os.path.samefile(output, path):
            raise WrongUsage(f"{output} is read by this command: it would be replaced.", "give another name with -o")


def require_command(path: Path, modality: Modality, command: str) -> None:
    """A usage error where a modality has no such command, with those that have it."""
    if command not in modality.extra_commands:
        able = " or ".join(m.plural for m in modalities().values() if command in m.extra_commands)
        raise WrongUsage(
            f"{path} is a model of {modality.plural}, and `{command}` is for models of {able}.",
            f"give a model that was fitted to {able}",
        )
