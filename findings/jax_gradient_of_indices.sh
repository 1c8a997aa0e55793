#!/usr/bin/env bash
# jax 0.10.2, CPU: the gradient of reading an array piece by piece with `x[i]` is made from arrays as large as the whole.
#
# Expected before it was run: XLA sees that the cotangents of x[0], x[1], ... lie side by side, and writes each number
# once, as it does for `lax.split`, which reads the same pieces.
# Seen, 9 pieces of 12 x 16,384 that are shifted and added up, as the places of a 3 x 3 kernel are: each of the nine
# cotangents is padded to the whole, and eight additions of whole arrays follow, in one loop over all numbers; 0.41 ms on
# two cores, and 0.25 ms by `lax.split`, whose cotangents are joined.
#
# Where it matters here: `nets.convolve` splits (design record 0070); by indices a seventh of a Glow's step went there.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "jax==0.10.2" "jaxlib==0.10.2" "numpy==2.4.6"
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PY'
import math
import re
import time

import jax
import jax.numpy as jnp

PIECES, ROWS, COLUMNS = 9, 12, 16_384
x, along = jnp.ones((PIECES, ROWS, COLUMNS)), jnp.arange(1.0 * COLUMNS)


def joined(pieces):
    return sum((along[: COLUMNS - i] * piece[:, i:]).sum() for i, piece in enumerate(pieces))


def by_index(x):
    return joined([x[i] for i in range(PIECES)])


def by_split(x):
    return joined(jax.lax.split(x.reshape(PIECES * ROWS, COLUMNS), [ROWS] * PIECES))


additions, spent = {}, {}
for f in (by_index, by_split):
    program = jax.jit(jax.grad(f)).lower(x).compile()
    shapes = re.findall(r"= f32\[([\d,]*)\]\S* add\(", program.as_text())
    sizes = [math.prod(int(size) for size in shape.split(",") if size) for shape in shapes]
    additions[f.__name__] = sum(size == x.size for size in sizes)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        jax.block_until_ready(program(x))
        times.append(time.perf_counter() - start)
    spent[f.__name__] = 1e3 * min(times)
    print(f"{f.__name__}: {additions[f.__name__]} additions of whole arrays, {spent[f.__name__]:.2f} ms")
assert additions["by_index"] >= PIECES - 1, "gradients of indices are joined now"
assert additions["by_split"] == 0, "gradients of a split are added up now"
print("unchanged")
PY
