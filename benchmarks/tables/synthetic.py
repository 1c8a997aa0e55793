"""Synthetic tables: how good and how private those of `pushforward synthesize` are, with its default settings.

Run `python -m benchmarks.tables.synthetic [tables] [--flow nsf-ar] [--seeds 1] [--epochs N]`; needs
`PUSHFORWARD_DATA`. A fifth of the rows is held out; as many synthetic rows are drawn as the table has. The detection
score is that of gradient-boosted trees, three folds, against the training rows, as in published tables, and against
the held-out rows, which the flow has not seen. Other figures are those of `pushforward.diagnostics.synthetic.assess`,
with standard errors, beside columns drawn independently and a copy of the training rows.
"""

import argparse
import csv
import lzma
import time
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from benchmarks.data import folder
from benchmarks.harness.records import append
from pushforward.data import Table, as_table
from pushforward.diagnostics.synthetic import Estimate
from pushforward.modalities._registry import modality_named
from pushforward.modalities._talk import Talk
from pushforward.modalities.table.synthesis._synthesize import Synthesis, synthesized

TABLES = ("magic.gamma", "adult")
TARGETS = {"magic.gamma": "class", "adult": "income"}


def magic() -> Table:
    """Ten numbers and the class."""
    file = np.load(folder() / "adbench" / "22_magic.gamma.npz")
    columns = {f"x{i}": x.astype(float) for i, x in enumerate(file["X"].T)}
    return as_table(columns | {"class": np.where(file["y"] > 0, "hadron", "gamma")})


def adult() -> Table:
    """The 32,561 training rows of the census, in which `?` is a category like any other."""
    with lzma.open(folder() / "adult" / "adult.data.xz", "rt") as file:
        names, *rows = [[cell.strip() for cell in line] for line in csv.reader(file) if line]
    columns = dict(zip([*names[:-1], "income"], zip(*rows, strict=True), strict=True))
    return as_table({name: _cells(cells) for name, cells in columns.items()})


def _cells(cells: Sequence[str]) -> np.ndarray:
    texts = np.array(["unknown" if cell == "?" else cell for cell in cells])
    return texts.astype(float) if all(cell.isdigit() for cell in cells) else texts


def run(name: str, flow: str, epochs: int | None, seed: int) -> Iterator[dict[str, Any]]:
    """One record."""
    table = {"magic.gamma": magic, "adult": adult}[name]()
    common = {"flow": flow, "options": {}, "max_epochs": epochs, "random_state": seed}
    started = time.perf_counter(), time.process_time()
    made = synthesized(table, None, common=common, targets=(TARGETS[name],), talk=Talk(quiet=True))
    seconds = time.perf_counter() - started[0], time.process_time() - started[1]
    yield {
        "table": name,
        "flow": flow,
        "seed": seed,
        "train": made.train.num_rows,
        "held_out": made.held_out.num_rows,
        "columns": made.train.num_columns,
        "epochs": len(made.generator.model.result.history),
        "train_seconds": round(made.generator.model.result.seconds, 1),
        "seconds": round(seconds[0], 1),
        "cpu_seconds": round(seconds[1], 1),
        **_figures(made, seed),
    }


def _figures(made: Synthesis, seed: int) -> dict[str, Any]:
    found = made.assess()
    figures = {
        figure.name: {name: _rounded(value) for name, value in figure.values.items()} for figure in found.figures
    }
    used = next(column for column in found.columns if column.name == made.targets[0])
    return {
        "figures": figures,
        "use": {"target": used.name, "measure": used.measure, **_both(used.synthetic, used.real)},
        "verdict": found.verdict(),
    }


def _both(synthetic: Estimate | None, real: Estimate | None) -> dict[str, Any]:
    return {"synthetic": _rounded(synthetic), "real": _rounded(real)}


def _rounded(value: Estimate | None) -> list[float] | None:
    return None if value is None else [round(value.value, 4), round(value.error, 4)]


def main() -> None:
    """Fill what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", default=list(TABLES))
    parser.add_argument("--flow", default=modality_named("table").generator)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--seeds", type=int, default=1)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    cases = [(name, args.flow, args.epochs, seed) for seed in range(args.seeds) for name in args.tables]
    append("synthetic", (record for case in cases for record in run(*case)))


if __name__ == "__main__":
    main()
