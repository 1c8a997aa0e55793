"""What a file of an estimator holds beside the flow: the columns, the settings and how training went.

The metadata of the file, all plain data:

- `schema`: the columns, as `Schema.to_json` gives them; `condition_schema`: those of the condition, or None;
- `named`: whether the columns had names, or were called `x0, x1, ...`;
- `recipe`: the flow's name; `options`: of the recipe;
- `params`: the settings of the estimator that are plain data, by name;
- `training`: `FitResult.summary()`, with one entry for each epoch under `history`.
"""

import dataclasses
import math
import os
from typing import Any

from pushforward import io
from pushforward._errors import FileError
from pushforward.data import Schema
from pushforward.distributions import AbstractDistribution
from pushforward.train import Epoch, FitResult

LEFT_OUT = ("callbacks", "checkpoint", "resume", "progress")
"""Settings that belong to one run, not to the model."""


@dataclasses.dataclass(frozen=True)
class ModelFile:
    """A fitted estimator as a file holds it.

    Attributes:
        flow: In the user's units.
        schema: The columns.
        condition_schema: Those of the condition, or None.
        recipe: The flow's name.
        params: Settings of the estimator.
        named: Whether the columns had names.
        result: How training went.
    """

    flow: AbstractDistribution
    schema: Schema
    condition_schema: Schema | None
    recipe: str
    params: dict[str, Any]
    named: bool
    result: FitResult

    @property
    def conditional(self) -> bool:
        return self.condition_schema is not None

    def require(self, *, conditional: bool, source: str) -> None:
        """Refuse a conditional model where an unconditional one is wanted, and the other way round.

        Raises:
            FileError: If it is the other kind.
        """
        if self.condition_schema is not None and not conditional:
            names = ", ".join(self.condition_schema.names)
            raise FileError(f"{source}: this model is conditional on {names}", "use `ConditionalFlowDensity.load`")
        if self.condition_schema is None and conditional:
            raise FileError(f"{source}: this model is not conditional", "use `FlowDensity.load`")


def write_model(path: str | os.PathLike[str], model: ModelFile) -> None:
    """Write a model to a file, whole or not at all."""
    conditions = model.condition_schema
    metadata = {
        "schema": model.schema.to_json(),
        "condition_schema": None if conditions is None else conditions.to_json(),
        "named": model.named,
        "recipe": model.recipe,
        "options": _plain(model.params.get("options")) or {},
        "params": {"flow": model.recipe} | plain_params(model.params),
        "training": model.result.summary(),
    }
    io.save(path, model.flow, metadata=metadata)


def read_model(path: str | os.PathLike[str]) -> ModelFile:
    """The model in a file.

    Raises:
        FileError: If the file is missing, damaged, of a newer version, or holds a flow without columns.
    """
    flow, metadata = io.read(path)
    try:
        conditions = metadata["condition_schema"]
        return ModelFile(
            flow=flow,
            schema=Schema.from_json(metadata["schema"]),
            condition_schema=None if conditions is None else Schema.from_json(conditions),
            recipe=metadata["recipe"],
            params=metadata["params"],
            named=metadata["named"],
            result=result_of(flow, metadata["training"]),
        )
    except (KeyError, TypeError) as error:
        raise FileError(
            f"{path}: holds a flow, but not the columns of a table",
            "load it with `pushforward.load`; `pushforward fit` and an estimator's `save` write the columns too",
        ) from error


def result_of(flow: AbstractDistribution, summary: dict[str, Any]) -> FitResult:
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


def plain_params(params: dict[str, Any]) -> dict[str, Any]:
    kept = {name: _plain(value) for name, value in params.items() if name not in (*LEFT_OUT, "flow")}
    return {name: value for name, value in kept.items() if value is not None or params[name] is None}


def _plain(value: Any) -> Any:
    """The value if a file can hold it, else None."""
    if isinstance(value, dict):
        return {str(name): _plain(entry) for name, entry in value.items()}
    return value if isinstance(value, bool | int | float | str) else None
