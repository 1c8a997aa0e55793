"""Training to a density: planar flows on four energies, eight schools, and stochastic layers on the double well.

Run `python -m benchmarks.densities.reverse_kl [energies schools wells]`; `schools` needs `PUSHFORWARD_DATA`. Results
are added to benchmarks/results/densities.jsonl, and `energies` draws docs/figures/energies.png.
"""

import json
import math
import sys
import time
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import optax

import pushforward as pf
from benchmarks.data import folder
from benchmarks.harness.records import ROOT, append
from pushforward.bijections import Affine, Chain, Concatenate, Coupling, Flip, Identity, Metropolis, Sigmoid
from pushforward.data import ENERGIES, Energy
from pushforward.distributions import Bridge, Normal, Target, Transformed
from pushforward.objectives import nll, reverse_kl

PICTURE = ROOT / "docs" / "figures" / "energies.png"
LAYERS = (2, 8, 32)
DRAWS = 50_000


def planar_onto(energy: Energy, num_layers: int, key: jax.Array) -> Transformed:
    """Planar maps, and a sigmoid onto the box where the energy has one."""
    flow = pf.flows.planar(2, num_layers=num_layers, key=key)
    low, high = energy.support[0]
    if math.isinf(low):
        # Planar maps alone keep the base's spread along all but one direction.
        return Transformed(flow.base, Chain([Affine(jnp.zeros(2), 1.5), flow.bijection]))
    onto = Concatenate([Sigmoid((1,), low, high), Identity((1,))])
    return Transformed(flow.base, Chain([flow.bijection, onto]))


def energies() -> Iterator[dict]:
    """KL(q || p) in nats of planar flows: the mean loss plus the exact log Z."""
    fitted = {}
    for energy in [ENERGIES[name] for name in ("ring", "wave", "split_wave", "fork_wave")]:
        for num_layers in LAYERS:
            start, key = time.perf_counter(), jax.random.key(num_layers)
            result = pf.fit(
                planar_onto(energy, num_layers, key),
                None,
                objective=reverse_kl(energy.log_density, num_samples=256),
                learning_rate=5e-3,
                max_epochs=40,
                progress=False,
                key=key,
            )
            found = pf.diagnostics.importance(result.flow, energy.log_density, num_samples=DRAWS, key=key)
            fitted[energy.name, num_layers] = result.flow
            yield {
                "figure": "energies",
                "energy": energy.name,
                "num_layers": num_layers,
                "kl": round(_kl(result.flow, energy, key), 4),
                "log_z": round(found.log_z, 4),
                "log_z_error": round(found.log_z_error, 4),
                "exact_log_z": energy.log_z,
                "pareto_k": round(found.pareto_k, 2),
                "effective_share": round(found.effective_sample_size / DRAWS, 3),
                "seconds": round(time.perf_counter() - start, 1),
            }
    draw(fitted)


def _kl(flow: Transformed, energy: Energy, key: jax.Array) -> float:
    x, log_q = flow.sample_and_log_prob(jax.random.fold_in(key, 1), DRAWS)
    log_p = Target(energy.log_density, (2,)).log_prob(x)
    return float(np.mean(np.asarray(log_q - log_p, np.float64))) + energy.log_z


def draw(fitted: dict) -> None:
    """Each energy in a row, beside samples of its flows: their density of a point costs a root for each layer."""
    from matplotlib.figure import Figure

    names = sorted({name for name, _ in fitted}, key=list(ENERGIES).index)
    figure = Figure(figsize=(8.2, 2.1 * len(names)), layout="constrained", dpi=110)
    axes = figure.subplots(len(names), 1 + len(LAYERS), squeeze=False)
    for row, name in zip(axes, names, strict=True):
        energy = ENERGIES[name]
        (left, right), (low, high) = energy.window
        grid = np.stack(np.meshgrid(np.linspace(left, right, 160), np.linspace(low, high, 160)), -1)
        log_p = np.asarray(Target(energy.log_density, (2,)).log_prob(grid))
        pictures = [np.exp(log_p)]
        for num_layers in LAYERS:
            x = np.asarray(fitted[name, num_layers].sample(jax.random.key(0), 200_000))
            counts, _, _ = np.histogram2d(x[:, 1], x[:, 0], bins=100, range=[(low, high), (left, right)])
            pictures.append(counts)
        for place, picture, title in zip(
            row, pictures, [name.replace("_", " "), *(f"{k} layers" for k in LAYERS)], strict=True
        ):
            place.imshow(picture, origin="lower", extent=(left, right, low, high), cmap="viridis")
            place.set_title(title, fontsize=9, loc="left")
            place.set(xticks=[], yticks=[])
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE)


def schools() -> Iterator[dict]:
    """Eight schools in the non-centred form: (theta_raw[8], mu, log tau) on the whole space."""
    stored = np.load(folder() / "posteriordb" / "eight_schools-eight_schools_noncentered.npz")
    given = json.loads(str(stored["data_json"]))
    effect, spread = jnp.asarray(given["y"], float), jnp.asarray(given["sigma"], float)

    def log_density(z: jax.Array) -> jax.Array:
        raw, mu, log_tau = z[:8], z[8], z[9]
        tau = jnp.exp(log_tau)
        prior = -0.5 * jnp.sum(raw**2) - 0.5 * (mu / 5.0) ** 2 - jnp.log1p((tau / 5.0) ** 2) + log_tau
        return prior - 0.5 * jnp.sum(((effect - mu - tau * raw) / spread) ** 2)

    start, key = time.perf_counter(), jax.random.key(0)
    flow = pf.flows.realnvp(10, num_layers=6, width=32, key=key)
    result = pf.fit(
        Transformed(flow.base, Chain([flow.bijection, Affine(jnp.zeros(10), 1.0)])),
        None,
        objective=reverse_kl(log_density, num_samples=256),
        learning_rate=3e-3,
        max_epochs=40,
        progress=False,
        key=key,
    )
    found = pf.diagnostics.importance(result.flow, log_density, num_samples=20_000, key=key)
    mean, error = found.expectation(lambda z: jnp.stack([z[8], jnp.exp(z[9])]))
    plain = np.asarray(result.flow.sample(jax.random.fold_in(key, 1), 20_000))
    yield {
        "figure": "schools",
        "mu": round(float(mean[0]), 3),
        "tau": round(float(mean[1]), 3),
        "errors": [round(float(e), 3) for e in error],
        "mu_of_the_flow": round(float(plain[:, 8].mean()), 3),
        "tau_of_the_flow": round(float(np.exp(plain[:, 9]).mean()), 3),
        "wanted": [4.41, 3.60],
        "log_z": round(found.log_z, 3),
        "log_z_error": round(found.log_z_error, 4),
        "pareto_k": round(found.pareto_k, 2),
        "effective_share": round(found.effective_sample_size / 20_000, 3),
        "seconds": round(time.perf_counter() - start, 1),
    }


WELL = ENERGIES["double_well"]
FREE_ENERGY = 1.6906
REPEATS = 3


def half_and_half(flow: Transformed, batch: pf.objectives.Batch, *, key: jax.Array) -> tuple[jax.Array, dict]:
    """Half maximum likelihood, half reverse KL, as in the paper's second phase."""
    forward, _ = nll(flow, batch, key=key)
    backward, metrics = to_the_well(flow, batch, key=key)
    return 0.5 * forward + 0.5 * backward, metrics


to_the_well = reverse_kl(WELL.log_density, num_samples=128)


def wells() -> Iterator[dict]:
    """Three RealNVP blocks on the double well, with and without Metropolis layers between them."""
    data = equilibrium(10_000, seed=0)
    for repeat in range(REPEATS):
        for stochastic in (False, True):
            start, key = time.perf_counter(), jax.random.key(repeat)
            flow = blocks(stochastic, key)
            for objective, epochs in ((nll, 3), (half_and_half, 3)):
                options = {"batch_size": 128, "optimizer": optax.adam(5e-3), "patience": None, "validation": 0.0}
                flow = pf.fit(
                    flow, endless(data), objective=objective, max_epochs=epochs, progress=False, key=key, **options
                ).flow
            record = {"figure": "wells", "stochastic": stochastic, "repeat": repeat, **judged(flow, key)}
            yield record | {"seconds": round(time.perf_counter() - start, 1)}


def blocks(stochastic: bool, key: jax.Array) -> Transformed:
    """Base, then three times two couplings and perhaps 20 Metropolis steps of 0.25."""
    base, target = Normal.standard((2,)), Target(WELL.log_density, (2,))
    layers = []
    for number, layer_key in enumerate(jax.random.split(key, 3), start=1):
        for coupling_key in jax.random.split(layer_key):
            layers += [Coupling(Affine(), 2, width=64, depth=2, key=coupling_key), Flip((2,))]
        if stochastic:
            layers.append(Metropolis(Bridge(base, target, number / 3), num_steps=20, step_size=0.25))
    return Transformed(base, Chain(layers))


def equilibrium(n: int, *, seed: int) -> np.ndarray:
    """Draws of the double well, by inversion on a fine grid in x and exactly in y."""
    rng, x = np.random.default_rng(seed), np.linspace(-3, 3, 60_001)
    cdf = np.cumsum(np.exp(-(x**4 - 6 * x**2 - 0.5 * x) - 10))
    return np.stack([np.interp(rng.random(n), cdf / cdf[-1], x), rng.standard_normal(n)], axis=1).astype(np.float32)


def endless(data: np.ndarray):
    """Random rows without an end: an epoch is then 100 steps."""
    rows = jnp.asarray(data)
    return lambda key, size: rows[jax.random.randint(key, (size,), 0, len(rows))]


def judged(flow: Transformed, key: jax.Array, *, repeats: int = 20, draws: int = 100_000) -> dict:
    """The paper's profile errors in kT: bias and spread over repeats of -log p(x) in 30 bins, |x| < 2.25."""
    edges = np.linspace(-2.5, 2.5, 31)
    middles = 0.5 * (edges[1:] + edges[:-1])
    inside = np.abs(middles) < 2.25
    true = (middles**4 - 6 * middles**2 - 0.5 * middles)[inside]
    profiles, differences, shares = {"raw": [], "reweighted": []}, [], []
    for repeat in range(repeats):
        x, log_q = flow.sample_and_log_prob(jax.random.fold_in(key, repeat), draws)
        log_w = np.asarray(Target(WELL.log_density, (2,)).log_prob(x) - log_q, np.float64)
        x, w = np.asarray(x)[:, 0], np.exp(log_w - log_w.max())
        for name, weights in (("raw", np.ones(draws)), ("reweighted", w)):
            mass = np.histogram(x, edges, weights=weights)[0][inside]
            profiles[name].append(-np.log(np.where(mass > 0, mass, np.nan)))
        differences.append(np.log(w[x > 0].sum() / w[x < 0].sum()))
        shares.append(w.sum() ** 2 / (w**2).sum() / draws)
    record = {}
    for name, found in profiles.items():
        shifted = np.array([profile - np.nanmin(profile) for profile in found])
        bias = np.nanmean(np.abs(true - true.min() - np.nanmean(shifted, axis=0)))
        spread = np.nanmean(np.nanstd(shifted, axis=0))
        record[name] = {"bias": round(bias, 3), "std": round(spread, 3), "error": round(math.hypot(bias, spread), 3)}
    return record | {
        "free_energy_difference": round(float(np.mean(differences)), 4),
        "wanted_difference": FREE_ENERGY,
        "effective_share": round(float(np.mean(shares)), 4),
    }


FIGURES = {"energies": energies, "schools": schools, "wells": wells}


def main() -> None:
    """Measure what the command line names, and store it."""
    append("densities", (record for name in sys.argv[1:] or FIGURES for record in FIGURES[name]()))


if __name__ == "__main__":
    main()
