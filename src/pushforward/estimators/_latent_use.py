"""What the latent variables of an autoencoder are used for, and a warning where they are not."""

import warnings
from typing import NamedTuple

import numpy as np

COLLAPSED = 0.1
"""Nats of the divergence for each latent variable below which a fit is warned of."""

MOST_TOLD = 5
"""Latent variables whose divergence is told."""


class LatentUse(NamedTuple):
    r"""What the latent variables are used for.

    Attributes:
        kl: $\mathrm{KL}(q(z \mid x) \| p(z))$ in nats, the mean over rows, of all latent variables together.
        kl_per_latent: The same divided by their number.
        kl_each: The divergence of each latent variable, `(latent,)`, where posterior and prior are independent
            Gaussians; None for flows, whose divergence has no parts.
        active: For each latent variable, whether the centre of what it is given changes with the data: by a variance
            above 0.01, as in Burda, Grosse & Salakhutdinov (2016), section 5.
    """

    kl: float
    kl_per_latent: float
    kl_each: np.ndarray | None
    active: np.ndarray

    @property
    def facts(self) -> list[tuple[str, object]]:
        """Names and values, for people."""
        each = "" if self.kl_each is None else f", {self.kl_each.min():.2g} to {self.kl_each.max():.2g} in each"
        return [
            ("latent variables", f"{int(self.active.sum())} of {len(self.active)} change with the data"),
            ("divergence", f"{self.kl:.3g} nats from posterior to prior{each}"),
        ]


def tell_collapse(use: LatentUse) -> None:
    used = int(use.active.sum())
    if used == 0 or use.kl_per_latent < COLLAPSED:
        warnings.warn(
            f"FlowVAE: the latent variables say little of the data: {used} of {len(use.active)} change with them, and "
            f"the divergence is {use.kl:.2g} nats, {use.kl_per_latent:.2g} a latent variable{_each(use)} (posterior "
            "collapse). "
            'Train longer, or with options={"free_bits": 0.1} or a longer "warm_up".',
            stacklevel=3,
        )


def _each(use: LatentUse) -> str:
    """The divergence of each latent variable, the greatest first."""
    if use.kl_each is None:
        return ""
    first = [f"{value:.2g}" for value in np.sort(use.kl_each)[::-1][:MOST_TOLD]]
    return f": {', '.join(first)}{', ...' if len(use.kl_each) > MOST_TOLD else ''}"
