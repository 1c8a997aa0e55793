"""How often `check` rejects right models, and whether it names wrong ones.

Run `python -m benchmarks.tables.goodness levels [gaussian table] [--repeats 200]`: rows that the model itself drew are
the data, and other rows of it are those of training, so that each test should reject in 5 % of the repeats. `gaussian`
is a mixture of two Gaussians in three columns; `table` a flow of a category, whole numbers, a column with an atom and a
number.

Run `python -m benchmarks.tables.goodness columns [--repeats 2000]`: the test of columns of `table` alone.

Run `python -m benchmarks.tables.goodness names [right overfitted underfitted shifted] [--repeats 20]`: fits of two
moons, each to other rows, and 1,000 new rows. `overfitted`: a spline flow, 100 rows, 200 epochs without held-out rows.
`underfitted`: one Gaussian, 1,000 rows. `shifted`: a spline flow as `fit` makes it, 1,000 rows, and new rows that are
moved by 0.2 in one column. `right`: draws of such a flow are the new rows, and others of them those of training.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

import pushforward as pf
from benchmarks.harness.records import append
from pushforward.bijections import Affine
from pushforward.diagnostics import Check
from pushforward.diagnostics.goodness._tests import column_p_values
from pushforward.distributions import Mixture, Normal, Transformed
from pushforward.estimators._inputs import rows_to_score
from pushforward.modalities._learn import key_from
from pushforward.modalities.table._chunks import TableFlow, iter_draws

ROWS, NEW, LEVEL = 300, 1000, 0.05
Draw = Callable[[int, int], Any]


def gaussian() -> tuple[Any, Draw]:
    """A mixture of two Gaussians, and its draws by number and seed."""
    standard = Normal.standard((3,))
    moved = Transformed(standard, Affine(jnp.array([1.0, -1.0, 0.5]), jnp.array([0.5, 2.0, 1.0])))
    flow = Mixture([standard, moved], jnp.array([0.7, 0.3]))
    return flow, lambda count, seed: np.asarray(flow.sample(jax.random.key(seed), count))


def table() -> tuple[Any, Draw]:
    """A fitted flow of all kinds of columns."""
    rng = np.random.default_rng(0)
    kind, count = rng.choice(["a", "b", "c"], 1000, p=[0.5, 0.3, 0.2]), rng.poisson(2.0, 1000)
    rain = np.where(rng.random(1000) < 0.4, 0.0, rng.exponential(size=1000))
    y = rng.normal(size=1000) + count
    rows = pd.DataFrame({"kind": kind, "count": count + 3 * (kind == "b"), "rain": rain, "y": y})
    columns = {"count": "integer(0,60)", "rain": "positive+atoms(0)", "*": "infer"}
    density = pf.FlowDensity("nsf", columns=columns, options={"num_layers": 2}, max_epochs=30, random_state=0).fit(rows)
    names = list(rows.columns)
    return density, lambda count, seed: pd.DataFrame(density.sample(count, random_state=seed), columns=names)


MODELS = {"gaussian": gaussian, "table": table}


def levels(name: str, repeats: int) -> Iterator[dict[str, Any]]:
    """How often each test rejects at 5 %, and how often the verdict is not good."""
    flow, draw = MODELS[name]()
    rejected, verdicts = Counter[str](), Counter[str]()
    for seed in range(repeats):
        found = pf.diagnostics.check(flow, draw(ROWS, 2 * seed + 1), draw(ROWS, 2 * seed + 2), key=seed)
        rejected.update(finding.name for finding in found.findings if not finding.passed)
        verdicts[found.verdict] += 1
    names = [finding.name for finding in found.findings if finding.p_value is not None]
    shares = {test: round(rejected[test] / repeats, 3) for test in names}
    yield {"model": name, "rows": ROWS, "repeats": repeats, "rejected": shares, "verdicts": dict(verdicts)}


def columns(repeats: int) -> Iterator[dict[str, Any]]:
    """How often the test of columns rejects the table at 5 %, which needs no trees, so that repeats can be many."""
    density, draw = table()
    model, found = density.model_, []
    schema = model.facts.schema
    for number in range(repeats):
        # The seeds of `check`, so that the first 200 are those of `levels`.
        seed = int(jax.random.randint(jax.random.split(jax.random.key(number), 3)[0], (), 0, 2**31 - 1))
        rows = rows_to_score(density, draw(ROWS, 2 * number + 1))
        drawn = np.concatenate(list(iter_draws(TableFlow.of(model), ROWS, key_from(seed), None)))
        rng = np.random.default_rng(seed)
        found.append(
            column_p_values(rows[rng.permutation(ROWS)], drawn, schema.categorical, np.random.default_rng(seed))
        )
    each = np.array(found)
    together = np.minimum(each.min(axis=1) * each.shape[1], 1.0) <= LEVEL
    yield {
        "model": "table",
        "rows": ROWS,
        "repeats": repeats,
        "rejected": {"columns, one by one": round(float(together.mean()), 4)},
        "of_the_first_200": round(float(together[:200].mean()), 4),
        "each_alone": dict(zip(schema.names, np.round((each <= LEVEL).mean(axis=0), 4).tolist(), strict=True)),
        "standard_error": round(float(np.sqrt(LEVEL * (1 - LEVEL) / repeats)), 4),
    }


def moons(count: int, seed: int) -> np.ndarray:
    return np.asarray(pf.data.moons(count, seed=seed), float)


def overfitted(seed: int) -> Check:
    train = moons(100, seed)
    fitted = pf.FlowDensity("nsf", max_epochs=200, validation=None, background=False, random_state=seed).fit(train)
    return pf.diagnostics.check(fitted, moons(NEW, seed + 1000), train, key=seed)


def underfitted(seed: int) -> Check:
    train = moons(1000, seed)
    fitted = pf.FlowDensity("affine", background=False, random_state=seed).fit(train)
    return pf.diagnostics.check(fitted, moons(NEW, seed + 1000), train, key=seed)


def shifted(seed: int) -> Check:
    train = moons(1000, seed)
    fitted = pf.FlowDensity("nsf", background=False, random_state=seed).fit(train)
    return pf.diagnostics.check(fitted, moons(NEW, seed + 1000) + np.array([0.2, 0.0]), train, key=seed)


def right(seed: int) -> Check:
    if "flow" not in _KEPT:
        _KEPT["flow"] = pf.FlowDensity("nsf", background=False, random_state=0).fit(moons(1000, 0))
    rows = _KEPT["flow"].sample(2 * NEW, random_state=seed)
    return pf.diagnostics.check(_KEPT["flow"], rows[:NEW], rows[NEW:], key=seed)


_KEPT: dict[str, Any] = {}
CASES = {"right": right, "overfitted": overfitted, "underfitted": underfitted, "shifted": shifted}


def names(case: str, repeats: int) -> Iterator[dict[str, Any]]:
    """What the verdicts on one kind of fit are."""
    verdicts = Counter(CASES[case](seed).verdict for seed in range(repeats))
    yield {"case": case, "repeats": repeats, "verdicts": dict(verdicts)}


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("levels", "columns", "names"))
    parser.add_argument("which", nargs="*")
    parser.add_argument("--repeats", type=int)
    args = parser.parse_args()
    if args.what == "columns":
        append("goodness", columns(args.repeats or 2000))
        return
    every, run, usual = (MODELS, levels, 200) if args.what == "levels" else (CASES, names, 20)
    for name in args.which or every:
        append("goodness", run(name, args.repeats or usual))


if __name__ == "__main__":
    main()
