"""Results on disk: one JSON line per fact, one file per run, named by day, device and commit."""

import contextlib
import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.adapters import LIBRARIES
from benchmarks.data import ROOT

RESULTS = ROOT / "benchmarks" / "results"

Record = dict[str, Any]


class Journal:
    """A file that grows by a line per record, so that a run that is stopped leaves what it has.

    Args:
        path: Where to write; None keeps the records in memory alone.
        go_on: Keep what the file holds, and add to it.
    """

    def __init__(self, path: Path | None, *, go_on: bool = False):
        self.path = path
        self.records: list[Record] = []
        if path is not None and go_on and path.exists():
            self.records = read(path)
        elif path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("")

    def write(self, record: Record) -> None:
        self.records.append(record)
        if self.path is not None:
            with self.path.open("a") as file:
                file.write(json.dumps(record) + "\n")


def append(name: str, records: Iterable[Record]) -> None:
    """Print each record, and add it to `results/name.jsonl` as soon as it is there."""
    with (RESULTS / f"{name}.jsonl").open("a") as file:
        for record in records:
            line = json.dumps(record)
            print(line, flush=True)
            file.write(line + "\n")
            file.flush()


def new_path(what: str, device: str, folder: Path = RESULTS) -> Path:
    """`2025-01-31-cases-cpu-2-cores-abc1234.jsonl`; a number is added when the file exists."""
    day = datetime.datetime.now(datetime.UTC).date().isoformat()
    stem = f"{day}-{what}-{device_label(device)}-{commit()[0]}"
    names = [f"{stem}.jsonl", *(f"{stem}-{n}.jsonl" for n in range(2, 1000))]
    return next(folder / name for name in names if not (folder / name).exists())


def read(path: Path) -> list[Record]:
    """All records of a file."""
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def stored(what: str, folder: Path = RESULTS) -> Iterator[tuple[Path, list[Record]]]:
    """The runs of one kind, newest first."""
    runs = [(path, read(path)) for path in folder.glob(f"*-{what}-*.jsonl")]
    runs = [(path, records) for path, records in runs if records and records[0].get("what") == what]
    yield from sorted(runs, key=lambda run: run[1][0]["started"], reverse=True)


def of_this_commit(what: str, folder: Path = RESULTS) -> Path | None:
    """The newest stored run of one kind on this device and commit."""
    here = commit()[0], device_label("cpu")
    found = (
        path for path, records in stored(what, folder) if (records[0]["commit"], records[0]["device_label"]) == here
    )
    return next(found, None)


def header(what: str, device: str, settings: dict[str, Any]) -> Record:
    """The first line of a file: what ran, where, on which code, under which load."""
    short, dirty = commit()
    return {
        "kind": "run",
        "what": what,
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "device": device,
        "device_label": device_label(device),
        "cpu": cpu_name(),
        "cores": cores(),
        "versions": versions(),
        "python": platform.python_version(),
        "commit": short,
        "uncommitted_changes": dirty,
        "load_average": os.getloadavg()[0],
        "settings": settings,
    }


def versions() -> dict[str, str]:
    """Of every package that takes part and is installed."""
    found = {}
    for name in sorted({name for packages in LIBRARIES.values() for name in packages}):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def footer(seconds: float) -> Record:
    """The last line of a file that was not cut short."""
    return {"kind": "end", "seconds": seconds, "load_average": os.getloadavg()[0]}


def commit() -> tuple[str, bool]:
    """Short commit of the checkout, and whether files that are tracked differ from it."""
    try:
        short = _git("rev-parse", "--short=7", "HEAD")
        return short or "nocommit", bool(_git("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.CalledProcessError):
        return "nocommit", True


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_name() -> str:
    """The processor's name as the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def device_label(device: str) -> str:
    """A name for files and for telling runs apart: `cpu-2-cores`, `gpu-nvidia-h200`."""
    if device == "cpu":
        return f"cpu-{cores()}-cores"
    try:
        query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        name = subprocess.run(query, capture_output=True, text=True, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        name = "unknown"
    return "gpu-" + "-".join(name.lower().split())
