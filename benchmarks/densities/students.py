"""Teachers that are slow at samples, and students that are fast at them.

Run `python -m benchmarks.densities.students [power miniboone signal] [maf nsf-ar] [--student iaf | --width 64]`; the
first two tables need `PUSHFORWARD_DATA`. Results are added to benchmarks/results/students.jsonl. A teacher is fitted,
and teaches its own layers turned round, with networks of their width or another, or an IAF of affine layers:
KL(student || teacher), forward divergence, Pareto k, and draws a second of the student, of its teacher by the library's
blocked inverse, and of its teacher with one pass of the network for each column.
"""

import argparse
import time
from collections.abc import Iterator

import equinox as eqx
import jax
import numpy as np

import pushforward as pf
from benchmarks.data import split, standardised
from benchmarks.harness.arguments import chosen
from benchmarks.harness.records import append
from pushforward.bijections import Autoregressive
from pushforward.nets import AbstractConditioner

LENGTH, SIGNALS = 64, 12_000
TEACHERS = {"maf": pf.flows.maf, "nsf-ar": pf.flows.nsf_ar}
STUDENTS = {"own": None, "iaf": pf.flows.iaf}
EPOCHS = {"power": 20, "miniboone": 100, "signal": 20}
DRAWS = 1024


def signal() -> np.ndarray:
    """A noisy resonance bent by a hyperbolic tangent: x_t = 1.6 x_{t-1} - 0.8 x_{t-2} + 0.3 e_t, 64 steps."""
    rng = np.random.default_rng(0)
    noise, warm = rng.standard_normal((SIGNALS, LENGTH + 50)), 50
    x = np.zeros_like(noise)
    for t in range(2, x.shape[1]):
        x[:, t] = 1.6 * x[:, t - 1] - 0.8 * x[:, t - 2] + 0.3 * noise[:, t]
    return standardised(np.tanh(x[:, warm:]) + 0.1 * rng.standard_normal((SIGNALS, LENGTH)))


def teachers(name: str, recipes: list[str]) -> Iterator[tuple[str, pf.distributions.AbstractDistribution, float]]:
    """Recipe, fitted teacher, nats on held-out rows."""
    if name == "signal":
        rows = signal()
        train, test = rows[SIGNALS // 10 :], rows[: SIGNALS // 10]
    else:
        train, test = split(name)
    dim = train.shape[1]
    for recipe in recipes:
        flow = TEACHERS[recipe](dim, key=jax.random.key(0))
        fitted = pf.fit(flow, train, max_epochs=EPOCHS[name], progress=False, key=jax.random.key(1)).flow
        yield recipe, fitted, -float(np.mean(fitted.log_prob(test)))


def column_by_column(flow: pf.distributions.AbstractDistribution) -> pf.distributions.AbstractDistribution:
    """The same flow with networks whose inside is not known, which cost a pass for each column."""

    def opened(layer: object) -> object:
        if not isinstance(layer, Autoregressive):
            return layer
        return eqx.tree_at(lambda one: one.net, layer, Opaque(layer.net))

    return jax.tree.map(opened, flow, is_leaf=lambda node: isinstance(node, Autoregressive))


class Opaque(AbstractConditioner):
    """A network that keeps its masks to itself."""

    net: AbstractConditioner

    cond_dim = None

    @property
    def in_shape(self) -> tuple[int, ...]:
        return self.net.in_shape

    @property
    def out_shape(self) -> tuple[int, ...]:
        return self.net.out_shape

    def __call__(self, x: jax.Array, condition: jax.Array | None = None) -> jax.Array:
        return self.net(x, condition)


def a_second(flows: dict[str, pf.distributions.AbstractDistribution]) -> dict[str, float]:
    """Draws a second, medians of rounds in which the flows take turns."""
    times: dict[str, list[float]] = {name: [] for name in flows}
    for round_ in range(12):
        for name, flow in flows.items():
            start = time.perf_counter()
            jax.block_until_ready(flow.sample(jax.random.key(round_), DRAWS))
            times[name].append(time.perf_counter() - start)
    return {name: round(DRAWS / float(np.median(found[2:]))) for name, found in times.items()}


def students(name: str, recipes: list[str], kind: str, width: int | None) -> Iterator[dict]:
    """One record for each teacher."""
    for recipe, teacher, nats in teachers(name, recipes):
        about = {"data": name, "teacher": recipe, "student_is": kind, "width": width}
        yield about | {"teacher_test_nats": round(nats, 3)} | taught(teacher, kind, width)


def taught(teacher: pf.distributions.AbstractDistribution, kind: str, width: int | None) -> dict:
    """What a student has learned, and how fast it is."""
    build = STUDENTS[kind]
    student = None if build is None else build(*teacher.event_shape, key=jax.random.key(3))
    start = time.perf_counter()
    done = pf.distill(teacher, student, width=width, progress=False, key=jax.random.key(2))
    seconds = time.perf_counter() - start
    report = done.report
    return {
        "kl": round(report.kl, 4),
        "kl_error": round(report.kl_error, 4),
        "kl_per_dim": round(report.kl_per_dim, 4),
        "forward_kl": None if report.forward_kl is None else float(f"{report.forward_kl:.4g}"),
        "missed": report.missed,
        "pareto_k": round(report.pareto_k, 2),
        "seconds": round(seconds, 1),
    } | a_second({"student": done.flow, "blocked": teacher, "by_column": column_by_column(teacher)})


def main() -> None:
    """Teach what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--student", choices=STUDENTS, default="own")
    parser.add_argument("--width", type=int, help="of the student's networks (default: the teacher's)")
    args = parser.parse_args()
    tables, recipes = chosen(parser, args.names, EPOCHS, TEACHERS)
    for table in tables:
        append("students", students(table, recipes, args.student, args.width))


if __name__ == "__main__":
    main()
