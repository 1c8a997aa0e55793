"""`pushforward sample` of sound: one file, a folder of files, or an array."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pushforward._errors import UsageError
from pushforward.data.sound._endings import ENDINGS
from pushforward.data.sound._write import write_clip
from pushforward.modalities._talk import Talk, plural
from pushforward.modalities.sound._model import SoundModel
from pushforward.modalities.sound._read import read_for


def sample(
    model: SoundModel,
    count: int | None,
    target: str,
    given: Mapping[str, Any],
    *,
    temperature: float,
    seed: int,
    talk: Talk,
) -> None:
    """New clips, or one for each clip of `--like`."""
    if target == "-":
        raise UsageError("sound cannot go to standard output.", "give -o out.wav, -o folder/ or -o samples.npz")
    facts = model.facts_
    length = None if given["seconds"] is None else max(round(given["seconds"] * facts.rate), 1)
    how = {"length": length, "match": given["match"]}
    likes: tuple[np.ndarray | None, ...] = (None,)
    if given["like"] is not None:
        likes = read_for(facts, given["like"], {}, talk).waves
    waves = [
        wave
        for number, like in enumerate(likes)
        for wave in model.sample(count or 1, seed + number, temperature, given["label"], like=like, **how)
    ]
    write(waves, facts.rate, facts.bits, target)
    talk.say(f"wrote {plural(len(waves), 'clip')} of {sum(map(len, waves)) / facts.rate:.2f} s in all to {target}")


def write(waves: list[np.ndarray], rate: int, bits: int, target: str) -> None:
    """Clips to a file, a folder or an array.

    Raises:
        UsageError: If several clips would go to one file.
    """
    path = Path(target)
    if path.suffix == ".npz":
        np.savez_compressed(path, audio=np.concatenate(waves), length=np.array([*map(len, waves)]), rate=rate)
        return
    if path.suffix.lower() in ENDINGS and not target.endswith("/"):
        if len(waves) > 1:
            raise UsageError(f"{len(waves)} clips do not go to one file.", f"give a folder, -o {path.stem}/")
        write_clip(path, waves[0], rate, bits)
        return
    if path.suffix and not target.endswith("/"):
        raise UsageError(
            f"{target}: not a kind of file that sound goes to.", "give -o out.wav, .flac, .ogg or a folder/"
        )
    for number, wave in enumerate(waves):
        write_clip(path / f"{number:05}.wav", wave, rate, bits)
