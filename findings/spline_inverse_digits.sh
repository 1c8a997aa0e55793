#!/usr/bin/env bash
# zuko 1.6.0, nflows 0.14, flowjax 19.1.2: the inverse of a rational-quadratic spline loses digits in bins that get steeper.
#
# Expected before it was run: all three take the root of the quadratic in the form that the paper chose because it does
# not cancel (Durkan et al. 2019, eq. 6 to 8), so that in float32 a place is found to rounding, below 1e-6 of a bin,
# whatever the slopes at the bin's ends.
# Seen: that form cancels where the bin's slope rises from left to right. On two bins of width 5 with slopes 1, s, 1 at
# the knots, of places between -5 and 0 the largest error of the inverse, beside bisection in float64 for the same
# float32 values, grows with s: 2e-6 at s = 10, 2e-5 at 100, 2e-4 at 800. With the other form of the same root,
# (sqrt(b^2 - 4ac) - b) / 2a, where b is negative, it is 7e-7 throughout.
#
# Where it matters here: `bijections.elementwise._piece` takes that form where b is negative (design record 0072).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "zuko==1.6.0" "nflows==0.14" "flowjax==19.1.2" \
  "torch==2.13.0" "jax==0.10.2" "jaxlib==0.10.2" "numpy==2.4.6"
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PY'
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import paramax
import torch
from flowjax.bijections import RationalQuadraticSpline
from nflows.transforms.splines.rational_quadratic import rational_quadratic_spline
from zuko.transforms import MonotonicRQSTransform

BOUND, COUNT = 5.0, 2001


def spline(x, steep):
    """In float64: two bins of width and height 5, slopes 1, `steep`, 1 at the knots; the left bin alone is asked for."""
    xi = (x + BOUND) / BOUND
    mixed = xi * (1 - xi)
    return -BOUND + BOUND * (xi * xi + mixed) / (1 + (1 + steep - 2) * mixed)


def place(y, steep):
    low, high = np.full_like(y, -BOUND), np.zeros_like(y)
    for _ in range(60):
        middle = (low + high) / 2
        less = spline(middle, steep) < y
        low, high = np.where(less, middle, low), np.where(less, high, middle)
    return middle


def by_zuko(y, steep):
    wanted = math.log(steep)  # zuko bends raw slopes d to d / (1 + |d / log(1e-3)|), and takes exp
    raw = torch.tensor([wanted / (1 + wanted / math.log(1e-3))], dtype=torch.float32)
    return MonotonicRQSTransform(torch.zeros(2), torch.zeros(2), raw, bound=BOUND).inv(torch.from_numpy(y)).numpy()


def by_nflows(y, steep):
    ends = [math.log(math.expm1(slope - 1e-3)) if slope < 30 else slope - 1e-3 for slope in (1, steep, 1)]
    slopes = torch.tensor(ends, dtype=torch.float32).expand(len(y), 3)
    equal, box = torch.zeros(len(y), 2), {"left": -BOUND, "right": BOUND, "bottom": -BOUND, "top": BOUND}
    return rational_quadratic_spline(torch.from_numpy(y), equal, equal, slopes, inverse=True, **box)[0].numpy()


def by_flowjax(y, steep):
    start = paramax.unwrap(RationalQuadraticSpline(knots=1, interval=BOUND))
    bijection = eqx.tree_at(lambda b: b.derivatives, start, jnp.array([1.0, steep, 1.0], jnp.float32))
    return np.asarray(jax.vmap(bijection.inverse)(jnp.asarray(y)))


def by_both_forms(y, steep):
    one, steep = np.float32(1), np.float32(steep)
    y_, size = y + np.float32(BOUND), np.float32(BOUND)
    bent = y_ * (one + steep - 2 * one)
    a, b, c = bent, size - bent, -y_
    root = np.sqrt(b * b - 4 * a * c)
    return size * np.where(b < 0, root - b, 2 * c) / np.where(b < 0, 2 * a, -b - root) - size


LEAST = {10.0: 0.0, 100.0: 1e-5, 800.0: 1e-4}
for steep, least in LEAST.items():
    y = spline(np.linspace(-BOUND, 0.0, COUNT)[1:-1], steep).astype(np.float32)
    wanted = place(y.astype(np.float64), steep)
    for library in (by_zuko, by_nflows, by_flowjax, by_both_forms):
        error = np.abs(library(y, steep) - wanted).max()
        print(f"slope {steep:g}, {library.__name__}: {error:.1e}")
        if library is by_both_forms:
            assert error < 2e-6, "the other form loses digits too"
        else:
            assert error > least, f"{library.__name__} keeps its digits now"
print("unchanged")
PY
