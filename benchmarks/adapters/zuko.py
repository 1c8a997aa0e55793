"""zuko: its ready-made flows, and a spline coupling from its parts."""

import torch
import zuko

from benchmarks.adapters._torch import TorchModel, alternating_mask
from benchmarks.cases import Case


def build(case: Case, *, seed: int, device: str) -> TorchModel:
    torch.manual_seed(seed)
    flow = flow_for(case)
    return TorchModel(
        flow,
        lambda x: flow().log_prob(x),
        lambda n: flow().sample((n,)),
        dtype=case.dtype,
        device=device,
    )


def flow_for(case: Case) -> zuko.lazy.Flow:
    """The case's flow; also used to compare densities."""
    shared = {"transforms": case.layers, "hidden_features": case.hidden}
    if case.family == "maf":
        return zuko.flows.MAF(case.dim, **shared)
    if case.family == "nsf-ar":
        return zuko.flows.NSF(case.dim, bins=case.bins, **shared)
    if case.family == "realnvp":
        return zuko.flows.RealNVP(case.dim, **shared)
    return _spline_coupling(case)


def _spline_coupling(case: Case) -> zuko.lazy.Flow:
    layers = [
        zuko.flows.GeneralCouplingTransform(
            case.dim,
            mask=alternating_mask(case.dim, layer) == 0,
            univariate=zuko.transforms.MonotonicRQSTransform,
            shapes=[(case.bins,), (case.bins,), (case.bins - 1,)],
            hidden_features=case.hidden,
        )
        for layer in range(case.layers)
    ]
    base = zuko.lazy.UnconditionalDistribution(
        zuko.distributions.DiagNormal, torch.zeros(case.dim), torch.ones(case.dim), buffer=True
    )
    return zuko.lazy.Flow(layers, base)
