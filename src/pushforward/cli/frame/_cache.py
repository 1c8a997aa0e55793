"""Where compiled programs are kept between runs."""

import os
from pathlib import Path


def cache_folder() -> Path | None:
    """The folder for compiled programs: `$PUSHFORWARD_CACHE/jax`, or one in the user's cache; None to keep none."""
    chosen = os.environ.get("PUSHFORWARD_CACHE")
    if chosen == "":
        return None
    if chosen is not None:
        return Path(chosen).expanduser() / "jax"
    user = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(user) / "pushforward" / "jax"


def use_compilation_cache() -> None:
    """Tell JAX to keep what it compiles, however short; what the user set for JAX goes first.

    It works through the environment, because importing JAX only for this would make every command slower.
    """
    folder = cache_folder()
    if folder is None:
        return
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(folder))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
