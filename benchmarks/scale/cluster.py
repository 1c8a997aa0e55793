"""Rows scored by one and by two processes of a Dask cluster on this machine.

Run `python -m benchmarks.scale.cluster [--rows 10000000] [--workers 1,2]`; it adds a record for each number of workers
to results/cluster.jsonl. Rows of 8 columns lie in 16 files of Parquet, the model is a small spline flow, and each
partition goes through `score_batch`. Every worker has one thread and a core of its own, which it is bound to before it
imports JAX: two workers have twice the machine of one. Seconds are those of a second pass, after one that compiles.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from pyarrow import parquet

import pushforward as pf
from benchmarks.harness.records import Record, append
from benchmarks.scale.readers import COLUMNS, write_rows

FITTED = 2000


def bind(rank: int) -> None:
    """A worker that begins has this core alone."""
    os.sched_setaffinity(0, {rank})


def seconds_of(folder: Path, model: Any, workers: int) -> tuple[float, float, int]:
    """Of a pass over all rows, with the mean score and their number."""
    import dask.dataframe as dd
    from dask.base import compute
    from dask.distributed import Client, LocalCluster

    def score(part: Any) -> Any:
        return pd.Series(model.score_batch(part).to_numpy(zero_copy_only=False), part.index)

    alone: Any = {"dashboard_address": None}
    started = LocalCluster(n_workers=workers, threads_per_worker=1, **alone)
    with started as cluster, Client(cluster) as client:
        for rank, address in enumerate(client.scheduler_info(n_workers=-1)["workers"]):
            client.run(bind, rank, workers=[address])
        scores = dd.read_parquet(folder).map_partitions(score, meta=("score", "f8"))
        scores.sum().compute()
        start = time.perf_counter()
        total, count = compute(scores.sum(), scores.count())
        return time.perf_counter() - start, float(total / count), int(count)


def records(rows: int, workers: list[int]) -> Iterator[Record]:
    """One for each number of workers."""
    with tempfile.TemporaryDirectory() as name:
        write_rows(Path(name), rows)
        table = parquet.read_table(Path(name) / "00.parquet").slice(0, FITTED).to_pandas()
        assert table.shape[1] == COLUMNS
        options = {"num_layers": 2, "width": 32}
        model = pf.FlowDensity("nsf", options=options, max_epochs=5, background=False, random_state=0).fit(table)
        first = None
        for count in workers:
            seconds, mean, scored = seconds_of(Path(name), model, count)
            first = first or seconds
            yield {
                "rows": scored,
                "workers": count,
                "seconds": round(seconds, 1),
                "rows_per_second": round(scored / seconds),
                "times_first": round(first / seconds, 2),
                "mean_score": round(mean, 6),
                "load": round(os.getloadavg()[0], 1),
            }


def main() -> None:
    """Write, score, store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--workers", default="1,2")
    given = parser.parse_args()
    append("cluster", records(given.rows, [int(count) for count in given.workers.split(",")]))


if __name__ == "__main__":
    main()
