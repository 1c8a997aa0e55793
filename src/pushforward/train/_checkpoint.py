"""A fit on disk, so that it can go on after Ctrl-C, `kill -9` or a power cut and end with the same bits."""

import dataclasses
import os
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pushforward._errors import FileError
from pushforward.io import read_arrays, write_arrays
from pushforward.train._devices import on_host
from pushforward.train._result import Epoch
from pushforward.train._run import Run
from pushforward.train._team import all_said, is_first

CHECKPOINT_SECONDS = 5.0  # at least between two writes
KIND = "pushforward.checkpoint"
NUMBERS = ("best_loss", "best_epoch", "start_loss", "stale", "setbacks", "forgiven", "cool_from", "seconds")
TREES = ("state", "frozen", "best")


class Checkpoint:
    """Writes a run to `path` now and then; without a path, and in all processes but the first, it does nothing."""

    def __init__(self, path: str | os.PathLike[str] | None, fingerprint: dict[str, Any]):
        self._path = None if path is None else Path(path)
        self.fingerprint = fingerprint
        self._written = time.monotonic()

    def exists(self) -> bool:
        """Whether there is something to resume from."""
        return self._path is not None and self._path.exists()

    def keep(self, run: Run, *, now: bool = False) -> None:
        """Write if the last time is a while ago, or at once; a failure becomes an event, so that training goes on."""
        due = now or time.monotonic() - self._written >= CHECKPOINT_SECONDS
        if not (all_said(due)[0, 0] if self._asks_all(run) else due):
            return
        try:
            self.write(run)
        except FileError as error:
            event = f"no checkpoint was written: {error.message}"
            run.events += [event] if event not in run.events else []
            self._written = time.monotonic()

    def write(self, run: Run) -> None:
        """Replace the file by the present state of the run.

        Raises:
            FileError: If it cannot be written.
        """
        if self._path is None or not (is_first() or self._asks_all(run)):
            return
        arrays = _to_arrays(run)
        if not is_first():
            self._written = time.monotonic()
            return
        metadata = {"kind": KIND, "fingerprint": self.fingerprint, "events": run.events, "stopped": run.stopped}
        metadata["metrics"] = sorted(run.state.sums.metrics)
        write_arrays(self._path, arrays, metadata)
        self._written = time.monotonic()

    def read(self, run: Run) -> Run:
        """The run in the file; `run` is a fresh one of the same structure.

        Raises:
            FileError: If the file is not a checkpoint of this fit.
        """
        if self._path is None:
            return run
        try:
            arrays, metadata = read_arrays(self._path)
        except FileError as error:
            raise FileError(
                error.message,
                "Start anew without resume=True (shell: without --resume), or with another path as checkpoint.",
            ) from None
        if metadata.get("kind") != KIND:
            raise FileError(
                f"{self._path} is not a checkpoint of `fit`.", "A saved flow is opened with `pushforward.load`."
            )
        differing = [name for name, value in self.fingerprint.items() if metadata["fingerprint"].get(name) != value]
        if differing:
            raise FileError(
                f"{self._path} belongs to another fit: {', '.join(differing)} changed.",
                "Resume with the same data, key and settings, or start again with another path.",
            )
        return _from_arrays(run, arrays, metadata)

    def _asks_all(self, run: Run) -> bool:
        """Whether some of the run's arrays lie in other processes, so that all of them write together."""
        leaves = jax.tree.leaves(run.state.params) if self._path is not None else []
        return (
            any(isinstance(leaf, jax.Array) and not leaf.is_fully_replicated for leaf in leaves)
            and jax.process_count() > 1
        )

    def how_to_resume(self) -> str:
        """One sentence."""
        if self._path is None:
            return "Nothing is kept; give `checkpoint=` a path to be able to resume."
        return f"Run the same fit with resume=True (shell: --resume) to go on from {self._path}."


def _to_arrays(run: Run) -> dict[str, np.ndarray]:
    trees = {name: getattr(run, name) for name in TREES}
    leaves = jax.tree_util.tree_leaves_with_path(jax.device_get(on_host(trees)))
    arrays = {jax.tree_util.keystr(path, simple=True, separator="/"): np.asarray(leaf) for path, leaf in leaves}
    arrays |= {f"run/{name}": np.asarray(getattr(run, name), np.float64) for name in NUMBERS}
    return arrays | {f"history/{name}": column for name, column in _columns(run.history).items()}


def _from_arrays(run: Run, arrays: dict[str, np.ndarray], metadata: dict[str, Any]) -> Run:
    def stored(path: tuple[Any, ...], leaf: Any) -> Any:
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        if name not in arrays or arrays[name].shape != leaf.shape:
            raise FileError(
                f"The checkpoint does not fit this flow or optimizer: {name} has another shape or is missing.",
                "Build the flow and the optimizer with the same settings as before.",
            )
        return jnp.asarray(arrays[name], leaf.dtype)

    trees = jax.tree_util.tree_map_with_path(stored, {name: getattr(run, name) for name in TREES})
    numbers = {name: type(getattr(run, name))(arrays[f"run/{name}"]) for name in NUMBERS}
    history = _epochs({name[8:]: column for name, column in arrays.items() if name.startswith("history/")})
    return dataclasses.replace(run, **trees, **numbers, history=history, events=list(metadata["events"]))


def _columns(history: list[Epoch]) -> dict[str, np.ndarray]:
    columns = {
        field.name: [getattr(epoch, field.name) for epoch in history]
        for field in dataclasses.fields(Epoch)
        if field.name != "metrics"
    }
    if history and history[0].validation is None:
        del columns["validation"]
    metrics = sorted(history[0].metrics) if history else []
    columns |= {f"metrics.{name}": [epoch.metrics[name] for epoch in history] for name in metrics}
    return {name: np.asarray(values, np.float64) for name, values in columns.items()}


def _epochs(columns: dict[str, np.ndarray]) -> list[Epoch]:
    plain = {name: column for name, column in columns.items() if not name.startswith("metrics.")}
    metrics = {name[8:]: column for name, column in columns.items() if name.startswith("metrics.")}
    return [
        _epoch({name: column[row] for name, column in plain.items()}, {n: float(c[row]) for n, c in metrics.items()})
        for row in range(len(columns["number"]))
    ]


def _epoch(values: dict[str, np.float64], metrics: dict[str, float]) -> Epoch:
    fields: dict[str, Any] = {"validation": None}
    fields |= {name: int(value) if name in ("number", "skipped") else float(value) for name, value in values.items()}
    return Epoch(**fields, metrics=metrics)
