"""`pushforward interpolate` of sound: clips between two clips."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pushforward._errors import UsageError
from pushforward.modalities._talk import Talk, plural
from pushforward.modalities._walk import between
from pushforward.modalities.sound._model import SoundModel
from pushforward.modalities.sound._read import read_for
from pushforward.modalities.sound._sample import write


def interpolate(model: SoundModel, sources: Sequence[str], target: Path, given: Mapping[str, Any], talk: Talk) -> None:
    """Clips on the way between two, as long as the shorter of them; the spectrogram is that of the first."""
    if len(sources) != 2:
        raise UsageError(f"needs two clips, got {len(sources)}.", "give A.wav B.wav behind the model")
    ends = [read_for(model.facts_, source, {}, talk).waves[0] for source in sources]
    shortest = min(map(len, ends))
    ends = [wave[:shortest] for wave in ends]
    latents = [model.encode(wave, given["label"]) for wave in ends]
    steps = between(latents[0], latents[1], np.linspace(0.0, 1.0, given["steps"]), given["path"])
    waves = model.decode(steps, len(latents[0]), given["label"], ends[0])
    write(list(waves), model.facts_.rate, model.facts_.bits, str(target))
    talk.say(f"wrote {plural(len(waves), 'clip')} to {target}")
