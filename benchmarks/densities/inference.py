"""Simulation-based inference: posteriors of a conditional NSF from 10,000 simulations, beside reference draws.

Run `python -m benchmarks.densities.inference [two_moons gaussian_linear] [--observations 1 2 3]`; needs
`PUSHFORWARD_DATA`. The tasks, the ten observations, the reference draws and the test are those of the benchmark of
Lueckmann et al. (2021): a classifier, cross-validated five times, tells 10,000 reference draws from 10,000 of ours; its
accuracy is 0.5 where they agree. Draws outside the prior's box are drawn again. The test of ten dimensions takes
minutes for each observation, fewer with `OPENBLAS_NUM_THREADS=1`, as its networks are small.
"""

import argparse
import time
from collections.abc import Iterator

import numpy as np

import pushforward as pf
from benchmarks.data import folder
from benchmarks.harness.records import append

SIMULATIONS, DRAWS = 10_000, 10_000
WANTED = {"two_moons": 0.606, "gaussian_linear": 0.552}
"""Of neural posterior estimation with as many simulations, as published."""

SETTINGS = {
    "two_moons": {"learning_rate": 2e-3, "batch_size": 100, "max_epochs": 60, "patience": 15},
    "gaussian_linear": {"learning_rate": 1e-3, "batch_size": 100, "max_epochs": 40, "patience": 10},
}


def simulate(name: str, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Parameters from the prior and what the simulator makes of them, each `(n, dim)`."""
    if name == "gaussian_linear":
        theta = np.sqrt(0.1) * rng.normal(size=(n, 10))
        return theta, theta + np.sqrt(0.1) * rng.normal(size=(n, 10))
    theta = rng.uniform(-1, 1, size=(n, 2))
    angle, radius = rng.uniform(-np.pi / 2, np.pi / 2, n), 0.1 + 0.01 * rng.normal(size=n)
    crescent = np.stack([radius * np.cos(angle) + 0.25, radius * np.sin(angle)], axis=1)
    shift = np.stack([-np.abs(theta.sum(1)), theta[:, 1] - theta[:, 0]], axis=1) / np.sqrt(2)
    return theta, crescent + shift


def posterior(name: str, seed: int) -> pf.ConditionalFlowDensity:
    """The density of parameters given what is observed, learned from simulations."""
    theta, x = simulate(name, np.random.default_rng(seed), SIMULATIONS)
    options = {"num_layers": 5, "width": 50}
    density = pf.ConditionalFlowDensity("nsf", options=options, random_state=seed, **SETTINGS[name])
    return density.fit(x, theta)


def draw(density: pf.ConditionalFlowDensity, name: str, observation: np.ndarray, seed: int) -> tuple[np.ndarray, float]:
    """Draws inside the prior's support, and the share of draws that were outside."""
    theta = density.sample(np.atleast_2d(observation), 2 * DRAWS, random_state=seed)
    inside = np.all(np.abs(theta) <= 1, axis=1) if name == "two_moons" else np.ones(len(theta), dtype=bool)
    return theta[inside][:DRAWS], float(1 - inside.mean())


def run(name: str, observations: list[int], seed: int = 0) -> Iterator[dict]:
    """Fit once, and test at every observation; the last record has the mean."""
    start = time.perf_counter()
    density = posterior(name, seed)
    fitted, task = time.perf_counter(), np.load(folder() / "sbibm" / f"{name}.npz")
    accuracies = []
    for i in observations:
        theta, outside = draw(density, name, task[f"obs_{i}"], i)
        accuracies.append(pf.diagnostics.c2st(task[f"post_{i}"], theta))
        yield {
            "task": name,
            "observation": i,
            "c2st": round(accuracies[-1], 4),
            "share_outside_the_prior": round(outside, 4),
        }
    yield {
        "task": name,
        "simulations": SIMULATIONS,
        "model": "nsf, 5 layers of width 50",
        "observations": observations,
        "mean_c2st": round(float(np.mean(accuracies)), 4),
        "wanted": WANTED[name],
        "fit_seconds": round(fitted - start, 1),
        "test_seconds": round(time.perf_counter() - fitted, 1),
    }


def main() -> None:
    """Run the tasks that the command line names, and store what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", help=", ".join(WANTED))
    parser.add_argument("--observations", type=int, nargs="+", default=list(range(1, 11)), help="of the ten")
    given = parser.parse_args()
    append("inference", (record for name in given.tasks or WANTED for record in run(name, given.observations)))


if __name__ == "__main__":
    main()
