"""Flows on a torus and on the sphere beside mixtures: test nats of RNA torsion angles, volcanoes and floods.

Run `python -m benchmarks.densities.manifolds [rna volcano flood]`; needs `PUSHFORWARD_DATA`. The rows are split at
random, 80 % to train, 10 % to choose, 10 % to test, anew for each seed. Densities are per radian on the torus, and per
area of the unit sphere.
"""

import sys
import time
from collections.abc import Callable, Iterator

import jax
import numpy as np
from scipy.special import i0e, logsumexp

import pushforward as pf
from benchmarks.data import folder
from benchmarks.harness.records import Record, append

SEEDS = 3
COMPONENTS = (5, 10, 20, 40, 80)
FLOWS: dict[str, dict[str, Callable[[jax.Array], pf.distributions.AbstractDistribution]]] = {
    "rna": {
        "circular-nsf": lambda key: pf.flows.circular_nsf(7, key=key),
        "circular-nsf autoregressive": lambda key: pf.flows.circular_nsf(7, autoregressive=True, num_layers=3, key=key),
        "nsf, angles on a line": lambda key: pf.flows.nsf_coupling(7, key=key),
    },
    "volcano": {"sphere": lambda key: pf.flows.sphere(3, num_layers=2, width=64, key=key)},
    "flood": {"sphere": lambda key: pf.flows.sphere(3, num_layers=2, width=64, key=key)},
}


def load(name: str) -> np.ndarray:
    """Angles in radians `(rows, 7)`, or unit vectors `(rows, 3)`."""
    if name == "rna":
        return np.radians(np.load(folder() / "torsion_rna" / "rna_torsion.npz")["angles_deg"].astype(float))
    rows = np.load(folder() / "earth" / "earth_latlon.npz")[{"volcano": "volerup", "flood": "flood"}[name]]
    latitude, longitude = np.radians(rows).T
    across = np.cos(latitude)
    return np.stack([across * np.cos(longitude), across * np.sin(longitude), np.sin(latitude)], axis=1)


def split(rows: np.ndarray, seed: int) -> list[np.ndarray]:
    """Train, validation and test rows."""
    shuffled = np.random.default_rng(seed).permutation(rows)
    return np.split(shuffled, [int(0.8 * len(rows)), int(0.9 * len(rows))])


def mixture_scores(train: np.ndarray, others: list[np.ndarray], components: int, seed: int) -> list[np.ndarray]:
    """Log-densities of a mixture fitted by EM: of products of von Mises laws, or of von Mises-Fisher laws.

    A torus of `d` angles is `d` unit vectors in the plane, so both are the same mixture: of laws
    `exp(k (m . v - 1)) / z(k)` of unit vectors, one for each of the vectors of a row.
    """
    planes = train.shape[1] != 3
    vectors = _vectors(train, planes)  # (rows, d, 2 or 3)
    rng = np.random.default_rng(seed)
    centres = vectors[rng.choice(len(vectors), components, replace=False)]
    concentrations = np.full(centres.shape[:2], 5.0)
    log_weights = np.full(components, -np.log(components))
    for _ in range(200):
        joint = log_weights + _each(vectors, centres, concentrations)
        share = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
        mass = share.sum(axis=0) + 1e-9
        resultants = (share.T @ vectors.reshape(len(vectors), -1)).reshape(centres.shape) / mass[:, None, None]
        lengths = np.clip(np.linalg.norm(resultants, axis=2), 1e-6, 0.9999)
        centres = resultants / np.linalg.norm(resultants, axis=2, keepdims=True)
        size = vectors.shape[2]
        concentrations = lengths * (size - lengths**2) / (1 - lengths**2)  # Banerjee et al. 2005, eq. 4.4
        log_weights = np.log(mass / mass.sum())
    scored = (_each(_vectors(rows, planes), centres, concentrations) for rows in others)
    return [logsumexp(log_weights + each, axis=1) for each in scored]


def _vectors(rows: np.ndarray, planes: bool) -> np.ndarray:
    return np.stack([np.cos(rows), np.sin(rows)], axis=2) if planes else rows[:, None, :]


def _each(vectors: np.ndarray, centres: np.ndarray, concentrations: np.ndarray) -> np.ndarray:
    weighted = (concentrations[:, :, None] * centres).reshape(len(centres), -1)
    along = vectors.reshape(len(vectors), -1) @ weighted.T
    if vectors.shape[2] == 2:
        log_norm = np.log(2 * np.pi * i0e(concentrations))
    else:
        log_norm = np.log(2 * np.pi * -np.expm1(-2 * concentrations) / concentrations)
    return along - np.sum(concentrations + log_norm, axis=1)


def baseline(name: str, seed: int) -> np.ndarray:
    """Test log-densities of the mixture that is best on the validation rows."""
    train, valid, test = split(load(name), seed)
    fitted = [mixture_scores(train, [valid, test], count, seed) for count in COMPONENTS]
    return max(fitted, key=lambda scores: scores[0].mean())[1]


def flow_scores(name: str, model: str, seed: int) -> np.ndarray:
    """Test log-densities of a flow."""
    train, valid, test = split(load(name), seed)
    key = jax.random.key(seed)
    result = pf.fit(
        FLOWS[name][model](key),
        train,
        validation=valid,
        learning_rate=2e-3,
        batch_size=256 if len(train) > 2000 else 64,
        max_epochs=150,
        patience=25,
        progress=False,
        key=key,
    )
    return np.asarray(result.flow.log_prob(test), float)


def record(name: str, model: str, score: Callable[[int], np.ndarray]) -> dict[str, float | int | str]:
    """The negative log-density of the test rows in nats per row: mean over seeds, and its standard error."""
    start = time.perf_counter()
    nats = np.array([-score(seed).mean() for seed in range(SEEDS)])
    return {
        "set": name,
        "model": model,
        "rows": len(load(name)),
        "seeds": SEEDS,
        "test_nats": round(float(nats.mean()), 3),
        "standard_error": round(float(nats.std(ddof=1) / SEEDS**0.5), 3),
        "seconds": round(time.perf_counter() - start, 1),
    }


def run(name: str) -> Iterator[Record]:
    """The baseline and every flow on one set."""
    yield record(name, "mixture", lambda seed: baseline(name, seed))
    for model in FLOWS[name]:
        yield record(name, model, lambda seed, model=model: flow_scores(name, model, seed))


def main() -> None:
    """Run the sets that the command line names, and store what was measured."""
    append("manifolds", (line for name in sys.argv[1:] or FLOWS for line in run(name)))


if __name__ == "__main__":
    main()
