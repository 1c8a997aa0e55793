"""One file of sound: what its header says, and its samples as whole numbers, through libsndfile and soxr."""

import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pushforward._errors import DataError

BLOCK = 2**18
"""Frames that are read at once."""
MEMORY = 2**26
"""Samples from which a clip is kept in a temporary file in place of memory."""
FULL = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "ALAC_16": 16, "ALAC_20": 20, "ALAC_24": 24}
"""Bits of a sample by what libsndfile calls the coding; others are no whole numbers."""
MIX = "mix"


class Header(NamedTuple):
    """What a file says of itself.

    Attributes:
        rate: Samples a second.
        channels: How many.
        frames: Samples of each channel.
        bits: Of a sample, or None where samples are no whole numbers (floats, Vorbis, MP3).
    """

    rate: int
    channels: int
    frames: int
    bits: int | None


class Wave(NamedTuple):
    """The samples of a clip.

    Attributes:
        values: `(samples,)` whole numbers, perhaps a memory map.
        cut: How many samples were beyond full scale and were brought to it.
    """

    values: np.ndarray
    cut: int


def needs_soundfile(label: str) -> Any:
    """The package soundfile.

    Raises:
        DataError: If it is not installed.
    """
    if find_spec("soundfile") is None:
        raise DataError(
            f"{label}: sound is read through the package soundfile, which is not installed.",
            "install it with `pip install soundfile soxr`",
        )
    import soundfile

    return soundfile


def look(path: Path, label: str) -> Header:
    """What the header of a file says.

    Raises:
        DataError: If it is not a file of sound, or an empty one.
    """
    soundfile = needs_soundfile(label)
    try:
        info = soundfile.info(str(path))
    except soundfile.LibsndfileError as error:
        raise _unreadable(label, error) from None
    if not info.frames:
        raise DataError(f"{label}: holds no samples.", "take the file away, or leave out such files with `--skip-bad`")
    return Header(info.samplerate, info.channels, info.frames, FULL.get(info.subtype))


def decode(path: Path, label: str, *, rate: int, channel: str, bits: int) -> Wave:
    """The samples of one channel, or of the mean of all, at a rate and in whole numbers of so many bits.

    Args:
        path: The file.
        label: Its name in messages.
        rate: Samples a second; a file of another rate is resampled by soxr in its high quality.
        channel: `mix` for the mean of all channels, or the number of one, from 1.
        bits: From 1 to 16; what the file has in more bits, or as floats of 1 at full scale, is rounded.

    Raises:
        DataError: If it cannot be read, has no such channel, or has a sample that is NaN or infinite.
    """
    pieces, cut, scale, count = [], 0, 2.0 ** (bits - 1), 0
    spill = _Spill()
    for block in _resampled(path, label, channel, rate):
        whole = np.round(block * scale)
        cut += int(np.sum((whole < -scale - 1) | (whole > scale)))
        pieces.append(np.clip(whole, -scale, scale - 1).astype(np.int16))
        count += len(block)
        if count > MEMORY:
            spill.take(pieces)
            pieces = []
    values = spill.taken(pieces) if count > MEMORY else np.concatenate([np.zeros(0, np.int16), *pieces])
    if not len(values):
        raise DataError(f"{label}: holds no samples.", "take the file away, or leave out such files with `--skip-bad`")
    return Wave(values, cut)


class _Spill:
    """Samples that go to a temporary file, which goes away with the array over it."""

    def __init__(self) -> None:
        self.file = None

    def take(self, pieces: list[np.ndarray]) -> None:
        if self.file is None:
            # The memory map keeps it open.
            self.file = tempfile.TemporaryFile(prefix="pushforward-sound-")  # noqa: SIM115
        for piece in pieces:
            piece.tofile(self.file)

    def taken(self, pieces: list[np.ndarray]) -> np.ndarray:
        self.take(pieces)
        assert self.file is not None
        self.file.flush()
        return np.memmap(self.file, np.int16, mode="r")


def _resampled(path: Path, label: str, channel: str, rate: int) -> Iterator[np.ndarray]:
    """One channel in blocks, at the rate."""
    header = look(path, label)
    blocks = _one_channel(path, label, channel, header)
    if header.rate == rate:
        yield from blocks
        return
    if find_spec("soxr") is None:
        raise DataError(
            f"{label}: has {header.rate} samples a second, {rate} are wanted, and the package soxr is not installed.",
            "install it with `pip install soundfile soxr`",
        )
    import soxr

    stream = soxr.ResampleStream(header.rate, rate, 1, dtype="float64")
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0), last=True)


def _one_channel(path: Path, label: str, channel: str, header: Header) -> Iterator[np.ndarray]:
    soundfile, read = needs_soundfile(label), 0
    if channel != MIX and int(channel) > header.channels:
        raise DataError(
            f"{label}: has no channel {channel}, only {header.channels}.",
            "give --channel 1, or mix for the mean of all channels",
        )
    try:
        for block in soundfile.blocks(str(path), BLOCK, dtype="float64", always_2d=True):
            bad = ~np.isfinite(block).all(axis=1)
            if bad.any():
                at = read + int(np.argmax(bad)) + 1
                raise DataError(
                    f"{label}: sample {at:,} is NaN or infinite.",
                    "mend the file, or leave out such files with `--skip-bad` (in Python: `skip_bad=True`)",
                )
            read += len(block)
            yield block.mean(axis=1) if channel == MIX else block[:, int(channel) - 1]
    except soundfile.LibsndfileError as error:
        raise _unreadable(label, error) from None


def _unreadable(label: str, error: Exception) -> DataError:
    said = getattr(error, "error_string", str(error)).strip().rstrip(".")
    return DataError(
        f"{label}: not a file of sound that libsndfile reads ({said}).",
        "give WAV, FLAC, OGG or MP3; `ffmpeg -i FILE -vn out.wav` takes the sound out of a video",
    )
