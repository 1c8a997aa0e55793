"""A fitted model and its file: one layout, whatever the data are.

The metadata of the file, all plain data:

- `modality`: the kind of data, `table` or `image`;
- `facts`: what the modality needs to use the flow: the columns of a table, the levels and labels of images;
- `recipe`: the flow's name;
- `settings`: of the fit, those that are plain data, by name;
- `training`: `FitResult.summary()`, with one entry for each epoch under `history`.

Files of pushforward 0.1 had two layouts, without `modality`; `_upgraded` says which entry is now which.
"""

import dataclasses
import math
import os
from collections.abc import Mapping
from typing import Any

from pushforward import io
from pushforward._errors import FileError
from pushforward.distributions import AbstractDistribution
from pushforward.modalities._registry import modality_named
from pushforward.modalities._settings import OF_ONE_RUN
from pushforward.train import Epoch, FitResult


@dataclasses.dataclass(frozen=True)
class Model:
    """A fitted flow, and what its modality knows of the data.

    Attributes:
        modality: Name of the kind of data.
        flow: In the user's units.
        facts: What the modality needs beside the flow; see its `facts_from_json`.
        settings: Of the fit, by name.
        result: How training went.
    """

    modality: str
    flow: AbstractDistribution
    facts: Any
    settings: Mapping[str, Any]
    result: FitResult

    @property
    def recipe(self) -> str:
        """The flow's name."""
        return recipe_name(self.settings["flow"])


def recipe_name(flow: Any) -> str:
    """The name in files of a flow that is given by name or as a function."""
    return flow if isinstance(flow, str) else getattr(flow, "__name__", type(flow).__name__)


def write_model(path: str | os.PathLike[str], model: Model) -> None:
    """Write a model to a file, whole or not at all.

    Raises:
        FileError: If it cannot be written.
    """
    metadata = {
        "modality": model.modality,
        "facts": model.facts.to_json(),
        "recipe": model.recipe,
        "settings": {"flow": model.recipe} | _plain_settings(model.settings),
        "training": model.result.summary(),
    }
    io.save(path, model.flow, metadata=metadata)


def read_model(path: str | os.PathLike[str]) -> Model:
    """The model in a file, of this version or an older one.

    Raises:
        FileError: If the file is missing, damaged, of a newer version, or holds a bare flow.
    """
    flow, metadata = io.read(path)
    model = model_of(flow, metadata)
    if model is None:
        raise FileError(
            f"{path}: holds a flow, but not the columns of a table or what else it was fitted to",
            "load it with `pushforward.load`; `pushforward fit` and an estimator's `save` write models",
        )
    return model


def model_of(flow: Any, metadata: Mapping[str, Any]) -> Model | None:
    """The model that `io.read` found in a file; None for a flow alone.

    Raises:
        FileError: If it is of a modality that is not known here.
    """
    entries = _upgraded(metadata)
    if entries is None:
        return None
    modality = modality_named(entries["modality"])
    return Model(
        modality=modality.name,
        flow=flow,
        facts=modality.facts_from_json(entries["facts"]),
        settings=entries["settings"],
        result=_result(flow, entries["training"]),
    )


def _upgraded(metadata: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The metadata in today's layout; None if they are no model's."""
    if "modality" in metadata:
        return metadata
    if not {"params", "training", "recipe"} <= metadata.keys():
        return None
    rest = {"settings": metadata["params"], "training": metadata["training"]}
    if "images" in metadata:
        return {"modality": "image", "facts": metadata["images"], **rest}
    if {"schema", "condition_schema", "named"} <= metadata.keys():
        facts = {name: metadata[name] for name in ("schema", "condition_schema", "named")}
        return {"modality": "table", "facts": facts, **rest}
    return None


def _result(flow: AbstractDistribution, summary: Mapping[str, Any]) -> FitResult:
    """The result that `FitResult.summary` was made from; figures that were not finite are NaN."""
    history = tuple(Epoch(**{**entry, "train": _number(entry["train"])}) for entry in summary["history"])
    return FitResult(
        flow=flow,
        history=history,
        best_epoch=summary["best_epoch"],
        best_loss=_number(summary["best_loss"]),
        start_loss=_number(summary["start_loss"]),
        stopped_because=summary["stopped_because"],
        events=tuple(summary["events"]),
        seconds=summary["seconds"],
    )


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _plain_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: _plain(value) for name, value in settings.items() if name not in (*OF_ONE_RUN, "flow")}
    return {name: value for name, value in kept.items() if value is not None or settings[name] is None}


def _plain(value: Any) -> Any:
    """The value if a file can hold it, else None."""
    if isinstance(value, dict):
        return {str(name): _plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return value if isinstance(value, bool | int | float | str) else None
