"""Clips of sound: folders, single files and arrays, at one rate and in whole numbers."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pushforward._errors import DataError
from pushforward.data.sound._arrays import open_sound_array
from pushforward.data.sound._audio import MIX, Header, decode, look
from pushforward.data.sound._endings import ENDINGS, is_sound

NAMED = 3
"""Files that an error names."""
HELD = 4
"""Samples in a row at full scale, from which they count as clipped."""


@dataclass(frozen=True)
class Clips:
    """Clips of sound of one rate.

    Attributes:
        waves: Of each clip `(samples,)` whole numbers from `-2**(bits - 1)` to `2**(bits - 1) - 1`, as int16; perhaps a
            memory map.
        rate: Samples a second.
        bits: Of a sample.
        names: Where each clip comes from: a path within the folder, or a number.
        labels: `(count,)` numbers of the labels, or None.
        label_names: The labels by number.
        remarks: What a user should know of how they were read, a sentence each.
    """

    waves: tuple[np.ndarray, ...]
    rate: int
    bits: int = 16
    names: tuple[str, ...] = ()
    labels: np.ndarray | None = None
    label_names: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.waves)

    @property
    def seconds(self) -> float:
        """Of all clips together."""
        return sum(map(len, self.waves)) / self.rate


class _Wanted(NamedTuple):
    rate: int | None
    channel: str
    skip_bad: bool


def read_clips(
    source: str | os.PathLike[str],
    *,
    rate: int | None = None,
    channel: str = MIX,
    bits: int | None = None,
    skip_bad: bool = False,
) -> Clips:
    """Read clips of sound.

    Whole numbers of 8 and 16 bits are kept as they are; more bits and floats are rounded to 16.

    Args:
        source: A folder of files (WAV, FLAC, OGG and what else libsndfile reads), in which the names of subfolders are
            labels; one file; or a `.npz` file with `audio`, whole numbers or floats of 1 at full scale, either
            `(clips, samples)` or all clips behind each other with a `length` for each; and, if there are, `rate` and
            `label`.
        rate: Samples a second to which all are brought; by default theirs, which must then be one.
        channel: `"mix"` for the mean of all channels, or the number of one, from 1, as text.
        bits: From 1 to 16; by default 8 where all files have 8, else 16.
        skip_bad: Leave out files that are no sound, are silent, or have NaN, instead of raising.

    Raises:
        DataError: If there are no clips, rates differ, or a file is no sound, is silent, or has a NaN.

    Example:
        >>> import soundfile
        >>> soundfile.write("a.wav", np.sin(np.arange(800) / 5) / 2, 8000)
        >>> clips = read_clips("a.wav")
        >>> clips.rate, clips.bits, clips.waves[0].dtype
        (8000, 16, dtype('int16'))
    """
    if rate is not None and not 1 <= rate <= 10**6:
        raise DataError(f"sound: `rate` must be 1 to 1,000,000 samples a second, got {rate}.", "22050 is usual")
    if bits is not None and not 1 <= bits <= 16:
        raise DataError(f"sound: `bits` must be from 1 to 16, got {bits}.", "leave it out for those of the files")
    if channel != MIX and not (channel.isdecimal() and int(channel) > 0):
        raise DataError(f"sound: no channel {channel!r}.", "give `mix`, or a number from 1")
    place = Path(source)
    if not place.exists():
        raise DataError(f"{source}: no such folder or file.", "give a folder of WAV, FLAC or OGG files, or one of them")
    if place.suffix == ".npz":
        return Clips(**open_sound_array(place, rate, bits))
    wanted = _Wanted(rate, channel, skip_bad)
    if place.is_dir():
        return _from_files(place, _files_in(place), wanted, bits)
    return _from_files(place.parent, [place], wanted, bits)


def _files_in(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    files = [path for path in files if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    sounds = [path for path in files if is_sound(path)]
    if not sounds:
        raise DataError(f"{folder}: holds no file of sound.", f"such files end in {', '.join(ENDINGS[:6])}")
    return sounds


def _from_files(folder: Path, files: list[Path], wanted: _Wanted, bits: int | None) -> Clips:
    """Look at every header first, so that a fault is told before anything is decoded."""
    names = {path: path.relative_to(folder).as_posix() for path in files}
    skipped: list[str] = []
    good = [path for path in files if not (wanted.skip_bad and _is_bad(path, names[path], skipped))]
    headers = {path: look(path, str(path)) for path in good}
    rate = wanted.rate or _one_rate(folder, {names[path]: header for path, header in headers.items()})
    depth = bits or _depth(headers.values(), rate)
    waves, kept, remarks = [], [], _remarks(headers, names, wanted, depth)
    for path in headers:
        try:
            wave = decode(path, str(path), rate=rate, channel=wanted.channel, bits=depth)
            _check_sounds(wave.values, str(path))
        except DataError:
            if not wanted.skip_bad:
                raise
            skipped.append(names[path])
            continue
        waves.append(wave.values)
        kept.append(names[path])
        if wave.cut or _held_at_ends(wave.values, depth):
            remarks.append(f"{names[path]} is clipped: it stays at full scale, where its loudest parts are cut off")
    if not waves:
        raise DataError(f"{folder}: no file of sound is left.", "look at one of them: are they silent, or of NaN?")
    if skipped:
        remarks.append(f"left out as no sound, silent or NaN: {_some(skipped)}")
    labels, label_names = _labels(kept)
    return Clips(tuple(waves), rate, depth, tuple(kept), labels, label_names, tuple(remarks))


def _is_bad(path: Path, name: str, skipped: list[str]) -> bool:
    try:
        look(path, str(path))
    except DataError:
        skipped.append(name)
        return True
    return False


def _depth(headers: Iterable[Header], rate: int) -> int:
    """8 where all files have 8 bits, at the rate; resampling leaves no whole numbers of 8 bits."""
    return 8 if all(header.bits == 8 and header.rate == rate for header in headers) else 16


def _one_rate(folder: Path, headers: dict[str, Header]) -> int:
    rates = Counter(header.rate for header in headers.values())
    if len(rates) == 1:
        return next(iter(rates))
    example = {header.rate: name for name, header in reversed(headers.items())}
    shown = "; ".join(f"{count} of {rate:,} ({example[rate]})" for rate, count in rates.most_common(NAMED))
    most = rates.most_common(1)[0][0]
    raise DataError(
        f"{folder}: the files have several rates in samples a second: {shown}.",
        f"bring them to one with `--rate {most}` (in Python: `rate={most}`)",
    )


def _remarks(headers: dict[Path, Header], names: dict[Path, str], wanted: _Wanted, depth: int) -> list[str]:
    remarks = []
    several = [names[path] for path, header in headers.items() if header.channels > 1]
    if several and wanted.channel == MIX:
        remarks.append(f"the mean of the channels of {_some(several)}; --channel 1 takes the first alone")
    finer = [names[path] for path, header in headers.items() if header.bits is None or header.bits > depth]
    if finer:
        remarks.append(f"rounded to {depth} bits: {_some(finer)}")
    moved = [names[path] for path, header in headers.items() if wanted.rate and header.rate != wanted.rate]
    if moved:
        remarks.append(f"resampled to {wanted.rate:,} samples a second: {_some(moved)}")
    return remarks


def _check_sounds(values: np.ndarray, label: str) -> None:
    if np.all(values == values[0]):
        raise DataError(
            f"{label}: is silent: all of its samples are {values[0]}.",
            "take the file away, or leave out such files with `--skip-bad` (in Python: `skip_bad=True`)",
        )


def _held_at_ends(values: np.ndarray, bits: int) -> bool:
    """Whether it stays at full scale for some samples in a row, as sound does that was too loud."""
    for end in (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1):
        at = values == end
        if at.sum() >= HELD and np.any(np.all([at[i : len(at) - HELD + 1 + i] for i in range(HELD)], axis=0)):
            return True
    return False


def _labels(names: Sequence[str]) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """The names of the folders that hold the files, where there are two or more."""
    folders = [str(Path(name).parent.as_posix()) for name in names]
    known = tuple(sorted(set(folders)))
    if len(known) < 2:
        return None, ()
    return np.array([known.index(folder) for folder in folders]), known


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMED])
    return shown if len(names) <= NAMED else f"{shown} and {len(names) - NAMED:,} more"
