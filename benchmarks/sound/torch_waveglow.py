"""The architecture of `flows.waveglow` in torch, for `benchmarks.sound.step`: same layers, sizes and loss."""

import math

import torch
from torch import nn


class Net(nn.Module):
    """Gated dilated convolutions that see both ways; the last layer starts at zero."""

    def __init__(self, seen: int, moved: int, width: int, depth: int, kernel: int, mels: int):
        super().__init__()
        self.first = nn.Conv1d(seen, width, 1)
        self.told = nn.Conv1d(mels, 2 * width * depth, 1) if mels else None
        self.kernels = nn.ModuleList(
            nn.Conv1d(width, 2 * width, kernel, dilation=2**i, padding=2**i * (kernel // 2)) for i in range(depth)
        )
        self.mixes = nn.ModuleList(nn.Conv1d(width, width * (1 + (i < depth - 1)), 1) for i in range(depth))
        self.last = nn.Conv1d(width, 2 * moved, 1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)
        self.width = width

    def forward(self, x: torch.Tensor, mel: torch.Tensor | None) -> torch.Tensor:
        h, total = self.first(x), 0.0
        told = None if mel is None else self.told(mel).chunk(len(self.kernels), 1)
        for i, (kernel, mix) in enumerate(zip(self.kernels, self.mixes, strict=True)):
            gates = kernel(h)
            if told is not None:
                gates = gates + told[i].repeat_interleave(gates.shape[-1] // told[i].shape[-1], -1)
            value, gate = gates.chunk(2, 1)
            mixed = mix(torch.tanh(value) * torch.sigmoid(gate))
            if i < len(self.kernels) - 1:
                h, mixed = h + mixed[:, : self.width], mixed[:, self.width :]
            total = total + mixed
        return self.last(total)


class WaveGlow(nn.Module):
    """`loss(x, mel)`: negative log-density in nats per sample."""

    def __init__(self, *, num_flows=12, group=8, every=4, early=2, width=32, depth=6, kernel=3, mels=0):
        super().__init__()
        self.group, self.every, self.early = group, every, early
        channels, nets, mixes = group, [], []
        for i in range(num_flows):
            channels -= early if i and i % every == 0 else 0
            mixes.append(nn.Parameter(torch.linalg.qr(torch.randn(channels, channels))[0]))
            nets.append(Net(channels // 2, channels - channels // 2, width, depth, kernel, mels))
        self.nets, self.mixes = nn.ModuleList(nets), nn.ParameterList(mixes)
        self.norms = nn.ParameterList(nn.Parameter(torch.zeros(2, len(m))) for m in mixes)

    def loss(self, x: torch.Tensor, mel: torch.Tensor | None = None) -> torch.Tensor:
        length = x.shape[1]
        h = x.reshape(len(x), -1, self.group).transpose(1, 2)
        total, out = x.new_zeros(len(x)), []
        for i, (net, matrix, norm) in enumerate(zip(self.nets, self.mixes, self.norms, strict=True)):
            if i and i % self.every == 0:
                out.append(h[:, h.shape[1] - self.early :])
                h = h[:, : h.shape[1] - self.early]
            h = (h - norm[0][:, None]) * torch.exp(-norm[1])[:, None]
            h = torch.einsum("ij,njt->nit", matrix, h)
            kept, moved = h.split([h.shape[1] // 2, h.shape[1] - h.shape[1] // 2], 1)
            shift, raw = net(kept, mel).chunk(2, 1)
            log_scale = torch.asinh(raw)
            h = torch.cat([kept, (moved - shift) * torch.exp(-log_scale)], 1)
            volume = torch.linalg.slogdet(matrix)[1] - norm[1].sum()
            total = total + h.shape[-1] * volume - log_scale.sum((1, 2))
        z = torch.cat([part.flatten(1) for part in [*out, h]], 1)
        density = total - 0.5 * (z**2).sum(1) - 0.5 * length * math.log(2 * math.pi)
        return -density.mean() / length
