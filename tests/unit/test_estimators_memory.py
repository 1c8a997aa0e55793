"""Memory of a large fit, in a process of its own."""

import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
import numpy as np
import pushforward as pf

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

def use(rows):
    x = np.random.default_rng(0).standard_normal((rows, 200))
    density = pf.FlowDensity("affine", max_epochs=1, random_state=0).fit(x)
    density.score_samples(x)
    for chunk in density.iter_samples(rows, random_state=0):
        pass
    return x.nbytes

use(1000)
before = peak()
print((use(100_000)), peak() - before)
"""


@pytest.mark.slow
def test_100_000_rows_of_200_columns_need_at_most_three_times_their_size():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=240, check=True)
    size, used = map(int, done.stdout.split())
    assert size == 160_000_000
    assert used <= 3 * size
