"""Labels of events, as names and as zeros and ones."""

from typing import Any, Protocol

import numpy as np

from pushforward._errors import DataError, did_you_mean


class Labelled(Protocol):
    """Events that may have labels: images, clips of sound."""

    @property
    def labels(self) -> np.ndarray | None:
        """`(count,)` numbers of the labels."""
        ...

    @property
    def label_names(self) -> tuple[str, ...]:
        """The labels by number."""
        ...

    def __len__(self) -> int: ...


def names_of(events: Labelled, y: Any, kind: str, each: str, hint: str) -> np.ndarray:
    """The labels that are given, or those of the events, `(count,)`.

    Args:
        events: Whose labels they are.
        y: Labels of any kind, or None.
        kind: Of data, before messages: `images`, `sound`.
        each: What the events are called: `images`, `clips`.
        hint: How they get labels.

    Raises:
        DataError: If there are none, or not one for each event.
    """
    if y is None and events.labels is None:
        raise DataError(f"{kind}: a conditional model needs labels.", hint)
    labels = np.asarray(events.label_names)[events.labels] if y is None else np.asarray(y)
    if labels.shape != (len(events),):
        raise DataError(f"{kind}: {len(events):,} {each}, but labels of shape {labels.shape}.", "give one for each")
    return labels


def one_hot(labels: Any, known: tuple[str, ...], kind: str) -> np.ndarray:
    """Labels as zeros and ones, `(count,) -> (count, len(known))`.

    Raises:
        DataError: If a label is not known.
    """
    names = [str(label) for label in labels]
    for name in dict.fromkeys(names):
        if name not in known:
            raise DataError(f"{kind}: the model knows no label {name!r}.", did_you_mean(name, known))
    return np.eye(len(known), dtype=np.float32)[np.array([known.index(name) for name in names])]
