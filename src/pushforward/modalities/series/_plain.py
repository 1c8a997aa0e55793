"""Plain forecasts, beside which those of a flow stand."""

from typing import NamedTuple

import numpy as np


def naive(history: np.ndarray, season: int, horizon: int, paths: int, rng: np.random.Generator) -> np.ndarray:
    """The last season again, with the differences that it had before, drawn at random: `(paths, horizon, series)`."""
    season = season if len(history) > 2 * season else 1
    last = history[-season:]
    steps = history[season:] - history[:-season]
    noise = steps[rng.integers(len(steps), size=(paths, horizon))]
    drawn = np.empty((paths, horizon, history.shape[1]))
    for t in range(horizon):
        drawn[:, t] = (last[t] if t < season else drawn[:, t - season]) + noise[:, t]
    return drawn


class VectorAutoregression(NamedTuple):
    """Linear forecasts with Gaussian noise.

    Attributes:
        constant: `(series,)`.
        coefs: A matrix for each lag, `(lags, series, series)`.
        noise: Covariance, `(series, series)`.
    """

    constant: np.ndarray
    coefs: np.ndarray
    noise: np.ndarray

    def paths(self, history: np.ndarray, horizon: int, count: int, rng: np.random.Generator) -> np.ndarray:
        """Draws of what follows a history, `(count, horizon, series)`."""
        order, series = len(self.coefs), len(self.constant)
        noise = rng.multivariate_normal(np.zeros(series), self.noise, (count, horizon))
        drawn = np.concatenate([np.tile(history[-order:], (count, 1, 1)), np.zeros((count, horizon, series))], axis=1)
        for t in range(order, order + horizon):
            drawn[:, t] = self._mean([drawn[:, t - lag - 1] for lag in range(order)]) + noise[:, t - order]
        return drawn[:, order:]

    def log_prob(self, history: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """Log-densities of the steps that followed, each given those before it, `(horizon,)`."""
        order = len(self.coefs)
        values = np.concatenate([history[-order:], truth])
        lagged = [values[order - lag - 1 : len(values) - lag - 1] for lag in range(order)]
        off = np.linalg.solve(np.linalg.cholesky(self.noise), (truth - self._mean(lagged)).T)
        log_det = np.linalg.slogdet(2 * np.pi * self.noise)[1]
        return -0.5 * (np.sum(off**2, axis=0) + log_det)

    def _mean(self, lagged: list[np.ndarray]) -> np.ndarray:
        """From the values at each lag, `(rows, series)`, the nearest first."""
        return self.constant + sum(x @ matrix.T for x, matrix in zip(lagged, self.coefs, strict=True))


def fitted_var(history: np.ndarray) -> VectorAutoregression:
    """A vector autoregression by statsmodels, its order by AIC up to 5.

    Raises:
        ImportError: If statsmodels is not installed.
        ValueError: If there is one series alone, or the history does not determine it.
    """
    from statsmodels.tsa.api import VAR  # pyright: ignore[reportMissingImports]: an extra

    series = history.shape[1]
    if series == 1:
        raise ValueError("one series has no vector autoregression")
    most = min(5, max((len(history) - 10) // (4 * series), 1))
    model = VAR(history)
    fitted = model.fit(most, ic="aic")
    fitted = fitted if fitted.k_ar else model.fit(1)  # an order of 0 has no lag to start from
    coefs = np.asarray(fitted.coefs).reshape(-1, series, series)
    return VectorAutoregression(np.asarray(fitted.intercept), coefs, np.asarray(fitted.sigma_u))
