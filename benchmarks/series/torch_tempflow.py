"""The architecture of `flows.tempflow` in torch, for `benchmarks.series.step`: same inputs, layers, sizes and loss."""

import math

import torch
from torch import nn


class Masked(nn.Linear):
    """A dense layer of which some weights stay zero."""

    def __init__(self, mask: torch.Tensor):
        super().__init__(mask.shape[1], mask.shape[0])
        self.register_buffer("mask", mask)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.linear(x, self.weight * self.mask, self.bias)


class Layer(nn.Module):
    """One masked autoregressive layer, `z -> s(x) z + t(x)`, whose last dense layer starts at zero."""

    def __init__(self, size: int, given: int, width: int, depth: int):
        super().__init__()
        column, hidden = torch.arange(1, size + 1), torch.arange(width) % max(size - 1, 1) + 1
        self.first, self.told = Masked((hidden[:, None] >= column[None]).float()), nn.Linear(given, width)
        self.hidden = nn.ModuleList(Masked((hidden[:, None] >= hidden[None]).float()) for _ in range(depth - 1))
        self.last = Masked((column.repeat(2)[:, None] > hidden[None]).float())
        self.bound = nn.Parameter(torch.ones(size))
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def scale_and_shift(self, x: torch.Tensor, given: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        h = torch.relu(self.first(x) + self.told(given))
        for layer in self.hidden:
            h = torch.relu(layer(h))
        raw, shift = self.last(h).chunk(2, -1)
        return self.bound * torch.tanh(raw), shift

    def density(self, x: torch.Tensor, given: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        log_scale, shift = self.scale_and_shift(x, given)
        return (x - shift) * torch.exp(-log_scale), log_scale.sum(-1)

    def sample(self, z: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
        """Column by column: each needs a pass of the network."""
        x = torch.zeros_like(z)
        for column in range(z.shape[-1]):
            log_scale, shift = self.scale_and_shift(x, given)
            x = x.clone()
            x[:, column] = z[:, column] * torch.exp(log_scale[:, column]) + shift[:, column]
        return x


class Tempflow(nn.Module):
    """`loss(x, past)`: negative log-density of windows in nats; `sample(past)`: one path for each row."""

    def __init__(self, size: int, *, horizon: int, context: int, num_layers=3, width=100, depth=2, units=40):
        super().__init__()
        self.size, self.horizon, self.context, self.lags = size, horizon, context, (1, 2)
        inputs = size * (len(self.lags) + 2)
        self.encoder = nn.GRU(inputs, units, num_layers=2, batch_first=True)
        self.layers = nn.ModuleList(Layer(size, units + inputs, width, depth) for _ in range(num_layers))
        self.linear = nn.Parameter(torch.zeros(size, inputs))
        self.norm = nn.Parameter(torch.zeros(2, size))

    def inputs(self, values: torch.Tensor, scale: torch.Tensor, steps: range) -> torch.Tensor:
        """Lagged values, what is missing (nothing) and the size of the window, `(batch, steps, inputs)`."""
        lagged = [values[:, steps.start - lag : steps.stop - lag] / scale[:, None] for lag in self.lags]
        still = torch.zeros_like(lagged[0])
        return torch.cat([*lagged, still, torch.log(scale)[:, None].expand_as(still)], -1)

    def noise(self, x: torch.Tensor, given: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x, total = (x - self.norm[0]) * torch.exp(-self.norm[1]), -self.norm[1].sum()
        for layer in self.layers:
            x, log_scale = layer.density(x.flip(-1), given)
            total = total - log_scale
        return x, total

    def loss(self, x: torch.Tensor, past: torch.Tensor) -> torch.Tensor:
        values, most = torch.cat([past, x], 1), max(self.lags)
        scale = past.abs().mean(1).clamp_min(1e-6)
        inputs = self.inputs(values, scale, range(most, most + self.context + self.horizon))
        states = self.encoder(inputs)[0][:, self.context :]
        inputs = inputs[:, self.context :]
        rest = x / scale[:, None] - inputs @ self.linear.T
        z, total = self.noise(rest, torch.cat([states, inputs], -1))
        log_prob = -0.5 * (z**2).sum(-1) - 0.5 * self.size * math.log(2 * math.pi) + total
        return -(log_prob - torch.log(scale).sum(-1)[:, None]).sum(1).mean()

    @torch.no_grad()
    def sample(self, past: torch.Tensor) -> torch.Tensor:
        most, scale, values = max(self.lags), past.abs().mean(1).clamp_min(1e-6), past
        _, state = self.encoder(self.inputs(values, scale, range(most, most + self.context)))
        for _ in range(self.horizon):
            inputs = self.inputs(values, scale, range(values.shape[1], values.shape[1] + 1))
            said, state = self.encoder(inputs, state)
            given = torch.cat([said[:, 0], inputs[:, 0]], -1)
            x = torch.randn(len(past), self.size)
            for layer in reversed(self.layers):
                x = layer.sample(x, given).flip(-1)
            x = x * torch.exp(self.norm[1]) + self.norm[0] + inputs[:, 0] @ self.linear.T
            values = torch.cat([values, (scale * x)[:, None]], 1)
        return values[:, past.shape[1] :]
