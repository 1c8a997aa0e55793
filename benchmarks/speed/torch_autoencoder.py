"""A variational autoencoder in torch, as one would write it: plain, or with orthogonal Sylvester maps."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

LATENT, WIDTH, MAPS, DIRECTIONS = 40, 300, 4, 16
ROUNDS, NEAR = 30, 1e-6
"""Of the iteration that makes columns orthonormal, as its authors have it."""


class Gated(nn.Module):
    def __init__(self, inner: int, out: int):
        super().__init__()
        self.both = nn.Linear(inner, 2 * out)

    def forward(self, h: Tensor) -> Tensor:
        value, gate = self.both(h).chunk(2, dim=1)
        return value * torch.sigmoid(gate)


class Autoencoder(nn.Module):
    def __init__(self, posterior: str):
        super().__init__()
        self.encoder = nn.Sequential(Gated(784, WIDTH), Gated(WIDTH, WIDTH))
        self.mean, self.scale = nn.Linear(WIDTH, LATENT), nn.Linear(WIDTH, LATENT)
        self.decoder = nn.Sequential(Gated(LATENT, WIDTH), Gated(WIDTH, WIDTH), nn.Linear(WIDTH, 784))
        self.maps = Maps() if posterior == "sylvester" else None

    def forward(self, x: Tensor) -> Tensor:
        """The bound's negative, the mean over rows."""
        h = self.encoder(x)
        mean, log_scale = self.mean(h), self.scale(h)
        noise = torch.randn_like(mean)
        z = mean + torch.exp(log_scale) * noise
        log_q = (-0.5 * noise**2 - log_scale).sum(1)
        if self.maps is not None:
            z, log_det = self.maps(h, z)
            log_q = log_q - log_det
        missed = nn.functional.binary_cross_entropy_with_logits(self.decoder(z), x, reduction="none").sum(1)
        return (missed + log_q + 0.5 * (z**2).sum(1)).mean()


class Maps(nn.Module):
    """Four maps whose parameters are linear in what the encoder gives."""

    def __init__(self):
        super().__init__()
        self.full = nn.Linear(WIDTH, MAPS * 2 * DIRECTIONS**2)
        self.columns = nn.Linear(WIDTH, MAPS * LATENT * DIRECTIONS)
        self.offset = nn.Linear(WIDTH, MAPS * DIRECTIONS)

    def forward(self, h: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        r = self.full(h).view(-1, MAPS, 2, DIRECTIONS, DIRECTIONS)
        diagonal = torch.tanh(torch.diagonal(r, dim1=3, dim2=4))
        r = torch.triu(r, 1) + torch.diag_embed(diagonal)
        q = orthonormal(self.columns(h).view(-1, LATENT, DIRECTIONS)).view(-1, MAPS, LATENT, DIRECTIONS)
        offset, total = self.offset(h).view(-1, MAPS, DIRECTIONS), torch.zeros(len(z))
        for k in range(MAPS):
            seen = torch.bmm(r[:, k, 0], torch.bmm(q[:, k].transpose(1, 2), z[:, :, None]))
            bend = torch.tanh(seen[:, :, 0] + offset[:, k])
            z = z + torch.bmm(q[:, k], torch.bmm(r[:, k, 1], bend[:, :, None]))[:, :, 0]
            total = total + torch.log(1 + diagonal[:, k, 0] * diagonal[:, k, 1] * (1 - bend**2)).sum(1)
        return z, total


def orthonormal(q: Tensor) -> Tensor:
    """Björck and Bowie's iteration."""
    q = q / torch.linalg.matrix_norm(q, keepdim=True)
    eye = torch.eye(DIRECTIONS)
    for _ in range(ROUNDS):
        q = torch.bmm(q, eye + 0.5 * (eye - torch.bmm(q.transpose(1, 2), q)))
        with torch.no_grad():
            if float(torch.linalg.matrix_norm(torch.bmm(q.transpose(1, 2), q) - eye).max()) < NEAR:
                break
    return q


def steps(posterior: str, x: np.ndarray, count: int) -> Callable[[], None]:
    """A function that takes some training steps on one batch."""
    torch.manual_seed(0)
    model = Autoencoder(posterior)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    rows = torch.tensor(x.reshape(len(x), -1), dtype=torch.float32)

    def run() -> None:
        for _ in range(count):
            optimizer.zero_grad()
            model(rows).backward()
            optimizer.step()

    return run
