"""Print those of the given XLA flags that this jaxlib knows: XLA ends any process that is given another.

python tests/xla_flags.py --xla_backend_optimization_level=0 --xla_of_another_release=false
"""

import os
import subprocess
import sys

# Parses XLA_FLAGS, in half a second: without JAX and without a device.
_PARSE = "from jaxlib.xla_client import CompileOptions; CompileOptions()"


def known(flag: str) -> bool:
    """Whether a process of its own lives through the flag."""
    environment = os.environ | {"XLA_FLAGS": flag}
    return subprocess.run([sys.executable, "-c", _PARSE], env=environment, stderr=subprocess.DEVNULL).returncode == 0


if __name__ == "__main__":
    print(*filter(known, sys.argv[1:]))
