#!/usr/bin/env bash
# jax 0.10.2, CPU: the gradient of `jnp.clip` divides twice by 1 or 2, and takes arrays for what could be a mask.
#
# Expected before it was run: the gradient of clipping is a comparison of each number with the two ends, as that of
# `lax.clamp` is, and XLA makes no more of it.
# Seen: `jnp.clip` is a maximum and a minimum, whose derivatives are 1, 0, or 1/2 where both arguments are equal, written
# as quotients. XLA does not compute a division twice, so each gets a loop and an array. With the shares of 8 bins of
# 22,016 splines clipped before their softmax, value and gradient take 6 divisions in 21 loops and 5.3 MB beside the
# results; by `lax.clamp` 4 in 17, 2.4 MB, and a sixth less time. Inside and outside the gradients are equal; on the very
# end `jnp.clip` has half of the slope and `lax.clamp` none.
#
# Where it matters here: raw numbers of splines were clipped so; with `lax.clamp` a step of a spline flow takes a tenth
# less, and its first call a fifth less (design record 0072).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "jax==0.10.2" "jaxlib==0.10.2" "numpy==2.4.6"
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PY'
import re
import time

import jax
import jax.numpy as jnp

BINS, POINTS, END = 8, 43 * 512, 40.0
raw, places = jax.random.normal(jax.random.key(0), (2, BINS, POINTS)), jnp.full(POINTS, 0.4)


def summed(weights, parts):
    return jnp.tensordot(weights, parts, 1, precision="highest")


def loss(clip, raw):
    shares = []
    for each in raw:
        parts = jnp.exp(clip(each))
        shares.append(parts / summed(jnp.ones(BINS), parts))
    reached = places >= summed(jnp.tril(jnp.ones((BINS, BINS)), -1), shares[0])
    return jnp.log(jnp.where(reached, shares[1], 0.0).sum(axis=0)).sum()


WAYS = {"clip": lambda x: jnp.clip(x, -END, END), "clamp": lambda x: jax.lax.clamp(-END, x, END)}
divisions, memory, ends = {}, {}, {}
for name, clip in WAYS.items():
    program = jax.jit(jax.value_and_grad(lambda raw, clip=clip: loss(clip, raw))).lower(raw).compile()
    times = []
    for _ in range(60):
        start = time.perf_counter()
        jax.block_until_ready(program(raw))
        times.append(time.perf_counter() - start)
    divisions[name] = len(re.findall(r" divide\(", program.as_text()))
    loops, memory[name] = len(re.findall(r" fusion\(", program.as_text())), program.memory_analysis().temp_size_in_bytes
    ends[name] = float(jax.grad(clip)(END))
    print(f"{name}: {divisions[name]} divisions, {loops} loops, {memory[name] / 1e6:.1f} MB, {1e3 * min(times):.2f} ms")
far = jnp.linspace(-60.0, 60.0, 1000)
assert (jax.vmap(jax.grad(WAYS["clip"]))(far) == jax.vmap(jax.grad(WAYS["clamp"]))(far)).all()
assert divisions["clip"] == divisions["clamp"] + 2, "the gradient of jnp.clip has other divisions now"
assert memory["clip"] > 2 * memory["clamp"], "the gradient of jnp.clip takes less memory now"
assert ends == {"clip": 0.5, "clamp": 0.0}
print("unchanged")
PY
