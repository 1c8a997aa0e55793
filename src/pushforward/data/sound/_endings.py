"""Which files are sound, by their names."""

from pathlib import Path

ENDINGS = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".caf", ".w64", ".rf64")
"""Of files that libsndfile reads."""


def is_sound(path: Path) -> bool:
    """Whether the name of a file ends as sound does."""
    return path.suffix.lower() in ENDINGS
