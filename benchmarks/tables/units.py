"""Columns that float32 cannot hold, beside the same numbers in standard units; and columns crowded at an end.

Run `python -m benchmarks.tables.units`. `nsf` by default on 3,000 rows, 15 epochs: test nats beside those in standard
units, less the Jacobian, and how many of 20,000 draws differ. Then 40,000 rows in (0, 1): the integral over what
float64 holds, and quantiles of draws beside the true ones; beside them those of the rows themselves, which for 8,000
rows are up to 4 % off.
"""

from collections.abc import Callable, Iterator

import numpy as np
from scipy import stats

import pushforward as pf
from benchmarks.harness.records import append

ROWS, TEST, DRAWS, CROWDED_ROWS = 3000, 2000, 20_000, 40_000
Column = Callable[[np.ndarray], np.ndarray]
# What the column is, its kind, the same in standard units, and by which factor it is larger.
COLUMNS: dict[str, tuple[Column, str, Column, float]] = {
    "unix time": (lambda z: 1.7e9 + 10 * z, "unbounded", lambda z: 10 * z, 1.0),
    "julian date": (lambda z: 2451545.5 + 1e-3 * z, "unbounded", lambda z: 1e-3 * z, 1.0),
    "population": (lambda z: np.floor(5e7 * np.exp(z)), "integer(0,inf)", lambda z: np.floor(1e4 * np.exp(z)), 5e3),
    "1e-45": (lambda z: 1e-45 * np.exp(z), "positive", np.exp, 1e-45),
}
CROWDED = {"p-values": None, "Beta(0.05, 1)": stats.beta(0.05, 1), "Beta(0.2, 2)": stats.beta(0.2, 2)}


def far_columns() -> Iterator[dict]:
    """One record for each column."""
    rng = np.random.default_rng(0)
    z, test = rng.normal(size=ROWS), rng.normal(size=TEST)
    for name, (column, kind, standard, factor) in COLUMNS.items():
        nats, draws = zip(*(fitted(made, kind, z, test) for made in (column, standard)), strict=True)
        yield {
            "column": name,
            "difference_in_nats": float(f"{abs(nats[0] + np.log(factor) - nats[1]):.2g}"),
            "different_draws": len(np.unique(draws[0])),
        }


def fitted(column: Column, kind: str, z: np.ndarray, test: np.ndarray) -> tuple[float, np.ndarray]:
    """Test nats and draws."""
    density = pf.FlowDensity("nsf", columns=kind, max_epochs=15, random_state=0, progress=False)
    density.fit(column(z)[:, None])
    return density.score(column(test)[:, None]), density.sample(DRAWS, random_state=1)


def crowded_columns() -> Iterator[dict]:
    """One record for each law in (0, 1); p-values have log10 p = -Exp(15)."""
    rng = np.random.default_rng(0)
    edges = -np.concatenate([np.linspace(307, 1, 6000), np.logspace(0, -15, 4000)[1:]])
    middle, width = 10.0 ** ((edges[1:] + edges[:-1]) / 2), np.diff(10.0**edges)
    for name, law in CROWDED.items():
        x = 10.0 ** -rng.exponential(15, CROWDED_ROWS) if law is None else law.rvs(CROWDED_ROWS, random_state=rng)
        x = np.maximum(x, 1e-300)
        density = pf.FlowDensity("nsf", columns="bounded(0,1)", random_state=0, progress=False).fit(x[:, None])
        logs = np.log10(density.sample(100_000, random_state=1)[:, 0])
        true = {q: 15 * np.log(q) if law is None else np.log10(law.ppf(q)) for q in (0.1, 0.5, 0.9)}
        yield {
            "column": name,
            "integral": round(float(np.exp(density.score_samples(middle[:, None])) @ width), 4),
            "rows": CROWDED_ROWS,
            "quantiles_off_in_percent": [_off(logs, q, t) for q, t in true.items()],
            "those_of_the_rows": [_off(np.log10(x), q, t) for q, t in true.items()],
        }


def _off(logs: np.ndarray, q: float, true: float) -> float:
    return round(100 * abs(float(np.quantile(logs, q)) / true - 1), 1)


if __name__ == "__main__":
    append("units", (*far_columns(), *crowded_columns()))
