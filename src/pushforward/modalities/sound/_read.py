"""Clips that are read for a fit, and for a model."""

from collections.abc import Mapping
from typing import Any

from pushforward.data.sound._clips import Clips, read_clips
from pushforward.modalities._talk import Talk
from pushforward.modalities.sound._facts import SoundFacts
from pushforward.modalities.sound._prepare import Sounds, labels_of


def read_to_fit(source: str, given: Mapping[str, Any], talk: Talk) -> Sounds:
    """Clips with their labels, if those are to be learned; what a user should know of them is told.

    Raises:
        DataError: If they cannot be read.
    """
    reading = {name: given[name] for name in ("rate", "channel", "bits", "skip_bad")}
    clips = read_clips(source, **reading)
    _tell(clips, talk)
    return Sounds(clips, labels_of(clips, None) if given["labels"] else None)


def read_for(facts: SoundFacts, source: str, given: Mapping[str, Any], talk: Talk) -> Clips:
    """Clips in the rate and the bits of a model, whatever theirs are.

    Raises:
        DataError: If they cannot be read.
    """
    reading = {name: given[name] for name in ("channel", "skip_bad") if name in given}
    clips = read_clips(source, rate=facts.rate, bits=facts.bits, **reading)
    _tell(clips, talk)
    return clips


def _tell(clips: Clips, talk: Talk) -> None:
    for remark in clips.remarks:
        talk.warn(remark)
