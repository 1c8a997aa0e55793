"""Long clips: memory and seconds of scoring and drawing 6, 30 and 60 minutes of sound, each in a process of its own.

Run `python -m benchmarks.sound.long [--minutes 6,30,60]`; it adds a record for each to results/long_sound.jsonl. A
small WaveGlow at 8,000 samples a second; the clip is noise in a WAV file. Memory is the highest resident set of the
process.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from benchmarks.harness.records import ROOT, Record, append

RATE = 8000
WORK = """
import json, resource, sys, time
import numpy as np, soundfile
import pushforward as pf

what, minutes, folder = sys.argv[1], float(sys.argv[2]), sys.argv[3]
count = int(minutes * 60 * 8000)
rng = np.random.default_rng(0)
first = pf.data.Clips((rng.integers(-3000, 3000, 8192).astype(np.int16),), 8000)
small = {"num_flows": 4, "width": 16, "depth": 4}
how = {"length": 2048, "max_epochs": 1, "validation": None, "random_state": 0}
model = pf.SoundDensity("waveglow", options=small, **how).fit(first)
path = f"{folder}/clip.wav"
if what == "score":
    with soundfile.SoundFile(path, "w", 8000, 1, "PCM_16") as file:
        for start in range(0, count, 2**20):
            file.write(rng.integers(-3000, 3000, min(2**20, count - start)).astype(np.int16))
start = time.perf_counter()
if what == "score":
    found = model.score_clips(pf.data.read_clips(path)).nats_per_sample
else:
    found = model.sample(1, 0, length=count).std(axis=1, dtype=float)
spent = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": round(spent, 1), "peak_mib": round(peak), "found": round(float(found[0]), 4)}))
"""


def records(minutes: list[float]) -> Iterator[Record]:
    """One for each task and length."""
    for what in ("score", "sample"):
        for length in minutes:
            with tempfile.TemporaryDirectory() as folder:
                asked = [sys.executable, "-c", WORK, what, str(length), folder]
                done = subprocess.run(asked, check=True, capture_output=True, text=True, cwd=ROOT)
            found = json.loads(done.stdout.splitlines()[-1])
            rate = round(length * 60 * RATE / found["seconds"])
            yield {"figure": "long sound", "task": what, "minutes": length, "samples_a_second": rate} | found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", default="6,30,60")
    given = parser.parse_args()
    append("long_sound", records([float(part) for part in given.minutes.split(",")]))


if __name__ == "__main__":
    main()
