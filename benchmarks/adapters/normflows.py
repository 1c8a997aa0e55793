"""normflows: its layers, turned round where its own direction would make the density the slow one."""

import normflows as nf
import torch

from benchmarks.adapters._torch import TorchModel, alternating_mask, check_hidden, plain_network
from benchmarks.cases import Case


def build(case: Case, *, seed: int, device: str) -> TorchModel:
    torch.manual_seed(seed)
    if case.family == "glow":
        return _glow(case, device)
    layers = {"maf": _maf, "nsf-ar": _nsf_ar, "nsf-coupling": _nsf_coupling, "realnvp": _realnvp}[case.family](case)
    flow = nf.NormalizingFlow(nf.distributions.DiagGaussian(case.dim, trainable=False), layers)
    return TorchModel(flow, flow.log_prob, lambda n: flow.sample(n)[0], dtype=case.dtype, device=device)


def _maf(case: Case) -> list[nf.flows.Flow]:
    return _autoregressive(
        case,
        lambda: nf.flows.MaskedAffineAutoregressive(
            case.dim, check_hidden(case), num_blocks=len(case.hidden) - 1, use_residual_blocks=False
        ),
    )


def _nsf_ar(case: Case) -> list[nf.flows.Flow]:
    spline = nf.flows.neural_spline.autoregressive.MaskedPiecewiseRationalQuadraticAutoregressive
    return _autoregressive(
        case,
        lambda: spline(
            case.dim,
            check_hidden(case),
            num_bins=case.bins,
            tails="linear",
            tail_bound=case.bound,
            num_blocks=len(case.hidden) - 1,
            use_residual_blocks=False,
        ),
    )


def _autoregressive(case: Case, make) -> list[nf.flows.Flow]:
    layers = []
    for _ in range(case.layers):
        layer = make()
        made = layer.autoregressive_net
        # Without residual blocks this MADE applies no activation to its first layer.
        made.initial_layer = torch.nn.Sequential(made.initial_layer, torch.nn.ReLU())
        layers += [nf.flows.Reverse(layer), nf.flows.Permute(case.dim)]
    return layers[:-1]


def _nsf_coupling(case: Case) -> list[nf.flows.Flow]:
    coupling = nf.flows.neural_spline.coupling.PiecewiseRationalQuadraticCoupling
    return [
        nf.flows.Reverse(
            coupling(
                alternating_mask(case.dim, layer),
                lambda before, after: plain_network((before, *case.hidden, after)),
                num_bins=case.bins,
                tails="linear",
                tail_bound=case.bound,
            )
        )
        for layer in range(case.layers)
    ]


def _realnvp(case: Case) -> list[nf.flows.Flow]:
    kept = (case.dim + 1) // 2
    layers = []
    for _ in range(case.layers):
        network = nf.nets.MLP([kept, *case.hidden, 2 * (case.dim - kept)])
        layers += [nf.flows.AffineCouplingBlock(network), nf.flows.Permute(case.dim, mode="swap")]
    return layers[:-1]


def _glow(case: Case, device: str) -> TorchModel:
    """Its image example, without classes and without the noise of grey values."""
    height, width, channels = case.image or (0, 0, 0)
    bases, levels, merges = [], [], []
    for scale in reversed(range(1, case.scales + 1)):  # the coarsest first
        grid, squeezed = (height >> scale, width >> scale), 4 * channels << (scale - 1)
        steps = [nf.flows.GlowBlock(squeezed, check_hidden(case)) for _ in range(case.layers)]
        levels.append([*steps, nf.flows.Squeeze()])
        kept = squeezed if scale == case.scales else squeezed // 2
        bases.append(nf.distributions.DiagGaussian((kept, *grid), trainable=False))
        merges += [nf.flows.Merge()] if scale < case.scales else []
    flow = nf.MultiscaleFlow(bases, levels, merges, class_cond=False)
    return TorchModel(
        flow,
        lambda x: flow.log_prob(x.view(-1, channels, height, width), None),
        lambda n: flow.sample(n)[0].flatten(1),
        dtype=case.dtype,
        device=device,
    )
