"""Long series: memory and seconds of scoring, and of cutting windows to learn from, each in a process of its own.

Run `python -m benchmarks.series.long [--millions 0.1,1,10]`; it adds a record for each to results/series.jsonl. One
series of noise, held in memory as float64; the flow is small and not trained. Memory is the highest resident set of
the process above what it has before the work begins, with the series, its times and what is missing in it.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator

from benchmarks.harness.records import ROOT, Record, append

WORK = """
import json, resource, sys, time
import jax, numpy as np
import pushforward as pf
from pushforward.data.series._grid import Grid
from pushforward.data.series._series import Item, SeriesData
from pushforward.modalities.series._facts import SeriesFacts
from pushforward.modalities.series._prepare import prepare
from pushforward.modalities.series._score import step_scores
from pushforward.modalities.series._settings import SeriesSettings

what, count = sys.argv[1], int(float(sys.argv[2]) * 1e6)
rows = np.arange(count)
values = np.random.default_rng(0).normal(size=(count, 1))
item = Item("", rows.astype(float), values, np.zeros((count, 0)), rows)
data = SeriesData(("x",), (item,), Grid("number", 1.0), "t", None)
small = {"width": 8, "encoder_width": 8, "num_layers": 1, "scaling": "none"}
facts = SeriesFacts.of(data, calendar=False)
flow = pf.flows.tempflow(1, horizon=24, context=24, **small, key=jax.random.key(0))
step_scores(flow, facts, item.part(0, 50_000))
item.filled
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
if what == "score":
    found = float(np.nanmean(step_scores(flow, facts, item)))
else:
    settings = SeriesSettings(horizon=24, options=small, validation=0.1)
    found = len(prepare(data, settings, jax.random.key(0)).x)
spent = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
told = {"seconds": round(spent, 1), "mib_before": round(before / 1024), "mib_more": round((peak - before) / 1024)}
print(json.dumps(told | {"found": round(found, 4)}))
"""


def records(millions: list[str]) -> Iterator[Record]:
    """One for each task and length."""
    for what in ("score", "windows"):
        for length in millions:
            asked = [sys.executable, "-c", WORK, what, length]
            done = subprocess.run(asked, check=True, capture_output=True, text=True, cwd=ROOT)
            found = json.loads(done.stdout.splitlines()[-1])
            yield {"figure": "long series", "task": what, "million_steps": float(length)} | found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--millions", default="0.1,1,10")
    append("series", records(parser.parse_args().millions.split(",")))
