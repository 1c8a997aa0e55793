"""How many rows a flow needs: by how much it is better than one Gaussian, from 100 rows on.

Run `python -m benchmarks.tables.rows [tables] [--models maf nsf] [--sizes 100 300 1000 3000]`; needs
`PUSHFORWARD_DATA`. Rows of POWER (6 columns) and magic.gamma (10), the same 2,000 held out for all sizes; the Gaussian
is fitted to the same rows as the flow, and its covariance shrunk as Ledoit and Wolf do.
"""

import argparse
from typing import Any

import numpy as np
from scipy.stats import multivariate_normal
from sklearn.covariance import LedoitWolf

import pushforward as pf
from benchmarks.data import split
from benchmarks.harness.records import append

TABLES, MODELS, SIZES, TEST = ("power", "magic"), ("maf", "nsf"), (100, 300, 1000, 3000), 2000


def run(name: str, model: str, size: int) -> dict[str, Any]:
    """Fit one flow to so many rows, with the settings of its recipe."""
    rows, test = split(name)
    train, test = rows[:size].astype(float), test[:TEST].astype(float)
    scores = pf.FlowDensity(model, random_state=0).fit(train).score_samples(test)
    law = LedoitWolf().fit(train)
    covariance: Any = law.covariance_
    gains = scores - multivariate_normal.logpdf(test, law.location_, covariance)
    return {
        "table": name,
        "rows": size,
        "dim": train.shape[1],
        "model": model,
        "test_nats": round(-float(scores.mean()), 3),
        "gain": round(float(gains.mean()), 3),
        "gain_error": round(float(gains.std(ddof=1) / np.sqrt(len(gains))), 3),
        "worst_row": float(f"{scores.min():.4g}"),
    }


def main() -> None:
    """Fit what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", default=TABLES)
    parser.add_argument("--models", nargs="*", default=MODELS)
    parser.add_argument("--sizes", nargs="*", type=int, default=SIZES)
    args = parser.parse_args()
    cases = ((name, model, size) for name in args.tables for model in args.models for size in args.sizes)
    append("rows", (run(*case) for case in cases))


if __name__ == "__main__":
    main()
