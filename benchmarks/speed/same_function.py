"""How far our densities are from a rival's with the rival's own weights: the numbers behind "same function"."""

from collections.abc import Callable

import jax
import numpy as np

from benchmarks.cases import CASES
from benchmarks.harness.records import Journal

NAMES = ("maf-6", "maf-43", "nsf-ar-6", "nsf-ar-43", "nsf-coupling-6", "nsf-coupling-43", "realnvp-43")
ROWS = 1_000
STIRRED = 1.5
"""Weights are multiplied by this: at their start values the maps are nearly the identity."""


def run(journal: Journal, say: Callable[[str], None]) -> None:
    """Compare every flow in float64 and write one record for each."""
    from benchmarks.adapters import nflows, zuko

    for name in NAMES:
        _compare(name, "zuko", zuko.flow_for, journal, say)
        if name.startswith("nsf-coupling"):
            _compare(name, "nflows", nflows.flow_for, journal, say)


def _compare(name: str, library: str, build: Callable, journal: Journal, say: Callable[[str], None]) -> None:
    import torch

    torch.manual_seed(0)
    flow = build(CASES[name]).double()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.mul_(STIRRED)
    worst = difference(flow, library, CASES[name].dim)
    journal.write({"kind": "same", "case": name, "library": library, "rows": ROWS, "largest_difference": worst})
    say(f"{name}, weights of {library}: log-densities differ by at most {worst:.1e} nats over {ROWS} rows")


def difference(flow, library: str, dim: int) -> float:
    """The largest difference of log-densities, in nats, over made-up rows in float64."""
    import torch

    from benchmarks import data
    from benchmarks.speed import equality

    x = data.made_up(dim, ROWS, seed=3).astype(np.float64)
    with torch.no_grad():
        theirs = (flow() if library == "zuko" else flow).log_prob(torch.as_tensor(x)).numpy()
    with jax.enable_x64(True):
        convert = equality.from_zuko if library == "zuko" else equality.from_nflows
        ours = np.asarray(convert(flow).log_prob(x))
    return float(np.abs(ours - theirs).max())
