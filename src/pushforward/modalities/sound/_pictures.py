"""Pictures of a model of sound."""

from typing import Any

import numpy as np

from pushforward import plots
from pushforward._errors import UsageError
from pushforward.data.sound._clips import Clips
from pushforward.data.sound._mel import Mel
from pushforward.modalities._talk import Talk
from pushforward.modalities._told import Look
from pushforward.modalities.sound._layers import way
from pushforward.modalities.sound._model import SoundModel
from pushforward.modalities.sound._read import read_for

ROWS = 4
"""Clips that are shown."""
BANDS = 80


def picture(model: SoundModel, source: str | None, what: str, look: Look, seed: int) -> Any:
    """A figure of a model of sound."""
    if what == "loss":
        return plots.loss_curve(model.model.result, **look._asdict())
    whole = look.whole("sound", "leave them out, or give a --title")
    clips = None if source is None else _chosen(read_for(model.facts_, source, {}, Talk()), seed)
    if clips is None and model.facts_.mel is not None:
        raise UsageError("the model is conditional on spectrograms.", "give clips to take them from behind the model")
    if what == "layers":
        states, titles = way(model, _label(model, clips, 0), None if clips is None else clips.waves[0], seed)
        return plots.waves([[state] for state in states], model.facts_.rate, labels=titles, **whole)
    drawn = [_drawn(model, clips, row, seed) for row in range(ROWS if clips is None else len(clips))]
    columns = [drawn] if clips is None else [list(clips.waves), drawn]
    titles = ["samples"] if clips is None else ["data", "samples"]
    rows = [[column[row] for column in columns] for row in range(len(drawn))]
    labels = [_label(model, clips, row) or "" for row in range(len(drawn))] if model.labels_ else []
    if what == "samples":
        return plots.waves(rows, model.facts_.rate, labels=labels, titles=titles, limit=None, **whole)
    mel = _mel(model)
    frames = [[mel(wave, full=model.facts_.full) for wave in row] for row in rows]
    return plots.spectrograms(frames, mel.hop / mel.rate, labels=labels, titles=titles, **whole)


def _chosen(clips: Clips, seed: int) -> Clips:
    """Some of the clips, of each label one first."""
    order = np.random.default_rng(seed).permutation(len(clips))
    if clips.labels is not None:
        _, firsts = np.unique(clips.labels[order], return_index=True)
        order = np.concatenate([order[firsts], np.delete(order, firsts)])
    kept = order[:ROWS]
    labels = None if clips.labels is None else clips.labels[kept]
    return Clips(
        tuple(clips.waves[i] for i in kept),
        clips.rate,
        clips.bits,
        tuple(clips.names[i] for i in kept),
        labels,
        clips.label_names,
    )


def _label(model: SoundModel, clips: Clips | None, row: int) -> str | None:
    """The label of a clip, or each in turn."""
    if not model.labels_:
        return None
    if clips is not None and clips.labels is not None:
        return clips.label_names[clips.labels[row]]
    return model.labels_[row % len(model.labels_)]


def _drawn(model: SoundModel, clips: Clips | None, row: int, seed: int) -> np.ndarray:
    like = None if clips is None else clips.waves[row]
    return model.sample(1, seed + row, None, _label(model, clips, row), like=like)[0]


def _mel(model: SoundModel) -> Mel:
    """The spectrogram that the model knows, or one that suits its rate: frames of about 32 ms."""
    facts = model.facts_
    if facts.mel is not None:
        return facts.mel
    frame = 2 ** max(round(np.log2(facts.rate * 0.032)), 5)
    return Mel(rate=facts.rate, frame=frame, hop=frame // 4, bands=max(frame // 16, 2))
