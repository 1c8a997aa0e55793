"""Segments of one length out of clips of many."""

from typing import NamedTuple

import numpy as np

from pushforward._errors import DataError
from pushforward.data.sound._clips import Clips

NAMED = 3


class Segments(NamedTuple):
    """Pieces of clips.

    Attributes:
        values: `(count, length)` whole numbers.
        clip: Which clip each is of, `(count,)`.
        start: The sample at which it begins, `(count,)`.
        left_out: Samples of all clips that are in no segment.
        padded: Samples of silence behind clips that are too short.
    """

    values: np.ndarray
    clip: np.ndarray
    start: np.ndarray
    left_out: int
    padded: int


def cut(clips: Clips, length: int, *, pad: bool = False) -> Segments:
    """Segments behind each other from the beginning of every clip; what is left at its end is in none.

    Args:
        clips: Of any lengths.
        length: Samples of a segment.
        pad: Whether the last segment of a clip is filled up with silence, so that nothing is left out.

    Raises:
        DataError: If no clip is as long as a segment, or some are not and `pad` is not given.
    """
    short = [number for number, wave in enumerate(clips.waves) if len(wave) < length]
    if short and not pad:
        names = ", ".join(clips.names[number] if clips.names else str(number) for number in short[:NAMED])
        longest = min(len(clips.waves[number]) for number in short)
        raise DataError(
            f"sound: {len(short):,} of {len(clips):,} clips are shorter than a segment of {length:,} samples, such as "
            f"{names}; the shortest has {longest:,}.",
            "fill them up with silence by `--pad`, or choose shorter segments with `--length`",
        )
    values, clip, start, padded = [], [], [], 0
    for number, wave in enumerate(clips.waves):
        starts = np.arange(0, len(wave) if pad else len(wave) - length + 1, length)
        for at in starts:
            piece = wave[at : at + length]
            padded += length - len(piece)
            values.append(np.pad(piece, (0, length - len(piece))))
        clip.append(np.full(len(starts), number))
        start.append(starts)
    total = sum(map(len, clips.waves))
    stacked = np.stack(values)
    return Segments(stacked, np.concatenate(clip), np.concatenate(start), total + padded - stacked.size, padded)
