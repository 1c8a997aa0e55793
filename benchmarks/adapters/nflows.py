"""nflows: its layers with plain networks."""

import nflows.distributions
import nflows.flows
import nflows.transforms as transforms
import torch

from benchmarks.adapters._torch import TorchModel, alternating_mask, check_hidden, plain_network
from benchmarks.cases import Case


def build(case: Case, *, seed: int, device: str) -> TorchModel:
    torch.manual_seed(seed)
    flow = flow_for(case)
    return TorchModel(flow, flow.log_prob, flow.sample, dtype=case.dtype, device=device)


def flow_for(case: Case) -> nflows.flows.Flow:
    """The case's flow; also used to compare densities."""
    make = {"maf": _maf, "nsf-ar": _nsf_ar, "nsf-coupling": _nsf_coupling, "realnvp": _realnvp}[case.family]
    return nflows.flows.Flow(transforms.CompositeTransform(make(case)), nflows.distributions.StandardNormal([case.dim]))


def _maf(case: Case) -> list[transforms.Transform]:
    return _autoregressive(
        case,
        lambda: transforms.MaskedAffineAutoregressiveTransform(
            case.dim, check_hidden(case), num_blocks=len(case.hidden) - 1, use_residual_blocks=False
        ),
    )


def _nsf_ar(case: Case) -> list[transforms.Transform]:
    return _autoregressive(
        case,
        lambda: transforms.MaskedPiecewiseRationalQuadraticAutoregressiveTransform(
            case.dim,
            check_hidden(case),
            num_bins=case.bins,
            tails="linear",
            tail_bound=case.bound,
            num_blocks=len(case.hidden) - 1,
            use_residual_blocks=False,
        ),
    )


def _autoregressive(case: Case, make) -> list[transforms.Transform]:
    layers = []
    for _ in range(case.layers):
        layers += [make(), transforms.ReversePermutation(case.dim)]
    return layers[:-1]


def _nsf_coupling(case: Case) -> list[transforms.Transform]:
    return [
        transforms.PiecewiseRationalQuadraticCouplingTransform(
            alternating_mask(case.dim, layer),
            lambda before, after: plain_network((before, *case.hidden, after)),
            num_bins=case.bins,
            tails="linear",
            tail_bound=case.bound,
        )
        for layer in range(case.layers)
    ]


def _realnvp(case: Case) -> list[transforms.Transform]:
    return [
        transforms.AffineCouplingTransform(
            alternating_mask(case.dim, layer), lambda before, after: plain_network((before, *case.hidden, after))
        )
        for layer in range(case.layers)
    ]
