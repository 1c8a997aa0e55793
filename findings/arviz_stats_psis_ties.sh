#!/usr/bin/env bash
# arviz-stats 0.8.0: Pareto smoothed importance sampling of tied log weights gives NaN weights and a k that says "reliable".
#
# Expected before it was run: importance weights that take three values only (680, 300 and 20 of 1,000) are smoothed to
# finite weights that sum to 1, or refused. With an error of 1e-6 added, so that no two are equal, k is above 4.
# Seen: every smoothed log weight is NaN, and k is 0.048, far below the 0.7 from which estimates are doubted. A reader
# who looks at k alone is told that all is well. With all weights equal it raises "All tail values are the same".
# `psislw` takes log-likelihoods as `loo` does: importance weights are given with their sign turned round.
#
# Where it matters here: weights of a flow that nearly equals its target are tied up to rounding. `diagnostics.weigh`
# has its own fit of the Pareto tail for this reason (src/pushforward/diagnostics/_pareto.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "arviz-stats[xarray]==0.8.0" "numpy==2.4.6"
"$folder/venv/bin/python" - <<'PY'
import warnings

import numpy as np
from arviz_stats.base import array_stats

warnings.simplefilter("ignore")
log_weights = np.array([0.0] * 680 + [1.0] * 300 + [2.0] * 20)
tied, k_tied = array_stats.psislw(-log_weights)
apart, k_apart = array_stats.psislw(-log_weights + 1e-6 * np.random.default_rng(0).normal(size=1000))
print(f"tied:  share of NaN {np.isnan(tied).mean():.2f}, k {k_tied:.3f}")
print(f"apart: share of NaN {np.isnan(apart).mean():.2f}, k {k_apart:.3f}, weights sum to {np.exp(apart).sum():.3f}")
assert np.isnan(tied).all() and k_tied < 0.1, "tied weights are no longer NaN with a small k"
assert np.isfinite(apart).all() and k_apart > 4, "weights that differ by rounding are no longer finite with a large k"
print("unchanged")
PY
