"""What fitting a table and fitting images share in the shell: the request, its checks, and keeping what is learned."""

import inspect
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pushforward._errors import FileError, did_you_mean
from pushforward.cli._failures import Stopped, WrongUsage
from pushforward.flows import RECIPES


@dataclass(frozen=True, kw_only=True)
class TrainingRequest:
    """What the command line asks for, whatever the model is of; the fields are options of `pushforward fit`."""

    source: str
    model: Path
    flow: str
    settings: tuple[tuple[str, Any], ...]
    max_epochs: int | None
    batch_size: int | None
    learning_rate: float | None
    patience: int | None
    validation: float
    ema: float | None
    seed: int
    checkpoint: Path
    resume: bool
    as_json: bool

    def of_estimator(self, *, progress: bool) -> dict[str, Any]:
        """The same as arguments of an estimator."""
        return {
            "options": dict(self.settings),
            "learning_rate": self.learning_rate,
            "max_epochs": self.max_epochs,
            "patience": self.patience,
            "validation": self.validation or None,
            "ema": self.ema,
            "checkpoint": self.checkpoint,
            "resume": self.resume,
            "progress": progress,
            "random_state": self.seed,
        } | ({} if self.batch_size is None else {"batch_size": self.batch_size})


def learn(estimator: Any, request: TrainingRequest, *data: Any, **given: Any) -> None:
    """Fit and save; the checkpoint goes once the model is in its file."""
    with _kept(request.checkpoint):
        estimator.fit(*data, **given)
    _save(estimator, request)
    request.checkpoint.unlink(missing_ok=True)


def _save(estimator: Any, request: TrainingRequest) -> None:
    """Save the model; if that fails, say how the training is not lost."""
    try:
        estimator.save(request.model)
    except FileError as error:
        again = f"; then add `--resume --checkpoint {request.checkpoint}`: the training is kept there"
        raise FileError(error.message, f"{error.hint}{again}") from None


@contextmanager
def _kept(checkpoint: Path) -> Iterator[None]:
    """Ctrl-C becomes a sentence that says what is kept."""
    before = _written_at(checkpoint)
    try:
        yield
    except KeyboardInterrupt:
        if _written_at(checkpoint) == before:
            raise Stopped("training had just begun, and nothing was saved.", "run the same command again") from None
        raise Stopped(
            f"training is kept in {checkpoint}.", "run the same command with --resume to go on from there"
        ) from None


def _written_at(path: Path) -> int | None:
    return path.stat().st_mtime_ns if path.exists() else None


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


def check_recipe(request: TrainingRequest, *, conditional: bool) -> None:
    """A usage error if the flow has no such option, or cannot be conditional and should be."""
    recipe = RECIPES[request.flow]
    parameters = inspect.signature(recipe.build).parameters
    for name, value in request.settings:
        if name not in recipe.options():
            raise WrongUsage(f"--set {name}: {request.flow} has no such option.", did_you_mean(name, recipe.options()))
        _check_type(name, value, parameters[name].default)
    if conditional and not recipe.conditional:
        able = ", ".join(name for name, other in RECIPES.items() if other.conditional)
        raise WrongUsage(f"--flow {request.flow} cannot be conditional.", f"choose one of {able}")


def _check_type(name: str, value: Any, default: Any) -> None:
    """An option holds what its default does; a whole number may stand for a decimal one."""
    kinds = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}
    wanted = type(default)
    fits = type(value) is wanted or (wanted is float and type(value) is int)
    if wanted in kinds and not fits:
        raise WrongUsage(f"--set {name}={value}: {name} is {kinds[wanted]}.", f"write for example {name}={default}")
