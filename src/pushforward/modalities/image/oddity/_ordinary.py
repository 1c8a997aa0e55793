"""What a model keeps of images that it was not fitted to, and the scores that are made of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from pushforward._errors import DataError, did_you_mean
from pushforward.diagnostics.oddity import density_of_states, input_complexity, typicality
from pushforward.modalities.image.oddity._states import LENGTH, LOG_PROB, NOISE

MOST_IMAGES = 2048
"""Images whose numbers a model keeps."""
DIGITS = 7
"""Significant ones of a number: those of float32, in which flows compute."""


def log_prob_of(states: np.ndarray) -> np.ndarray:
    """The log-density of images by their states, in nats, `(count,)`."""
    return states[:, LOG_PROB]


def _log_prob(states: np.ndarray, reference: np.ndarray) -> np.ndarray:
    return log_prob_of(states)


def _typicality(states: np.ndarray, reference: np.ndarray) -> np.ndarray:
    return typicality(log_prob_of(states), log_prob_of(reference))


def _complexity(states: np.ndarray, reference: np.ndarray) -> np.ndarray:
    return input_complexity(log_prob_of(states), states[:, LENGTH])


def _states(states: np.ndarray, reference: np.ndarray) -> np.ndarray:
    return density_of_states(_in_logarithms(states), _in_logarithms(reference))


def _in_logarithms(states: np.ndarray) -> np.ndarray:
    """Code lengths, by the model and of the file, in logarithms: their ratio is nearly the same for all images."""
    lengths = np.column_stack([-states[:, LOG_PROB], states[:, LENGTH]])
    return np.column_stack([np.log(np.maximum(lengths, SHORTEST)), states[:, NOISE:]])


SHORTEST = 1.0
"""Nats of a code; a single draw of a bound may say less than 0."""
SCORES: Mapping[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "states": _states,
    "complexity": _complexity,
    "typicality": _typicality,
    "log_prob": _log_prob,
}
"""By name, from the `states_of` images and of ordinary ones to scores, of which small is odd; the first is usual."""
USUAL = next(iter(SCORES))


def check_score(name: str) -> None:
    """A DataError for a score that is not known."""
    if name not in SCORES:
        raise DataError(f"images: there is no score {name!r}.", did_you_mean(name, SCORES))


@dataclass(frozen=True)
class Ordinary:
    """The `states_of` ordinary images.

    Attributes:
        states: `(count, numbers)`; the first half tells what is usual, the others turn scores into p-values.
        unseen: Whether the fit had no use of them at all. Else they chose its best epoch.
    """

    states: tuple[tuple[float, ...], ...]
    unseen: bool

    @classmethod
    def of(cls, states: np.ndarray, *, unseen: bool) -> Self:
        """Of the first `MOST_IMAGES`."""
        rows = np.asarray(states, np.float64)[:MOST_IMAGES]
        return cls(tuple(tuple(float(f"{value:.{DIGITS}g}") for value in row) for row in rows), unseen)

    @property
    def reference(self) -> np.ndarray:
        """What tells what is usual."""
        states = np.array(self.states[: len(self.states) // 2])
        return states[np.isfinite(states).all(axis=1)]

    def scores(self, name: str, states: np.ndarray) -> np.ndarray:
        """Scores of images by their states, `(count,)`; small is odd, and -inf what overflows in the flow."""
        check_score(name)
        finite = np.isfinite(states).all(axis=1)
        found = np.full(len(states), -np.inf)
        found[finite] = SCORES[name](states[finite], self.reference) if finite.any() else 0.0
        return found

    def calibration(self, name: str) -> np.ndarray:
        """Scores of the images that calibrate."""
        return self.scores(name, np.array(self.states[len(self.states) // 2 :]))

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"states": [list(row) for row in self.states], "unseen": self.unseen}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The states from plain data."""
        return cls(tuple(map(tuple, data["states"])), data["unseen"])
