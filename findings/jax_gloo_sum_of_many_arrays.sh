#!/usr/bin/env bash
# jax 0.10.2, CPU, two processes (gloo): one all-reduce of many arrays is as many exchanges, one after another.
#
# Expected before it was run: XLA joins the sums of a gradient's arrays over devices to one operation so that the
# processes exchange one message; 48 arrays of 256 numbers take about as long as one array of 12,288.
# Seen: the compiled program has one all-reduce with 48 operands, and its CPU runtime sums up each by an exchange of its
# own: 10 ms on two cores, which is several times what the rest of a step of a small model takes. The same numbers as one
# array take 0.2 ms.
#
# Where it matters here: a fit in several processes sums up loss and gradients as one array (design record 0073); with
# batches of 4,096 it takes 2 to 6 times as many rows a second as before.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "jax==0.10.2" "jaxlib==0.10.2" "numpy==2.4.6"
cat > "$folder/sums.py" <<'PY'
import re
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

ARRAYS, SIZE, SUMS = 48, 256, 100
jax.config.update("jax_cpu_collectives_implementation", "gloo")
jax.distributed.initialize(sys.argv[1], num_processes=2, process_id=int(sys.argv[2]))
mesh = Mesh(np.array(jax.devices()), ("rows",))
whole = NamedSharding(mesh, PartitionSpec())


def timed(arrays):
    def repeated(arrays):
        def once(_, arrays):
            return [array / 2 for array in jax.lax.psum(arrays, "rows")]

        return jax.lax.fori_loop(0, SUMS, once, arrays)

    program = jax.jit(
        jax.shard_map(repeated, mesh=mesh, in_specs=PartitionSpec(), out_specs=PartitionSpec(), check_vma=False)
    ).lower(arrays).compile()
    operations = len(re.findall(r" all-reduce\(", program.as_text()))
    times = []
    for _ in range(5):
        start = time.perf_counter()
        jax.block_until_ready(program(arrays))
        times.append((time.perf_counter() - start) / SUMS)
    return operations, 1e3 * min(times)


def ones(size):
    return jax.make_array_from_callback((size,), whole, lambda index: np.ones(size, np.float32)[index])


many, one = timed([ones(SIZE) for _ in range(ARRAYS)]), timed([ones(SIZE * ARRAYS)])
if jax.process_index() == 0:
    print(f"{ARRAYS} arrays: {many[0]} all-reduce, {many[1]:.2f} ms; one array: {one[0]} all-reduce, {one[1]:.2f} ms")
    assert many[0] == one[0] == 1, "the program has other sums now"
    assert many[1] > 3 * one[1], "many arrays are summed as fast as one now"
    print("unchanged")
PY
port=$("$folder/venv/bin/python" -c "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])")
export JAX_PLATFORMS=cpu
"$folder/venv/bin/python" "$folder/sums.py" "127.0.0.1:$port" 1 &
"$folder/venv/bin/python" "$folder/sums.py" "127.0.0.1:$port" 0
wait
