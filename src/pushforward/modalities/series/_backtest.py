"""Forecasts of what is known already, window by window, beside plain ones."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from pushforward._errors import DataError
from pushforward.data.series._series import SeriesData, filled
from pushforward.diagnostics import crps, energy_score, quantile_loss
from pushforward.distributions import SeriesFlow
from pushforward.modalities.series._facts import SeriesFacts
from pushforward.modalities.series._plain import fitted_var, naive
from pushforward.modalities.series._windows import to_draw, windows

HEADER = ("forecast", "crps", "crps_sum", "mean_crps", "energy_score", "coverage_0.9", "nats_per_step")


@dataclass(frozen=True)
class Backtest:
    """Scores of forecasts, by name.

    Attributes:
        scores: By the name of the forecast: by name, figures.
        windows: How many windows of each item.
        horizon: Steps of each.
        notes: What is to be known of them.
    """

    scores: dict[str, dict[str, float | None]]
    windows: int
    horizon: int
    notes: tuple[str, ...] = ()

    @property
    def header(self) -> tuple[str, ...]:
        """Of the columns of `cells`."""
        return HEADER

    def cells(self) -> list[list[object]]:
        """A row for each forecast."""
        return [
            [name, *("-" if found[key] is None else f"{found[key]:.4g}" for key in HEADER[1:])]
            for name, found in self.scores.items()
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"windows": self.windows, "horizon": self.horizon, "scores": self.scores, "notes": list(self.notes)}


def backtest(flow: SeriesFlow, facts: SeriesFacts, data: SeriesData, *, count: int, paths: int, seed: int) -> Backtest:
    """Forecast the last `count` windows of every item, one behind the other, each from all before it.

    Raises:
        DataError: If a history is too short, or something is missing in the windows.
    """
    starts = _starts(data, count, flow.horizon)
    found = windows(facts, data.items, starts, flow.past, flow.horizon)
    truth = np.stack([data.items[i].values[s : s + flow.horizon] for i, s in starts])
    key = jax.random.key(seed)
    drawn = np.asarray(flow.sample(key, paths, to_draw(found, flow.past)), np.float64)
    whole = np.isfinite(truth).all(axis=-1)
    nats = -float(np.mean(np.asarray(flow.step_log_prob(found.x, found.condition, key=key))[whole]))
    rng = np.random.default_rng(seed)
    scores = {"flow": scores_of(drawn, truth) | {"nats_per_step": nats}}
    scores["independent"] = scores_of(_shuffled(drawn, rng), truth)
    histories = [filled(data.items[i].values[:s])[0] for i, s in starts]
    season = facts.grid.season
    last = np.stack([naive(h, season, flow.horizon, paths, rng) for h in histories], axis=1)
    scores["seasonal naive" if season > 1 else "naive"] = scores_of(last, truth)
    notes = ["independent: the flow's paths, each series shuffled apart."]
    try:
        laws = [fitted_var(history) for history in histories]
        ahead = [law.paths(h, flow.horizon, paths, rng) for law, h in zip(laws, histories, strict=True)]
        each = np.stack([law.log_prob(*both) for law, *both in zip(laws, histories, truth, strict=True)])
        scores["VAR"] = scores_of(np.stack(ahead, axis=1), truth) | {"nats_per_step": -float(each[whole].mean())}
    except ImportError:
        notes.append("no VAR: it needs statsmodels, which the extra `series` brings.")
    except (ValueError, np.linalg.LinAlgError) as error:
        notes.append(f"no VAR: {error}.")
    return Backtest(scores, count, flow.horizon, tuple(notes))


def scores_of(paths: np.ndarray, truth: np.ndarray) -> dict[str, float | None]:
    """Figures of paths `(draws, windows, horizon, series)` beside what came, `(windows, horizon, series)`."""
    low, high = np.quantile(paths, [0.05, 0.95], axis=0)
    there = np.isfinite(truth)
    whole = there.all(axis=-1)
    inside = ((truth >= low) & (truth <= high))[there]
    return {
        "crps": quantile_loss(paths, truth),
        "crps_sum": quantile_loss(paths.sum(axis=-1), truth.sum(axis=-1)),
        "mean_crps": float(np.nanmean(crps(paths, truth))),
        "energy_score": float(np.mean(energy_score(paths, truth)[whole])),
        "coverage_0.9": float(inside.mean()),
        "nats_per_step": None,
    }


def _starts(data: SeriesData, count: int, horizon: int) -> list[tuple[int, int]]:
    starts = []
    for place, item in enumerate(data.items):
        first = len(item) - count * horizon
        if first < 3:
            of = f" of {item.name}" if item.name else ""
            raise DataError(
                f"{data.label}: {len(item)} steps{of}, but {count} windows of {horizon} need {count * horizon + 3}.",
                "ask for fewer with --windows",
            )
        starts += [(place, first + window * horizon) for window in range(count)]
    return starts


def _shuffled(paths: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same paths of each series, in another order for each: what is known of one says nothing of another."""
    return np.stack([paths[rng.permutation(len(paths)), ..., i] for i in range(paths.shape[-1])], axis=-1)
