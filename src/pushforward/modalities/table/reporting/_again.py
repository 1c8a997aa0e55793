"""The command that fits a model again, from the settings that its file keeps."""

import shlex
from collections.abc import Mapping
from typing import Any

from pushforward.modalities._model import Model
from pushforward.modalities._settings import TRAINING


def fit_command(model: Model, file: str, train: str | None) -> str:
    """A line for the shell; the data are those of training, if they are known.

    Columns that were left out, and weights, are not in a model's file, and settings from Python may be no text.
    """
    settings, facts = model.settings, model.facts
    words = ["pushforward", "fit", train or "TRAINING_DATA", "-o", file, "--flow", model.recipe]
    for name, value in (settings.get("options") or {}).items():
        words += ["--set", f"{name}={str(value).lower() if isinstance(value, bool) else value}"]
    for option in TRAINING:
        value = settings.get(option.name)
        if option.name == "validation" and value is None:
            value = 0
        if value is not None and value != option.default:
            words += [option.flag, str(value)]
    if facts.condition_schema is not None:
        words += ["--condition", ",".join(map(_quoted, facts.condition_schema.names))]
    for name, kind in _kinds(settings.get("columns")).items():
        words += ["--column", f"{name}:{kind}"]
    background = settings.get("background")
    if background is not None:
        words.append("--background" if background else "--no-background")
    if isinstance(settings.get("random_state"), int):
        words += ["--seed", str(settings["random_state"])]
    return shlex.join(words)


def _kinds(columns: Any) -> dict[str, str]:
    """What columns hold, as far as it is not what the command finds by itself."""
    if columns is None:
        return {"*": "unbounded"}
    given = dict(columns) if isinstance(columns, Mapping) else {"*": columns}
    given.setdefault("*", "unbounded")
    return {name: kind for name, kind in given.items() if (name, kind) != ("*", "infer")}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if set(name) & set(',"') else name
