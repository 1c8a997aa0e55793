"""The main job on two tables: fit, score, sample and draw; `make demo` runs it and leaves everything in `demo/`."""

import time
from pathlib import Path

import jax
import numpy as np

import pushforward as pf
from pushforward import plots
from pushforward.bijections import Chain
from pushforward.data import Table, infer_schema, read_table, write_table
from pushforward.distributions import Transformed

OUT = Path("demo")
ENTROPY = round(pf.data.entropy("moons"), 3)


def say(text: str) -> None:
    print(text, flush=True)


def two_moons() -> str:
    """A density whose true entropy is known."""
    say("1/2  two moons: 10,000 points with noise 0.05, a neural spline flow")
    train = Table(("x1", "x2"), pf.data.moons(10_000, seed=0))
    test = Table(("x1", "x2"), pf.data.moons(20_000, seed=1))
    density = pf.FlowDensity("nsf", learning_rate=3e-3, max_epochs=20, random_state=0, progress=True).fit(train)
    loss = -density.score(test)
    leave("moons", density, test)

    plots.save(plots.loss_curve(density.result_, reference=ENTROPY), OUT / "moons_loss.png")
    pictures = {
        "before training": untrained(train),
        "after training": density.flow_,
        "true density": pf.data.moons_log_density,
    }
    plots.save(plots.density_grid(pictures, test.values), OUT / "moons_density.png")
    samples = density.sample(3000, random_state=0)
    plots.save(plots.samples_beside_data(samples, test.values), OUT / "moons_samples.png")
    plots.save(plots.steps(density.flow_, jax.random.key(0)), OUT / "moons_steps.png")
    return (
        f"two moons: {loss:.3f} nats on new points. No model can get below the entropy of the data, {ENTROPY:.3f};\n"
        f"  the difference, {round(loss, 3) - ENTROPY:.3f}, is how far the learned density is from the true one\n"
        "  (the Kullback-Leibler divergence)."
    )


def breast_cancer() -> str:
    """A real table, bundled with scikit-learn; what each column can hold is inferred."""
    say("\n2/2  breast_cancer: 569 rows, 30 columns; a neural spline flow, and one Gaussian to compare with")
    table = read_table("sklearn:breast_cancer")
    order = np.random.default_rng(0).permutation(table.num_rows)
    train, test = (Table(table.names, table.values[rows]) for rows in (order[:455], order[455:]))
    kinds = [column.kind for column in infer_schema(train)[0].columns]
    say("     columns, as inferred: " + ", ".join(f"{kinds.count(kind)} {kind}" for kind in sorted(set(kinds))))
    settings = {"columns": "infer", "random_state": 0, "patience": 20, "progress": True}
    small = {"num_layers": 4, "width": 32}
    density = pf.FlowDensity("nsf", options=small, learning_rate=3e-3, max_epochs=200, **settings).fit(train)
    gaussian = pf.FlowDensity("gaussian", learning_rate=0.02, max_epochs=200, **settings).fit(train)
    leave("breast_cancer", density, test)

    plots.save(plots.loss_curve(density.result_), OUT / "breast_cancer_loss.png")
    samples = density.sample(10_000, random_state=0)
    plots.save(plots.corner(table.values, samples, names=table.names, max_columns=6), OUT / "breast_cancer_samples.png")
    flow_score, gaussian_score = round(density.score(test), 1), round(gaussian.score(test), 1)
    gain = flow_score - gaussian_score
    return (
        f"breast_cancer: the rows that were not trained on have a mean log-density of {flow_score:.1f} nats under the\n"
        f"  flow, {gaussian_score:.1f} under one Gaussian: higher is better. The flow finds such a row, in\n"
        f"  the geometric mean, exp({gain:.1f}) = {np.exp(gain):.0f} times as likely."
    )


def leave(name: str, density: pf.FlowDensity, test: Table) -> None:
    """The model, the log-density of each test row, and samples."""
    density.save(OUT / f"{name}.safetensors")
    write_table(OUT / f"{name}_scores.csv", Table(("log_prob",), density.score_samples(test)[:, None]))
    write_table(OUT / f"{name}_samples.csv", density.schema_.table(density.sample(1000, random_state=0)))


def untrained(table: Table) -> Transformed:
    """The flow as it is before its first step, in the units of the table."""
    flow = pf.flows.nsf(table.num_columns, key=jax.random.key(0))
    columns = pf.data.Schema([pf.data.Column(name, "unbounded") for name in table.names])
    return Transformed(flow.base, Chain([flow.bijection, columns.bijection(table.values)]))


def main() -> None:
    start = time.perf_counter()
    OUT.mkdir(exist_ok=True)
    findings = [two_moons(), breast_cancer()]
    say(f"\nMade in {OUT}/ in {time.perf_counter() - start:.0f} s:")
    say("  *.safetensors   the models: try `.venv/bin/pushforward sample demo/moons.safetensors -n 5`")
    say("  *_scores.csv    the log-density of each row that was not trained on, in nats")
    say("  *_samples.csv   1,000 new rows")
    say("  *_loss.png      training and validation loss by epoch")
    say("  *_samples.png   samples beside the data")
    say("  moons_density.png, moons_steps.png   the density before and after training, and layer by layer\n")
    say("\n".join(findings))


if __name__ == "__main__":
    main()
