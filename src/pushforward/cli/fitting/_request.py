"""What `pushforward fit` is asked for, and its checks before anything is read."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pushforward._errors import FileError, did_you_mean
from pushforward.cli.frame._failures import WrongUsage
from pushforward.flows import RECIPES
from pushforward.modalities._events import conditional_like


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the command line asks for; the fields are options of `pushforward fit`, `own` those of modalities."""

    source: str
    model: Path
    flow: str | None
    settings: tuple[tuple[str, Any], ...]
    max_epochs: int | None
    batch_size: int | None
    learning_rate: float | None
    patience: int | None
    validation: float
    ema: float | None
    weight_decay: float | None
    seed: int
    checkpoint: Path | None
    resume: bool
    as_json: bool
    own: dict[str, Any]

    @classmethod
    def options(cls) -> tuple[str, ...]:
        """Names of the options that all modalities share."""
        named = {field.name for field in fields(cls)}
        return tuple(sorted(named - {"model", "checkpoint", "own"}))

    @property
    def kept_in(self) -> Path:
        """Where the training is kept until it ends."""
        return self.checkpoint or Path(f"{self.model}.checkpoint")

    def common(self, *, progress: bool) -> dict[str, Any]:
        """The settings of a fit that all modalities share, but for the flow's name."""
        names = ("learning_rate", "max_epochs", "patience", "ema", "weight_decay", "resume")
        # What is not said is a modality's own, whose settings have a default.
        size = {} if self.batch_size is None else {"batch_size": self.batch_size}
        return (
            size
            | {name: getattr(self, name) for name in names}
            | {
                "checkpoint": self.checkpoint,
                "options": dict(self.settings),
                "validation": self.validation or None,
                "progress": progress,
                "random_state": self.seed,
            }
        )


def check_target(path: Path) -> None:
    """Find out before the training what would make saving fail after it."""
    if path.is_dir():
        raise FileError(f"{path}: this is a folder.", f"give a file name, such as {path / 'model.safetensors'}")
    if not path.parent.is_dir():
        raise FileError(f"{path}: there is no folder {path.parent}.", "make the folder first")
    if path.exists() and not path.is_file():
        raise FileError(f"{path}: this is a device or a pipe.", "give the name of a plain file")
    try:
        with tempfile.NamedTemporaryFile(prefix=".pushforward-", suffix=".tmp", dir=path.parent):
            pass
    except OSError as error:
        hint = "choose another folder, or change its permissions"
        raise FileError(f"{path}: nothing can be written to the folder ({error.strerror}).", hint) from None


def check_recipe(flow: str, settings: Sequence[tuple[str, Any]], *, conditional: bool) -> None:
    """A usage error if the flow has no such option, or cannot be conditional and should be."""
    if flow not in RECIPES:  # a word that a modality takes
        if settings:
            name = settings[0][0]
            raise WrongUsage(f"--set {name}: --flow {flow} has no options.", "name the flow that the option is for")
        return
    recipe = RECIPES[flow]
    check_settings(flow, settings, recipe.settings())
    if conditional and not recipe.conditional:
        raise WrongUsage(f"--flow {flow} cannot be conditional.", f"choose one of {conditional_like(recipe)}")


def check_settings(whose: str, settings: Sequence[tuple[str, Any]], known: Mapping[str, Any]) -> None:
    """A usage error for an option that is none of those known, with their defaults, or is of another type."""
    for name, value in settings:
        if name not in known:
            raise WrongUsage(f"--set {name}: {whose} has no such option.", did_you_mean(name, list(known)))
        _check_type(name, value, known[name])


def _check_type(name: str, value: Any, default: Any) -> None:
    """An option holds what its default does; a whole number may stand for a decimal one."""
    kinds = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}
    wanted = type(default)
    fits = type(value) is wanted or (wanted is float and type(value) is int)
    if wanted in kinds and not fits:
        raise WrongUsage(f"--set {name}={value}: {name} is {kinds[wanted]}.", f"write for example {name}={default}")
