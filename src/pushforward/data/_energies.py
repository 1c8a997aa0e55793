r"""Unnormalised densities to train to: $\log\tilde p = -U$ as a JAX function of one event, and the exact $\log Z$."""

import dataclasses
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def ring_energy(x: Float[Array, " 2"]) -> Float[Array, ""]:
    r"""$U_1$: two bumps on a ring.

    $\tfrac12((|x| - 2)/0.4)^2 - \log(e^{-\frac12((x_1-2)/0.6)^2} + e^{-\frac12((x_1+2)/0.6)^2})$.
    """
    square = jnp.sum(x * x)
    # The gradient of a root is infinite at the origin.
    radius = jnp.sqrt(jnp.maximum(square, SMALLEST_SQUARE))
    bumps = jnp.logaddexp(_gauss((x[0] - 2.0) / 0.6), _gauss((x[0] + 2.0) / 0.6))
    return -_gauss((radius - 2.0) / 0.4) - bumps


def wave_energy(x: Float[Array, " 2"]) -> Float[Array, ""]:
    r"""$U_2$: a sine, $\tfrac12(\frac{x_2 - w_1(x)}{0.4})^2$ with $w_1 = \sin(\pi x_1/2)$."""
    return -_gauss((x[1] - _w1(x)) / 0.4)


def split_wave_energy(x: Float[Array, " 2"]) -> Float[Array, ""]:
    r"""$U_3$: a sine that splits, $-\log(e^{-\frac12((x_2-w_1)/0.35)^2} + e^{-\frac12((x_2-w_1+w_2)/0.35)^2})$."""
    w2 = 3.0 * jnp.exp(_gauss((x[0] - 1.0) / 0.6))
    return -jnp.logaddexp(_gauss((x[1] - _w1(x)) / 0.35), _gauss((x[1] - _w1(x) + w2) / 0.35))


def fork_wave_energy(x: Float[Array, " 2"]) -> Float[Array, ""]:
    r"""$U_4$: a sine that forks, $-\log(e^{-\frac12((x_2-w_1)/0.4)^2} + e^{-\frac12((x_2-w_1+w_3)/0.35)^2})$."""
    w3 = 3.0 * jax.nn.sigmoid((x[0] - 1.0) / 0.3)
    return -jnp.logaddexp(_gauss((x[1] - _w1(x)) / 0.4), _gauss((x[1] - _w1(x) + w3) / 0.35))


def double_well_energy(x: Float[Array, " 2"]) -> Float[Array, ""]:
    r"""$x_1^4 - 6 x_1^2 - \tfrac12 x_1 + \tfrac12 x_2^2$: two wells, the right one 1.6906 nats more probable."""
    return x[0] ** 4 - 6.0 * x[0] ** 2 - 0.5 * x[0] + 0.5 * x[1] ** 2


def _w1(x: Array) -> Array:
    return jnp.sin(0.5 * jnp.pi * x[0])


def _gauss(x: Array) -> Array:
    return -0.5 * x * x


SMALLEST_SQUARE = 1e-12


@dataclasses.dataclass(frozen=True)
class Energy:
    r"""An unnormalised density $e^{-U}$ with a known normaliser.

    Attributes:
        name: Its name in `ENERGIES`.
        energy: $U$ of one event `(2,) -> ()`, a JAX function.
        log_z: $\log\int e^{-U}$ over the support, in nats, by quadrature to the digits shown.
        support: Lowest and highest value of each coordinate; outside, the density is 0. $U_2$ to $U_4$ do not decay
            along $x_1$: without bounds they have no normaliser.
        window: The part of the plane that holds the mass, for pictures.
    """

    name: str
    energy: Callable[[Array], Array]
    log_z: float
    support: tuple[tuple[float, float], ...] = ((-math.inf, math.inf),) * 2
    window: tuple[tuple[float, float], ...] = ((-4.0, 4.0),) * 2

    def log_density(self, x: Float[Array, " 2"]) -> Float[Array, ""]:
        """-U inside the support, -inf outside; not normalised."""
        low, high = jnp.asarray(self.support).T
        return jnp.where(jnp.all((x >= low) & (x <= high)), -self.energy(x), -jnp.inf)


BOX = ((-4.0, 4.0), (-math.inf, math.inf))

ENERGIES: dict[str, Energy] = {
    energy.name: energy
    for energy in (
        Energy("ring", ring_energy, 1.87750),
        Energy("wave", wave_energy, 2.08209, BOX),
        Energy("split_wave", split_wave_energy, 2.64171, BOX),
        Energy("fork_wave", fork_wave_energy, 2.71070, BOX),
        Energy("double_well", double_well_energy, 10.29348, window=((-3.0, 3.0), (-3.5, 3.5))),
    )
}
r"""Energies by name: $U_1$ to $U_4$ of Rezende & Mohamed (2015), table 1, and the double well of Wu et al. (2020)."""
