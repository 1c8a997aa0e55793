"""Keep, of a fit, what it says of the images that it held out."""

from dataclasses import replace
from typing import Any

import numpy as np

from pushforward.data import Images
from pushforward.modalities._labels import one_hot
from pushforward.modalities._learn import Prepared
from pushforward.modalities._model import Model
from pushforward.modalities.image.oddity._ordinary import MOST_IMAGES, Ordinary
from pushforward.modalities.image.oddity._states import states_of


def with_ordinary(model: Model, ready: Prepared) -> Model:
    """The model with the states of the images that its fit held out; without, where there are none."""
    held_out = None if ready.held_out is None else ready.held_out(ready)
    if held_out is None or not len(held_out.rows) or not model.result.history:
        return model
    rows = np.sort(held_out.rows[:MOST_IMAGES])
    # Which of them tell what is usual, and which calibrate, has nothing to do with their order in a folder.
    rows = np.random.default_rng(0).permutation(rows)
    condition = None if ready.condition is None else ready.condition[rows]
    states = states_of(model.flow, np.asarray(ready.x[rows]), condition)
    return replace(model, facts=replace(model.facts, ordinary=Ordinary.of(states, unseen=False)))


def states_by(model: Model, images: Images, labels: Any = None) -> np.ndarray:
    """The states of images by a model, `(count, numbers)`; `labels` are names, for a model that knows labels."""
    condition = one_hot(labels, model.facts.labels, "images") if model.facts.labels else None
    return states_of(model.flow, images.values, condition)
