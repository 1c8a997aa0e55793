"""Densities of rivals' weights in our parts; needs the `bench` extra."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the `bench` extra is not installed")
pytest.importorskip("zuko", reason="the `bench` extra is not installed")
pytest.importorskip("nflows", reason="the `bench` extra is not installed")

from benchmarks import data  # noqa: E402
from benchmarks.adapters import nflows, zuko  # noqa: E402
from benchmarks.cases import CASES  # noqa: E402
from benchmarks.speed import equality  # noqa: E402
from benchmarks.speed.same_function import difference  # noqa: E402


@pytest.mark.parametrize("name", ["maf-6", "maf-43", "nsf-ar-6", "nsf-coupling-43", "realnvp-6"])
def test_zuko_weights_give_our_density(name: str) -> None:
    assert difference(_stirred(zuko.flow_for, name).double(), "zuko", CASES[name].dim) < 1e-8


@pytest.mark.parametrize("name", ["nsf-coupling-6", "nsf-coupling-43"])
def test_nflows_coupling_weights_give_our_density(name: str) -> None:
    assert difference(_stirred(nflows.flow_for, name).double(), "nflows", CASES[name].dim) < 1e-8


def test_they_agree_in_float32_within_its_rounding() -> None:
    flow = _stirred(zuko.flow_for, "nsf-ar-6")
    x = data.made_up(6, 500, seed=3)
    with torch.no_grad():
        theirs = flow().log_prob(torch.as_tensor(x)).numpy()
    np.testing.assert_allclose(np.asarray(equality.from_zuko(flow).log_prob(x)), theirs, rtol=1e-5, atol=1e-5)


def test_another_weight_gives_another_density() -> None:
    flow = _stirred(zuko.flow_for, "maf-6")
    ours = equality.from_zuko(flow)
    x = data.made_up(6, 50, seed=3)
    with torch.no_grad():
        flow.transform.transforms[1].hyper[2].weight.mul_(1.01)
        theirs = flow().log_prob(torch.as_tensor(x)).numpy()
    assert np.abs(np.asarray(ours.log_prob(x)) - theirs).max() > 1e-4


def _stirred(build: Callable, name: str):
    """A short flow with larger weights than at the start, so that scales and bins differ from point to point."""
    torch.manual_seed(1)
    flow = build(dataclasses.replace(CASES[name], layers=3, hidden=(64, 64)))
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.mul_(1.5)
    return flow
