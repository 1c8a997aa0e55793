"""How the process ends."""

import contextlib
import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn


def end_with(run: Callable[[], Any]) -> NoReturn:
    """Run, then end the process at once with the exit code that `run` exits with.

    Python's own way out destroys what is left in memory, while threads of Arrow may still hold files that Python
    opened; now and then one of them ends the process by an abort.
    """
    code: Any = 0
    try:
        run()
    except SystemExit as end:
        code = end.code
    for stream in (sys.stdout, sys.stderr):
        # What could not be written has been told by `run`.
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))
