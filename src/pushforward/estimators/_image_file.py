"""What a file of an image model holds beside the flow.

The metadata of the file, all plain data:

- `images`: `levels`, `labels` (names of the labels that the flow is conditional on, or an empty list);
- `recipe`, `params`, `training`: as in the file of a table's model.
"""

import dataclasses
import os
from typing import Any

from pushforward import io
from pushforward._errors import FileError
from pushforward.distributions import AbstractDistribution
from pushforward.estimators._model_file import plain_params, result_of
from pushforward.train import FitResult


@dataclasses.dataclass(frozen=True)
class ImageFile:
    """A fitted image model as a file holds it.

    Attributes:
        flow: Of whole grey values.
        levels: Grey values.
        labels: Names of the labels that the flow is conditional on.
        recipe: The flow's name.
        params: Settings of the estimator.
        result: How training went.
    """

    flow: AbstractDistribution
    levels: int
    labels: tuple[str, ...]
    recipe: str
    params: dict[str, Any]
    result: FitResult


def write_images(path: str | os.PathLike[str], file: ImageFile) -> None:
    """Write a model to a file, whole or not at all."""
    metadata = {
        "images": {"levels": file.levels, "labels": list(file.labels)},
        "recipe": file.recipe,
        "params": {"flow": file.recipe} | plain_params(file.params),
        "training": file.result.summary(),
    }
    io.save(path, file.flow, metadata=metadata)


def read_images_model(path: str | os.PathLike[str]) -> ImageFile:
    """The model in a file.

    Raises:
        FileError: If the file is missing, damaged, of a newer version, or holds something else.
    """
    flow, metadata = io.read(path)
    try:
        images = metadata["images"]
        return ImageFile(
            flow=flow,
            levels=images["levels"],
            labels=tuple(images["labels"]),
            recipe=metadata["recipe"],
            params=metadata["params"],
            result=result_of(flow, metadata["training"]),
        )
    except (KeyError, TypeError) as error:
        raise FileError(
            f"{path}: holds a flow, but not one of images",
            "load a table's model with `FlowDensity.load`, any other flow with `pushforward.load`",
        ) from error
