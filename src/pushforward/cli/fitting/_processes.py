"""`pushforward fit --distributed`: one of several processes of a cluster."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import jax

from pushforward.cli.frame._failures import WrongUsage
from pushforward.train._team import say_last_words

SECONDS_TO_END = 3.0
"""That the first process waits after a failure: without it the others are ended before they can say anything."""


@contextmanager
def joined() -> Iterator[bool]:
    """Find the other processes, as JAX does, and wait for them at the end; gives whether this is the first.

    Raises:
        WrongUsage: If there is nothing to find them by.
    """
    try:
        jax.distributed.initialize()
    except (ValueError, RuntimeError) as error:
        raise WrongUsage(
            f"--distributed: the other processes are not found ({str(error).strip().splitlines()[0]})",
            "start all of them by `srun`, `mpirun` or Kubernetes, or leave --distributed out",
        ) from None
    first = jax.process_index() == 0
    try:
        _connect()
        yield first
    except BaseException as error:
        say_last_words(error)
        if first:
            time.sleep(SECONDS_TO_END)
        raise
    jax.distributed.shutdown()


def _connect() -> None:
    """Make the connections now, while what gloo says of them on standard output goes to standard error."""
    from jax.experimental import multihost_utils

    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        multihost_utils.sync_global_devices("pushforward")
    finally:
        os.dup2(kept, 1)
        os.close(kept)
