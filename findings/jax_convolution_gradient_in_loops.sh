#!/usr/bin/env bash
# jax 0.10.2, CPU: the gradient of a convolution inside of lax.scan takes tens of times as long as outside, in either layout.
#
# Expected before it was run: two convolutions cost the same whether they stand one behind the other or in a scan of
# length two. That a forward convolution with channels first is slow in a loop is known (jax-ml/jax issue 12868, open
# since 2022), with channels last as the way round.
# Seen on two cores, 8 x 1,000 x 64, kernel 3: forward, channels first 8 and 142 ms, channels last 6 and 7 ms: as the
# issue says. Gradients: channels first 16 and 411 ms, channels last 18 and 1,243 ms. The way round is the slower one.
#
# Where it matters here: `fit` trains inside of a loop. `nets.WaveNet` makes its convolutions of products with shifted
# copies for this reason (design record 0044).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "jax==0.10.2" "jaxlib==0.10.2" "numpy==2.4.6"
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PY'
import time

import jax
import jax.numpy as jnp
from jax import lax

LAYOUTS = {
    "channels first": (("NCH", "OIH", "NCH"), (8, 64, 1000), (64, 64, 3)),
    "channels last": (("NHC", "HIO", "NHC"), (8, 1000, 64), (3, 64, 64)),
}


def least(function, *arguments):
    function(*arguments).block_until_ready()
    spent = []
    for _ in range(5):
        start = time.perf_counter()
        function(*arguments).block_until_ready()
        spent.append(time.perf_counter() - start)
    return min(spent)


for name, (layout, events, weights) in LAYOUTS.items():
    x, kernel = jnp.ones(events), jnp.full(weights, 1e-3)

    def one(v, k, layout=layout):
        return lax.conv_general_dilated(v, k, (1,), "SAME", dimension_numbers=layout)

    def apart(k, v):
        return jnp.sum(one(one(v, k), k) ** 2)

    def in_a_loop(k, v):
        return jnp.sum(lax.scan(lambda w, _: (one(w, k), None), v, None, length=2)[0] ** 2)

    outside, inside = (least(jax.jit(jax.grad(f)), kernel, x) for f in (apart, in_a_loop))
    print(f"{name}: gradient outside {1e3 * outside:.0f} ms, inside of a loop {1e3 * inside:.0f} ms")
    assert inside > 5 * outside, "the gradient is no longer slow in a loop"
print("unchanged")
PY
