"""From clips to what training needs."""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import numpy as np

from pushforward._errors import DataError
from pushforward.data.sound._clips import Clips
from pushforward.data.sound._mel import Mel
from pushforward.data.sound._segments import cut
from pushforward.distributions import AbstractDistribution
from pushforward.modalities._labels import names_of
from pushforward.modalities._learn import Prepared
from pushforward.modalities.sound._facts import SoundFacts, plain_options
from pushforward.modalities.sound._flow import built, options_of, unit, whole_numbers
from pushforward.modalities.sound._settings import SoundSettings
from pushforward.objectives import nll

SECONDS = 0.25
"""Of a segment where nothing is said; it is the next power of two in samples."""


class Sounds(NamedTuple):
    """What a flow of sound is fitted to.

    Attributes:
        clips: Of any lengths.
        labels: `(clips,)` names, or None for a flow that is not told any.
    """

    clips: Clips
    labels: np.ndarray | None

    @property
    def names(self) -> tuple[str, ...]:
        """Of the labels, sorted."""
        return () if self.labels is None else tuple(str(name) for name in np.unique(self.labels))


def labels_of(clips: Clips, y: Any) -> np.ndarray:
    """The labels that are given, or those of the clips; see `names_of`."""
    hint = "put the clips of each of two or more labels in a subfolder, store `label` in a .npz, or give `y`"
    return names_of(clips, y, "sound", "clips", hint)


def facts_of(data: Sounds, settings: SoundSettings) -> SoundFacts:
    """What the model knows of the clips, but for the loudness of their spectrograms."""
    clips, mel = data.clips, None
    if settings.mel:
        mel = Mel.of(clips.rate, {} if settings.mel is True else settings.mel)
    facts = SoundFacts(
        rate=clips.rate,
        bits=clips.bits,
        length=1,
        scale=_spread(clips),
        labels=data.names,
        mel=mel,
        options=plain_options(options_of(settings)),
    )
    return replace(facts, length=_length(settings, facts))


def build(data: Sounds, settings: SoundSettings, key: jax.Array) -> AbstractDistribution:
    """The untrained flow of whole numbers."""
    facts = facts_of(data, settings)
    return whole_numbers(built(settings.flow, facts, facts.length, key), facts.scale)


def prepare(data: Sounds, settings: SoundSettings, key: jax.Array) -> Prepared:
    """What training needs."""
    facts = facts_of(data, settings)
    segments = cut(data.clips, facts.length, pad=settings.pad)
    labels = None if data.labels is None else data.labels[segments.clip]
    mels = None
    if facts.mel is not None:
        places = zip(segments.clip.tolist(), segments.start.tolist(), strict=True)
        mels = np.stack([frames_of(data.clips.waves[clip], facts, start) for clip, start in places])
        facts = replace(facts, loudness=(float(mels.mean()), float(mels.std())))
    return Prepared(
        flow=whole_numbers(built(settings.flow, facts, facts.length, key), facts.scale),
        x=segments.values,
        condition=facts.conditions(labels, mels, len(segments.values)),
        weights=None,
        objective=nll,
        facts=facts,
        settings=replace(settings, options=options_of(settings)),
    )


def frames_of(wave: np.ndarray, facts: SoundFacts, start: int, length: int | None = None) -> np.ndarray:
    """The frames of a sound's spectrogram that belong to a piece of it, which begins at a frame."""
    assert facts.mel is not None
    first = start // facts.mel.hop
    return facts.mel(wave, first, first + facts.mel.frames(length or facts.length), full=facts.full)


def _length(settings: SoundSettings, facts: SoundFacts) -> int:
    """Samples of a segment: what is said, or about a quarter of a second, as the recipe and the frames allow."""
    multiple = unit(settings.flow, facts)
    if settings.length is None:
        power = 2 ** math.ceil(math.log2(max(facts.rate * SECONDS, 2)))
        return max(power // multiple, 1) * multiple
    if settings.length < 1 or settings.length % multiple:
        near = max(round(settings.length / multiple), 1) * multiple
        raise DataError(
            f"sound: segments of {settings.length:,} samples do not fit: the flow and its spectrograms ask for a "
            f"multiple of {multiple:,}.",
            f"give --length {near} (in Python: `length={near}`)",
        )
    return settings.length


def _spread(clips: Clips) -> float:
    """The root of the mean square of all samples."""
    square = sum(float(np.sum(np.square(piece, dtype=np.float64))) for wave in clips.waves for piece in _blocks(wave))
    return max(math.sqrt(square / max(sum(map(len, clips.waves)), 1)), 1.0)


def _blocks(wave: np.ndarray) -> Iterator[np.ndarray]:
    return (wave[at : at + 2**20] for at in range(0, len(wave), 2**20))
