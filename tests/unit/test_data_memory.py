"""Memory while reading a large table, measured in a process of its own."""

import json
import subprocess
import sys

import pytest

MEASURE = """
import json, resource, sys
import numpy, pyarrow.csv, pyarrow.parquet
from pushforward.data import TableWriter, read_batches, read_table

def peak():  # MiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)

path = sys.argv[1]
found = {"start": peak()}
with TableWriter(path + ".parquet", [f"c{i}" for i in range(200)]) as writer:
    for batch in read_batches(path):
        writer.write(batch.values)
found["stream"] = peak()
found["data"] = read_table(path).values.nbytes / 2**20
found["table"] = peak()
read_table(path + ".parquet")
found["parquet"] = peak()
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def peaks(tmp_path_factory) -> dict[str, float]:
    """Peak memory after each step, for 100,000 rows of 200 columns."""
    path = tmp_path_factory.mktemp("memory") / "t.csv"
    line = ",".join(f"{i % 7}.5" for i in range(200)) + "\n"
    with path.open("w") as file:
        file.write(",".join(f"c{i}" for i in range(200)) + "\n")
        for _ in range(100):
            file.write(line * 1000)
    done = subprocess.run([sys.executable, "-c", MEASURE, str(path)], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def test_a_table_takes_less_than_three_times_its_size(peaks):
    assert peaks["table"] - peaks["start"] < 3 * peaks["data"]


def test_parquet_takes_less_than_three_times_its_size(peaks):
    assert peaks["parquet"] - peaks["start"] < 3 * peaks["data"]


def test_streaming_does_not_hold_the_table(peaks):
    assert peaks["stream"] - peaks["start"] < 1.5 * peaks["data"]
