#!/usr/bin/env bash
# miceforest 6.0.5 with lightgbm 4.7.0, which its requirements allow: no imputation ends, whatever the table.
#
# Expected before it was run: `pip install miceforest` resolves to versions that work together, as its metadata ask for
# `lightgbm>=4.1.0` alone, and a table of numbers with a tenth of its cells missing is filled.
# Seen: TypeError from mean matching, at the first column: miceforest calls a private method of LightGBM's booster by its
# mangled name, `_Booster__inner_predict(0)`, whose arguments are keywords alone since then. With lightgbm 4.5.0 the same
# lines fill the table.
#
# Where it matters here: `benchmarks/tables/imputation.py` compares with miceforest, and names the version of lightgbm
# that it needs.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "miceforest==6.0.5" "lightgbm==4.7.0"
cat > "$folder/fill.py" <<'PY'
import lightgbm
import miceforest
import numpy as np
import pandas as pd

rng = np.random.default_rng(0)
x = rng.normal(size=(200, 3)) @ rng.normal(size=(3, 3))
table = pd.DataFrame(np.where(rng.random(x.shape) < 0.1, np.nan, x), columns=["a", "b", "c"])
kernel = miceforest.ImputationKernel(table, num_datasets=1, random_state=0)
try:
    kernel.mice(1)
    print(lightgbm.__version__, "missing afterwards:", int(kernel.complete_data(0).isna().sum().sum()))
except TypeError as error:
    print(lightgbm.__version__, "TypeError:", error)
PY
"$folder/venv/bin/python" -W ignore "$folder/fill.py" | tee "$folder/new"
grep -q "4.7.0 TypeError: .*__inner_predict" "$folder/new" || { echo "changed: lightgbm 4.7.0 no longer fails"; exit 1; }
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "lightgbm==4.5.0"
"$folder/venv/bin/python" -W ignore "$folder/fill.py" | tee "$folder/old"
grep -q "4.5.0 missing afterwards: 0" "$folder/old" || { echo "changed: lightgbm 4.5.0 no longer fills the table"; exit 1; }
echo "unchanged"
