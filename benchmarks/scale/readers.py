"""Fits to files of Parquet by one and two processes: memory, waiting, rows a second, and what a killed process costs.

`python -m benchmarks.scale.readers [--rows=10000000] [--processes=1,2]` writes rows of 8 columns into a temporary
folder and trains a small MAF for one epoch. Memory is what a process holds by itself at its peak (`RssAnon`
of Linux), less what it held when its program was compiled. `--threads` binds each process to so many cores.

`--kill=20` kills one of two processes at a random moment so many times, goes on with two and with one in turn, and
compares the losses with those of a fit that was left alone.
"""

import argparse
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from benchmarks.harness.records import Record, append
from benchmarks.speed.streaming import anonymous

COLUMNS, FILES, GROUP = 8, 16, 100_000
MOST_LATER = 12.0
"""Seconds after its first checkpoint within which a process is killed."""


def write_rows(folder: Path, rows: int, group: int = GROUP) -> None:
    """Correlated columns, a file at a time."""
    import pyarrow as pa
    from pyarrow import parquet

    for file, count in enumerate(np.diff(rows * np.arange(FILES + 1) // FILES)):
        rng = np.random.default_rng(file)
        x = rng.normal(size=(count, COLUMNS)) @ np.tri(COLUMNS) / 3
        table = pa.table({f"x{i}": column for i, column in enumerate((x + 0.3 * np.roll(x, 1, 1) ** 2).T)})
        parquet.write_table(table, folder / f"{file:02}.parquet", row_group_size=group, compression="snappy")


def one(options: argparse.Namespace) -> None:
    """A process of a fit; says what it needed, in a line of JSON."""
    if options.threads:
        first = options.rank * options.threads
        os.sched_setaffinity(0, range(first, first + options.threads))
    import jax

    if options.count > 1:
        jax.distributed.initialize(f"127.0.0.1:{options.port}", options.count, options.rank)
    if options.x64:
        jax.config.update("jax_enable_x64", True)
    import pushforward as pf
    from pushforward.train.reading._source import FileSource

    sources: list[FileSource] = []
    feed = FileSource.feed

    def noted(self, key, step):
        sources[:] = [self]
        return feed(self, key, step)

    FileSource.feed = noted
    rows = pf.data.ParquetRows(options.folder, window=options.window or None)
    flow = pf.flows.maf(COLUMNS, num_layers=2, width=32, key=jax.random.key(0))
    how = {"batch_size": options.batch, "progress": False, "patience": None, "key": jax.random.key(1)}
    if options.checkpoint:
        how |= {"checkpoint": options.checkpoint, "resume": True}
    else:
        small = pf.data.moons(4 * options.batch) @ np.ones((2, COLUMNS)) + np.random.default_rng(0).normal(
            size=(4 * options.batch, COLUMNS)
        )
        pf.fit(flow, small, max_epochs=1, **how)
    start, peak, done = anonymous(), [anonymous()], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            peak[0] = max(peak[0], anonymous())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    begin = time.perf_counter()
    result = pf.fit(flow, rows, max_epochs=options.epochs, **how)
    seconds = time.perf_counter() - begin
    done.set()
    watcher.join()
    epochs = sum(epoch.seconds for epoch in result.history)
    print(json.dumps({
        "rows": rows.num_rows,
        "seconds": round(seconds, 2),
        "epoch_seconds": round(epochs, 2),
        "rows_per_second": round(options.epochs * rows.num_rows / epochs),
        "waited_share": round(sources[0].waited / epochs, 4),
        "peak_megabytes": round(peak[0] - start),
        "validation": [epoch.validation for epoch in result.history],
        "train": [epoch.train for epoch in result.history],
    }))  # fmt: skip


def started(folder: str, count: int, *more: str) -> list[subprocess.Popen]:
    """The processes of a fit."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "benchmarks.scale.readers",
        "--one",
        f"--folder={folder}",
        f"--count={count}",
        f"--port={port}",
    ]
    return [
        subprocess.Popen([*command, f"--rank={rank}", *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for rank in range(count)
    ]


def told(processes: list[subprocess.Popen]) -> list[Record]:
    """What they said in the end."""
    ended = [process.communicate() for process in processes]
    for process, (_, said) in zip(processes, ended, strict=True):
        if process.returncode:
            raise RuntimeError(said)
    return [json.loads(out.splitlines()[-1]) for out, _ in ended]


def measured(folder: str, count: int, options: argparse.Namespace) -> Record:
    """One fit by so many processes: the worst of their memories and waits."""
    load = os.getloadavg()[0]
    found = told(
        started(folder, count, f"--threads={options.threads}", f"--batch={options.batch}", f"--window={options.window}")
    )
    first = found[0]
    worst = {name: max(each[name] for each in found) for name in ("peak_megabytes", "waited_share")}
    kept = {name: first[name] for name in ("rows", "seconds", "epoch_seconds", "rows_per_second", "validation")}
    return {
        "what": "epoch",
        "processes": count,
        "threads": options.threads,
        "batch": options.batch,
        **kept,
        **worst,
        "load": load,
    }


def killed(folder: str, times: int) -> Record:
    """One of two processes is killed at a random moment, again and again; the losses of those who go on."""
    same = ("--batch=512", "--epochs=6", "--x64=1", "--window=40000")
    with tempfile.TemporaryDirectory() as other:
        whole = told(started(folder, 2, *same, f"--checkpoint={other}/c.safetensors"))[0]
    random.seed(0)
    worst, survivors = 0.0, 0
    for number in range(times):
        with tempfile.TemporaryDirectory() as other:
            file = f"--checkpoint={other}/c.safetensors"
            both = started(folder, 2, *same, file)
            while not os.path.exists(f"{other}/c.safetensors") and both[0].poll() is None:
                time.sleep(0.05)
            time.sleep(random.random() * MOST_LATER)
            chosen = random.randrange(2)
            both[chosen].kill()
            ends = [process.communicate()[1] for process in both]
            survivors += "ended" in ends[1 - chosen]
            again = told(started(folder, 2 - number % 2, *same, file))[0]
            gap = max(np.abs(np.subtract(again[name], whole[name])).max() for name in ("train", "validation"))
            worst = max(worst, float(gap))
            print(number, "killed", chosen, "gap", gap, flush=True)
    return {"what": "kill", "times": times, "epochs": 6, "largest_gap_of_losses": worst, "named": survivors}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--processes", default="2")
    for name, default in (("threads", 0), ("batch", 4096), ("window", 0), ("kill", 0), ("epochs", 1), ("x64", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    for name, default in (("rank", 0), ("count", 1), ("port", 0)):
        parser.add_argument(f"--{name}", type=int, default=default, help=argparse.SUPPRESS)
    for name in ("folder", "checkpoint"):
        parser.add_argument(f"--{name}", default="", help=argparse.SUPPRESS)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        return one(options)
    with tempfile.TemporaryDirectory() as folder:
        write_rows(Path(folder), 200_000 if options.kill else options.rows, 5_000 if options.kill else GROUP)
        if options.kill:
            return append("readers", [killed(folder, options.kill)])
        append("readers", (measured(folder, int(count), options) for count in options.processes.split(",")))


if __name__ == "__main__":
    main()
