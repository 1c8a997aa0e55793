"""`pushforward score` of sound: a row for each clip."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pushforward.data import Table, TableWriter
from pushforward.modalities._talk import Talk, plural
from pushforward.modalities.sound._model import SoundModel
from pushforward.modalities.sound._read import read_for


def score(model: SoundModel, source: str, target: str, given: Mapping[str, Any], talk: Talk) -> None:
    """One row for each clip: its name, seconds, nats and bits for one sample, log-probability in nats."""
    clips = read_for(model.facts_, source, given, talk)
    label = given["label"]
    found = model.score_clips(clips, None if label is None else [label] * len(clips))
    nats = found.nats_per_sample
    numbers = np.arange(len(clips), dtype=float)
    seconds = np.array([len(wave) / clips.rate for wave in clips.waves])
    table = Table(
        ("clip", "seconds", "samples", "nats_per_sample", "bits_per_sample", "log_prob"),
        np.column_stack([numbers, seconds, found.samples, nats, -nats / np.log(2.0), found.log_prob]),
        ("category", "float", "int", "float", "float", "float"),
        categories={"clip": clips.names},
    )
    with TableWriter(target, table.names, table.kinds, table.categories) as writer:
        writer.write(table.values)
    where = "standard output" if target == "-" else target
    whole = found.log_prob.sum() / found.samples.sum()
    left = sum(map(len, clips.waves)) - int(found.samples.sum())
    rest = f"; {plural(left, 'sample')} at the ends of clips not scored" if left else ""
    talk.say(
        f"wrote {plural(len(clips), 'score')} to {where}; at least {whole:.4f} nats, at most "
        f"{-whole / np.log(2.0):.4f} bits per sample of {model.facts_.bits} bits{rest}"
    )
