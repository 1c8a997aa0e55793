"""Segments of one length out of clips of many."""

from typing import NamedTuple

import numpy as np

from pushforward._errors import DataError
from pushforward.data.sound._clips import Clips

NAMED = 3


class Layout(NamedTuple):
    """Where segments lie.

    Attributes:
        clip: Which clip each is of, `(count,)`.
        start: The sample at which it begins, `(count,)`.
        left_out: Samples of all clips that are in no segment.
        padded: Samples of silence behind clips that are too short.
    """

    clip: np.ndarray
    start: np.ndarray
    left_out: int
    padded: int


class Segments(NamedTuple):
    """Pieces of clips.

    Attributes:
        values: `(count, length)` whole numbers.
        clip: Which clip each is of, `(count,)`.
        start: The sample at which it begins, `(count,)`.
    """

    values: np.ndarray
    clip: np.ndarray
    start: np.ndarray


def laid_out(clips: Clips, length: int, *, pad: bool = False) -> Layout:
    """Segments behind each other from the beginning of every clip; what is left at its end is in none.

    Args:
        clips: Of any lengths.
        length: Samples of a segment.
        pad: Whether the last segment of a clip is filled up with silence, so that nothing is left out.

    Raises:
        DataError: If some clips are shorter than a segment, and `pad` is not given.
    """
    lengths = np.array([len(wave) for wave in clips.waves])
    short = np.flatnonzero(lengths < length)
    if len(short) and not pad:
        names = ", ".join(clips.names[i] if clips.names else str(i) for i in short[:NAMED].tolist())
        raise DataError(
            f"sound: {len(short):,} of {len(clips):,} clips are shorter than a segment of {length:,} samples, such as "
            f"{names}; the shortest has {lengths.min():,}.",
            "fill them up with silence by `--pad`, or choose shorter segments with `--length`",
        )
    counts = -(-lengths // length) if pad else lengths // length
    inside, total = int(counts.sum()) * length, int(lengths.sum())
    start = np.concatenate([np.arange(count) * length for count in counts])
    return Layout(np.repeat(np.arange(len(clips)), counts), start, max(total - inside, 0), max(inside - total, 0))


def cut(clips: Clips, length: int, *, pad: bool = False) -> Segments:
    """The segments that `laid_out` says."""
    clip, start, *_ = laid_out(clips, length, pad=pad)
    values = np.zeros((len(clip), length), clips.waves[0].dtype)
    for row, which, at in zip(values, clip.tolist(), start.tolist(), strict=True):
        piece = clips.waves[which][at : at + length]
        row[: len(piece)] = piece
    return Segments(values, clip, start)
