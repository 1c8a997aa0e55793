"""The page on training loops runs on several devices too."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUN = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_code_blocks import blocks, is_run, run
import jax
assert jax.device_count() == 4
page, names = Path(sys.argv[1]), {"__name__": "__main__"}
for block in blocks(page.read_text("utf-8")):
    if is_run(block):
        run(block, page, names)
print(names["params"].bijection)
"""


@pytest.mark.slow
def test_the_page_runs_on_four_devices(tmp_path: Path):
    arguments = [sys.executable, "-c", RUN, str(ROOT / "docs" / "training-loop.md"), str(ROOT / "tests" / "docs")]
    environment = os.environ | {"JAX_NUM_CPU_DEVICES": "4"}
    done = subprocess.run(arguments, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-4000:]
