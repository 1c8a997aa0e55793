"""Clips of sound to files, through libsndfile."""

from pathlib import Path

import numpy as np

from pushforward._errors import DataError, FileError
from pushforward.data.sound._audio import needs_soundfile


def write_clip(path: Path, wave: np.ndarray, rate: int, bits: int = 16) -> None:
    """One clip to a file, whose ending says of which kind: WAV of 8 bits or less in bytes, else of 16 bits.

    Args:
        path: Folders that do not exist are made.
        wave: `(samples,)` whole numbers of type int16.
        rate: Samples a second.
        bits: Of a sample.

    Raises:
        DataError: If libsndfile does not write such files.
        FileError: If it cannot be written.
    """
    soundfile = needs_soundfile(str(path))
    kind = path.suffix[1:].upper()
    kind = {"AIF": "AIFF", "OGA": "OGG", "OPUS": "OGG"}.get(kind, kind)
    coding = "PCM_U8" if bits <= 8 and kind == "WAV" else None
    values = (wave.astype(np.int32) << (16 - bits)).astype(np.int16)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(str(path), values, rate, format=kind, subtype=coding)
    except (ValueError, TypeError) as error:
        raise DataError(
            f"{path}: not a kind of file that sound goes to ({error}).", "give .wav, .flac or .ogg"
        ) from None
    except (OSError, soundfile.LibsndfileError) as error:
        raise FileError(f"{path}: cannot be written ({error})", "give another place") from None
