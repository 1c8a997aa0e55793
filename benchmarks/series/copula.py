"""A vector autoregression whose noise has a t copula and logistic margins: nats a step above its entropy.

Run `python -m benchmarks.series.copula [--minutes 6] [--steps 100000]`; it adds a record to results/series.jsonl.
Four series, `x_t = A x_{t-1} + e_t`. The entropy of `e` is that of four logistic laws and that of the copula, the
entropy of a multivariate t less those of its margins. The excess is a mean over 20,000 steps of a path of its own of
the true log-density less the model's, whose error is much smaller than that of either.
"""

import argparse
import time
from collections.abc import Iterator

import numpy as np
from scipy import stats

import pushforward as pf
from benchmarks.harness.records import Record, append
from pushforward.modalities.series._plain import fitted_var

MATRIX = np.array([[0.6, 0.2, 0.0, 0.0], [-0.2, 0.5, 0.0, 0.1], [0.0, 0.3, 0.4, 0.0], [0.1, 0.0, 0.0, 0.7]])
FREEDOM = 4.0
SHAPE = np.array([[1.0, 0.7, 0.3, 0.0], [0.7, 1.0, 0.5, -0.4], [0.3, 0.5, 1.0, 0.2], [0.0, -0.4, 0.2, 1.0]])
HORIZON, TESTED = 8, 20_000
OPTIONS = {"lags": (1,), "context": 1, "scaling": "none", "encoder_width": 8, "emission": "nsf-ar", "width": 64}


def entropy() -> float:
    """Nats a step."""
    whole = stats.multivariate_t(shape=SHAPE, df=FREEDOM).entropy()
    return float(whole - len(SHAPE) * stats.t(FREEDOM).entropy() + len(SHAPE) * stats.logistic.entropy())


def path(steps: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Values `(steps, series)`, and the log-density of each step given the one before."""
    drawn = stats.multivariate_t(shape=SHAPE, df=FREEDOM, seed=seed).rvs(steps + 100)
    noise = stats.logistic.isf(stats.t(FREEDOM).sf(drawn))
    x = np.zeros_like(noise)
    for t in range(1, len(x)):
        x[t] = MATRIX @ x[t - 1] + noise[t]
    copula = stats.multivariate_t(shape=SHAPE, df=FREEDOM).logpdf(drawn) - stats.t(FREEDOM).logpdf(drawn).sum(axis=1)
    return x[100:], (copula + stats.logistic.logpdf(noise).sum(axis=1))[100:]


def records(minutes: float, steps: int) -> Iterator[Record]:
    """The flow, and a Gaussian vector autoregression."""
    (train, _), (test, true) = path(steps, 0), path(TESTED, 1)
    common = {"figure": "copula", "steps": steps, "entropy": round(entropy(), 4)}
    try:
        law = fitted_var(train)
        order = len(law.coefs)
        yield common | {"model": "VAR, Gaussian"} | _excess(true[order:] - law.log_prob(test[:order], test[order:]))
    except ImportError:
        pass
    start = time.perf_counter()
    end = start + 60 * minutes
    forecaster = pf.FlowForecaster(
        horizon=HORIZON,
        options=OPTIONS,
        batch_size=256,
        max_epochs=60,
        callbacks=(lambda info: time.perf_counter() > end,),
        random_state=0,
    ).fit(train)
    seconds = time.perf_counter() - start
    found = forecaster.score_samples(test)
    told = {"options": OPTIONS, "epochs": len(forecaster.history_), "seconds": round(seconds)}
    yield common | {"model": "tempflow"} | _excess((true - found)[np.isfinite(found)]) | told


def _excess(gaps: np.ndarray) -> Record:
    return {"nats_above": round(float(gaps.mean()), 4), "error": round(float(gaps.std() / np.sqrt(len(gaps))), 4)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=6.0)
    parser.add_argument("--steps", type=int, default=100_000)
    given = parser.parse_args()
    append("series", records(given.minutes, given.steps))
