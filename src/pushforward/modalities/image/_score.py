"""`pushforward score` of images: a row for each."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pushforward.data import Table, TableWriter
from pushforward.modalities._talk import Talk, plural
from pushforward.modalities.image._model import ImageModel
from pushforward.modalities.image._read import read_for


def score(model: ImageModel, source: str, target: str, given: Mapping[str, Any], talk: Talk) -> None:
    """One row for each image: its name, its bits per dimension, its log-probability in nats."""
    images = read_for(model, source, **given)
    nats = model.score_samples(images, draws=4)
    bits = -nats / (np.prod(model.shape) * np.log(2.0))
    numbers = np.arange(len(images), dtype=float)
    table = Table(
        ("image", "bits_per_dim", "log_prob"),
        np.column_stack([numbers, bits, nats]),
        ("category", "float", "float"),
        categories={"image": images.names},
    )
    with TableWriter(target, table.names, table.kinds, table.categories) as writer:
        writer.write(table.values)
    where = "standard output" if target == "-" else target
    most = "" if model.flow_.exact else "at most "
    talk.say(f"wrote {plural(len(images), 'score')} to {where}; {most}{bits.mean():.4f} bits per dimension")
