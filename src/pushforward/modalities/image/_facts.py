"""What a model of images knows beside its flow, and how that is told."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from pushforward.modalities._talk import plural
from pushforward.modalities._told import Told
from pushforward.modalities.image.oddity._ordinary import Ordinary


@dataclass(frozen=True)
class ImageFacts:
    """What is needed to use the flow of images.

    Attributes:
        levels: Grey values.
        labels: Names of the labels that the flow is conditional on.
        ordinary: What the flow says of images that it was not fitted to; None where that is not known.
        condition_shares: How often each label was there; empty without labels, and in files that do not know it.
    """

    levels: int
    labels: tuple[str, ...]
    ordinary: Ordinary | None = None
    condition_shares: tuple[float, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        known = {} if self.ordinary is None else {"ordinary": self.ordinary.to_json()}
        shares = {"condition_shares": list(self.condition_shares)} if self.condition_shares else {}
        return self._told | known | shares

    @property
    def _told(self) -> dict[str, Any]:
        return {"levels": self.levels, "labels": list(self.labels)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The facts from plain data."""
        ordinary = data.get("ordinary")
        known = None if ordinary is None else Ordinary.from_json(ordinary)
        return cls(data["levels"], tuple(data["labels"]), known, tuple(data.get("condition_shares", ())))

    def told(self, shape: tuple[int, ...]) -> Told:
        """What `show` tells of images of this shape."""
        size = f"{size_told(shape)}, {self.levels} levels"
        labels: list[tuple[str, object]] = [("labels", ", ".join(self.labels))] if self.labels else []
        return Told({"images": self._told | {"shape": list(shape)}}, [("images", size), *labels])


def size_told(shape: tuple[int, ...]) -> str:
    """`28 x 28 in grey`."""
    height, width, channels = shape
    return f"{height} x {width} in {'grey' if channels == 1 else 'colour'}"


def labels_told(labels: tuple[str, ...]) -> str:
    """`, given one of 10 labels`."""
    return f", given one of {plural(len(labels), 'label')}"
