"""Fits of several processes, which `jax.distributed` has made one program of (design record 0051)."""

import atexit
import json
import os
import sys
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import jax
import jaxlib.version
import numpy as np

from pushforward._errors import DataError, PushforwardError, TrainingError
from pushforward._version import __version__

SECONDS_TO_TELL = 2.0
"""In which processes that are alive say so, after one was lost."""
LOST = ("gloo", "nccl", "mpi_", "connection reset", "connection refused", "coordination service", "socket closed")
"""Words of errors of a collective whose other side is gone."""


def is_first() -> bool:
    """Whether this process writes and reports."""
    return jax.process_index() == 0


def all_said(*numbers: int) -> np.ndarray:
    """What every process says, `(processes, numbers)`; all of them have to ask."""
    said = np.array(numbers, np.int64).astype(np.uint32).view(np.int32)
    if jax.process_count() == 1:
        return said[None]
    from jax.experimental import multihost_utils

    return np.asarray(multihost_utils.process_allgather(said))


def require_same(facts: Mapping[str, Any]) -> None:
    """Compare what must be the same in all processes before anything is computed together.

    Raises:
        DataError: If something differs, with its name and the processes that differ from the first.
    """
    if jax.process_count() == 1:
        return
    facts = {**facts, "versions": [jax.__version__, jaxlib.version.__version__, np.__version__, __version__]}
    said = all_said(*(zlib.crc32(json.dumps(value, default=str).encode()) for value in facts.values()))
    differs = said != said[:1]
    if differs.any():
        names = ", ".join(name for name, column in zip(facts, differs.T, strict=True) if column.any())
        who = ", ".join(map(str, np.flatnonzero(differs.any(axis=1))))
        raise DataError(
            f"fit: process {who} of {len(said)} is not asked for the same as process 0: {names} differ.",
            "Give all processes the same data, flow, settings, key, checkpoint and versions.",
        )


@contextmanager
def ending_together() -> Iterator[None]:
    """What ends one process ends the others with a sentence, instead of a wait for it.

    Raises:
        TrainingError: Where another process ended, with its number and its last words.
    """
    try:
        yield
    except Exception as error:
        if jax.process_count() == 1:
            raise
        # JAX would wait at the end of this process for the others, and they wait for this one.
        atexit.register(_leave)
        if isinstance(error, PushforwardError) or not any(word in str(error).lower() for word in LOST):
            say_last_words(error)
            raise
        raise TrainingError(
            f"Training ended because {_who_ended()}.",
            "See what that process wrote, then start all of them again with `resume=True` (shell: --resume); their "
            "number may be another.",
        ) from error


def say_last_words(error: BaseException) -> None:
    """Leave to the other processes why this one ends."""
    name = f"pushforward/failed/{jax.process_index()}"
    with suppress(Exception):  # whatever the client raises when the process that hosts it is gone
        _client().key_value_set(name, f"{type(error).__name__}: {error}", allow_overwrite=True)


def _who_ended() -> str:
    me = jax.process_index()
    try:
        client = _client()
        client.key_value_set(f"pushforward/alive/{me}", "yes", allow_overwrite=True)
        time.sleep(SECONDS_TO_TELL)
        failed, alive = ({_number(name): text for name, text in client.key_value_dir_get(f"pushforward/{kind}")}
                         for kind in ("failed", "alive"))  # fmt: skip
    except Exception:  # whatever the client raises when the process that hosts it is gone
        return "process 0, which the others find each other by, ended"
    if failed:
        return "; ".join(f"process {number} failed ({text})" for number, text in sorted(failed.items()))
    gone = [number for number in range(jax.process_count()) if number not in alive and number != me]
    named = ", ".join(map(str, gone))
    return f"process {named} ended without a word: killed, or its machine is gone" if gone else "a connection broke"


def _number(name: str) -> int:
    return int(name.rpartition("/")[2])


def _client() -> Any:
    from jax._src.distributed import global_state  # JAX has no public name for it

    return global_state.client


def _leave() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    if is_first():
        # The others find each other by this process, and are ended without a word when it is gone.
        time.sleep(SECONDS_TO_TELL)
    os._exit(1)
