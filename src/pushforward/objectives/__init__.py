"""What training makes small: plain functions `objective(flow, batch, *, key) -> (loss, metrics)`."""

from pushforward.objectives._augment import Augmented
from pushforward.objectives._batch import Batch, Objective
from pushforward.objectives._bits import Bits, average_bits_per_dim
from pushforward.objectives._classes import ByClass
from pushforward.objectives._continuous import flow_matching, rnode
from pushforward.objectives._distillation import distillation, power_loss
from pushforward.objectives._drop_condition import DropCondition
from pushforward.objectives._elbo import ELBO, IWAE, elbo
from pushforward.objectives._likelihood import bits_per_dim, nll
from pushforward.objectives._reverse_kl import reverse_kl
from pushforward.objectives._spectral import spectral_loss

__all__ = [
    "ELBO",
    "IWAE",
    "Augmented",
    "Batch",
    "Bits",
    "ByClass",
    "DropCondition",
    "Objective",
    "average_bits_per_dim",
    "bits_per_dim",
    "distillation",
    "elbo",
    "flow_matching",
    "nll",
    "power_loss",
    "reverse_kl",
    "rnode",
    "spectral_loss",
]
