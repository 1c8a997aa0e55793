"""What the three torch libraries share: the training loop and the moves to and from the device."""

import itertools
from collections.abc import Callable

import numpy as np
import torch

from benchmarks.adapters import LEARNING_RATE
from benchmarks.adapters._epochs import fit_by_epochs
from benchmarks.cases import Case


class TorchModel:
    """A torch flow behind the protocol of `benchmarks.adapters`.

    Args:
        module: Holds the parameters.
        log_prob: `(n, dim) -> (n,)`.
        sample: `n -> (n, dim)`.
        dtype: Name of a torch dtype.
        device: "cpu" or "gpu".
    """

    def __init__(
        self,
        module: torch.nn.Module,
        log_prob: Callable[[torch.Tensor], torch.Tensor],
        sample: Callable[[int], torch.Tensor],
        *,
        dtype: str,
        device: str,
    ):
        self.device = torch.device("cuda" if device == "gpu" else device)
        self.dtype = getattr(torch, dtype)
        self.module = module.to(self.device, self.dtype)
        self.log_prob = log_prob
        self.draw = sample
        self.optimizer = torch.optim.Adam(module.parameters(), lr=LEARNING_RATE)
        self.batches: list[torch.Tensor] = []
        self.step = 0

    def parameters(self) -> int:
        return sum(p.numel() for p in self.module.parameters() if p.requires_grad)

    def put(self, x: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(x).to(self.device, self.dtype)

    def set_batches(self, x: np.ndarray, batch: int) -> None:
        self.batches = list(self.put(x[: len(x) // batch * batch]).split(batch))

    def train(self, steps: int) -> float:
        loss = torch.zeros(())
        for _ in range(steps):
            self.optimizer.zero_grad()
            loss = -self.log_prob(self.batches[self.step % len(self.batches)]).mean()
            loss.backward()
            self.optimizer.step()
            self.step += 1
        return loss.item()

    def fit(
        self,
        x: np.ndarray,
        held_out: np.ndarray,
        *,
        batch: int,
        max_epochs: int,
        after_epoch: Callable[[float], bool],
    ) -> None:
        fit_by_epochs(self, x, held_out, batch=batch, max_epochs=max_epochs, after_epoch=after_epoch)

    @torch.no_grad()
    def density(self, x: torch.Tensor) -> torch.Tensor:
        return self._finish(self.log_prob(x))

    @torch.no_grad()
    def sample(self, n: int) -> torch.Tensor:
        return self._finish(self.draw(n))

    def _finish(self, value: torch.Tensor) -> torch.Tensor:
        if value.is_cuda:
            torch.cuda.synchronize()
        return value


def plain_network(sizes: tuple[int, ...]) -> torch.nn.Module:
    """Linear layers with relu between them, called as `net(x, context)` by the coupling layers of two libraries."""
    return _PlainNetwork(sizes)


class _PlainNetwork(torch.nn.Module):
    def __init__(self, sizes: tuple[int, ...]):
        torch.nn.Module.__init__(self)
        layers: list[torch.nn.Module] = []
        for before, after in itertools.pairwise(sizes):
            layers += [torch.nn.Linear(before, after), torch.nn.ReLU()]
        self.net = torch.nn.Sequential(*layers[:-1])
        # The coupling layers divide the raw spline numbers by the root of this, as they do for their own networks.
        self.hidden_features = sizes[-2]

    def forward(self, x: torch.Tensor, context: torch.Tensor | None = None) -> torch.Tensor:
        return self.net(x)


def alternating_mask(dim: int, layer: int) -> torch.Tensor:
    """1 where the layer transforms a coordinate, 0 where it keeps it."""
    return (torch.arange(dim) + layer) % 2


def check_hidden(case: Case) -> int:
    """The one width of the hidden layers, for libraries whose masked network has only one."""
    if len(set(case.hidden)) != 1 or len(case.hidden) < 2:
        raise ValueError(f"hidden layers must be two or more of one width here, got {case.hidden}")
    return case.hidden[0]
