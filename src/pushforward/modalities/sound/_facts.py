"""What a model of sound knows beside its flow, and how that is told."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from pushforward._errors import DataError
from pushforward.data.sound._mel import Mel
from pushforward.modalities._labels import one_hot
from pushforward.modalities._told import Told


@dataclass(frozen=True)
class SoundFacts:
    """What is needed to use the flow of sound.

    Attributes:
        rate: Samples a second.
        bits: Of a sample.
        length: Samples of a segment in training.
        scale: Whole numbers that make 1 for the networks: the root of the mean square of the training samples.
        labels: Names of the labels that the flow is conditional on.
        mel: How the spectrograms are made that it is conditional on, or None.
        loudness: Mean and deviation of those spectrograms in training.
        options: Of the recipe.
    """

    rate: int
    bits: int
    length: int
    scale: float
    labels: tuple[str, ...] = ()
    mel: Mel | None = None
    loudness: tuple[float, float] = (0.0, 1.0)
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def full(self) -> float:
        """What full scale is in whole numbers."""
        return 2.0 ** (self.bits - 1)

    def cond_dim(self, length: int) -> int | tuple[int, int] | None:
        """What the recipe is told of conditions of a sound of this length."""
        if self.mel is not None:
            return self.mel.frames(length), self.mel.bands + len(self.labels)
        return len(self.labels) or None

    def conditions(self, labels: Any, mels: np.ndarray | None, count: int) -> np.ndarray | None:
        """What the flow is given for sounds of one length.

        Args:
            labels: Names, `(count,)`, or None.
            mels: `(count, frames, bands)`, or None.
            count: Of sounds.

        Raises:
            DataError: If a label is missing, or not known.
        """
        ones = self._one_hot(labels, count)
        if self.mel is None:
            return ones
        assert mels is not None
        mean, spread = self.loudness
        local = ((mels - mean) / spread).astype(np.float32)
        if ones is None:
            return local
        spread_out = np.broadcast_to(ones[:, None], (count, local.shape[1], ones.shape[1]))
        return np.concatenate([local, spread_out], axis=2)

    def _one_hot(self, labels: Any, count: int) -> np.ndarray | None:
        if not self.labels:
            if labels is not None:
                raise DataError("sound: got labels, but the model is not conditional on them.", "leave them out")
            return None
        if labels is None:
            raise DataError("sound: the model is conditional on a label.", f"give one of {', '.join(self.labels)}")
        return one_hot(np.broadcast_to(np.asarray(labels), (count,)), self.labels, "sound")

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        plain = asdict(self)
        return plain | {"labels": list(self.labels), "loudness": list(self.loudness), "options": dict(self.options)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The facts from plain data."""
        mel = None if data["mel"] is None else Mel(**data["mel"])
        mean, spread = data["loudness"]
        read = {"labels": tuple(data["labels"]), "loudness": (mean, spread), "options": plain_options(data["options"])}
        return cls(**{**data, **read, "mel": mel})

    def told(self) -> Told:
        """What `show` tells."""
        sound = f"{self.rate:,} samples a second, {self.bits} bits, segments of {self.length:,} samples"
        facts: list[tuple[str, object]] = [("sound", sound)]
        if self.labels:
            facts.append(("labels", ", ".join(self.labels)))
        if self.mel is not None:
            facts.append(("given", f"mel spectrograms of {self.mel.bands} bands, one frame for {self.mel.hop} samples"))
        return Told({"sound": self.to_json()}, facts)


def plain_options(options: Mapping[str, Any] | None) -> tuple[tuple[str, Any], ...]:
    """Options of a recipe as pairs; what a file holds as lists are tuples."""
    return tuple((name, tuple(v) if isinstance(v, list) else v) for name, v in (options or {}).items())
