r"""Toy densities: samples by seed, the exact log-density, and the entropy that a perfect model would reach.

A test negative log-likelihood minus the entropy is the Kullback-Leibler divergence from the toy to the model.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pushforward._errors import DataError, did_you_mean

LOG_2PI = math.log(2 * math.pi)
NODES_PER_WIDTH = 2.0
"""Quadrature nodes per noise width along a curve: a Gaussian is then summed to 1e-9 or better."""
PANEL_NODES = 64


@np.errstate(over="ignore")  # so far out that a square overflows, the log-density is -inf
def _mixture(x: np.ndarray, centres: np.ndarray, log_weights: np.ndarray, noise: float) -> np.ndarray:
    r"""Log-density of equal round Gaussians around `centres`, `(k, 2)`: `(n, 2) -> (n,)`.

    $|x - c|^2 = |x|^2 - 2 x \cdot c + |c|^2$, so that one matrix product and one exponential do the work.
    """
    x = np.asarray(x, dtype=np.float64)
    directions = (centres / noise**2).T
    offsets = log_weights - 0.5 * np.sum(centres**2, axis=1) / noise**2
    out = np.empty(len(x))
    step = max(1, 1_000_000 // len(centres))
    for start in range(0, len(x), step):
        logits = x[start : start + step] @ directions
        logits += offsets
        top = logits.max(axis=1)
        logits -= top[:, None]
        out[start : start + step] = top + np.log(np.exp(logits, out=logits).sum(axis=1))
    return out - 0.5 * np.sum(x**2, axis=1) / noise**2 - LOG_2PI - 2 * math.log(noise)


def _nodes(length: float, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes and log-weights (of sum 1) on (0, 1) in equal panels, enough for a curve of this length."""
    panels = 1 + int(NODES_PER_WIDTH * length / noise / PANEL_NODES)
    nodes, weights = np.polynomial.legendre.leggauss(PANEL_NODES)
    places = (np.arange(panels)[:, None] + 0.5 * (nodes + 1)) / panels
    return places.reshape(-1), np.log(np.tile(0.5 * weights / panels, panels))


def moons(n: int, *, noise: float = 0.05, seed: int = 0) -> np.ndarray:
    r"""Two interleaving half circles, as scikit-learn's `make_moons`: `(n, 2)`.

    A fair coin picks the moon, $t \sim U(0, \pi)$ the place: $(\cos t, \sin t)$ or
    $(1 - \cos t, \tfrac12 - \sin t)$; then Gaussian noise of standard deviation `noise`.

    Args:
        n: Number of rows.
        noise: Standard deviation of the noise, positive.
        seed: Seed of the generator.

    Note:
        `make_moons` spaces the places evenly and splits the moons exactly in half; here the rows are independent
        draws from the density `moons_log_density`.
    """
    rng = np.random.default_rng(seed)
    lower, t = rng.integers(0, 2, n), rng.uniform(0, math.pi, n)
    return _moon_curve(t, lower) + noise * rng.standard_normal((n, 2))


def moons_log_density(x: np.ndarray, *, noise: float = 0.05) -> np.ndarray:
    """Log-density of `moons` in nats at `x`, `(n, 2) -> (n,)`, by quadrature along the two arcs."""
    u, log_weights = _nodes(math.pi, noise)
    points = np.concatenate([_moon_curve(math.pi * u, np.full(len(u), side)) for side in (0, 1)])
    return _mixture(x, points, np.tile(log_weights - math.log(2), 2), noise)


def _moon_curve(t: np.ndarray, lower: np.ndarray) -> np.ndarray:
    side = 1 - 2 * lower
    return np.stack([lower + side * np.cos(t), 0.5 * lower + side * np.sin(t)], axis=1)


def rings(n: int, *, noise: float = 0.05, seed: int = 0) -> np.ndarray:
    """Two circles around the origin, of radius 1 and 0.5, equally likely, with Gaussian noise: `(n, 2)`."""
    rng = np.random.default_rng(seed)
    radius, t = np.where(rng.integers(0, 2, n), 0.5, 1.0), rng.uniform(0, 2 * math.pi, n)
    circle = np.stack([np.cos(t), np.sin(t)], axis=1)
    return radius[:, None] * circle + noise * rng.standard_normal((n, 2))


def rings_log_density(x: np.ndarray, *, noise: float = 0.05) -> np.ndarray:
    """Log-density of `rings` in nats, `(n, 2) -> (n,)`, by quadrature around the circles."""
    u, log_weights = _nodes(2 * math.pi, noise)
    circle = np.stack([np.cos(2 * math.pi * u), np.sin(2 * math.pi * u)], axis=1)
    return _mixture(x, np.concatenate([circle, 0.5 * circle]), np.tile(log_weights - math.log(2), 2), noise)


def checkerboard(n: int, *, seed: int = 0) -> np.ndarray:
    """Uniform on the eight black squares of side 2 in [-4, 4) x [-4, 4): `(n, 2)`."""
    rng = np.random.default_rng(seed)
    across = rng.integers(-2, 2, n)
    up = 2 * rng.integers(-1, 1, n) + across % 2
    return 2.0 * (np.stack([across, up], axis=1) + rng.uniform(size=(n, 2)))


def checkerboard_log_density(x: np.ndarray) -> np.ndarray:
    """Log-density of `checkerboard` in nats, `(n, 2) -> (n,)`: -log 32 on the black squares, else -inf."""
    cell = np.floor(np.asarray(x, dtype=np.float64) / 2)
    black = (np.abs(cell + 0.5) < 2).all(axis=1) & (cell.sum(axis=1) % 2 == 0)
    return np.where(black, -math.log(32), -np.inf)


def eight_gaussians(
    n: int, *, radius: float = math.sqrt(8), noise: float = math.sqrt(0.125), seed: int = 0
) -> np.ndarray:
    """Eight equal Gaussians of standard deviation `noise` on a circle of the given radius: `(n, 2)`."""
    rng = np.random.default_rng(seed)
    return _octagon(radius)[rng.integers(0, 8, n)] + noise * rng.standard_normal((n, 2))


def eight_gaussians_log_density(
    x: np.ndarray, *, radius: float = math.sqrt(8), noise: float = math.sqrt(0.125)
) -> np.ndarray:
    """Log-density of `eight_gaussians` in nats, `(n, 2) -> (n,)`."""
    return _mixture(x, _octagon(radius), np.full(8, -math.log(8)), noise)


def _octagon(radius: float) -> np.ndarray:
    angle = np.arange(8) * math.pi / 4
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


SPIRAL_TURN = 3 * math.pi


def spirals(n: int, *, noise: float = 0.1, seed: int = 0) -> np.ndarray:
    r"""Two arms that wind out from the origin by one and a half turns: `(n, 2)`.

    $t = 3\pi\sqrt u$, $u \sim U(0, 1)$; the arms are $\pm(-t\cos t, t\sin t)/3$, with Gaussian noise.
    """
    rng = np.random.default_rng(seed)
    sign, u = 1.0 - 2.0 * rng.integers(0, 2, n), rng.uniform(size=n)
    return sign[:, None] * _spiral_arm(np.sqrt(u)) + noise * rng.standard_normal((n, 2))


def spirals_log_density(x: np.ndarray, *, noise: float = 0.1) -> np.ndarray:
    """Log-density of `spirals` in nats, `(n, 2) -> (n,)`, by quadrature along the arms."""
    r, log_weights = _nodes(SPIRAL_TURN**2 / 3, noise)  # the outermost turn moves fastest: |arm'(r)| < (3 pi)^2 / 3
    arm = _spiral_arm(r)
    # u = r^2 is uniform, so r has density 2 r; the fair coin halves it.
    return _mixture(x, np.concatenate([arm, -arm]), np.tile(log_weights + np.log(r), 2), noise)


def _spiral_arm(r: np.ndarray) -> np.ndarray:
    t = SPIRAL_TURN * r
    return np.stack([-np.cos(t), np.sin(t)], axis=1) * t[:, None] / 3


PINWHEEL_ARMS = 5
PINWHEEL_TWIST = 0.25
PINWHEEL_SIZE = 2.0
PINWHEEL_WIDTHS = np.array([0.3, 0.1])


def pinwheel(n: int, *, seed: int = 0) -> np.ndarray:
    r"""Five long Gaussians around the origin, twisted with the distance from it: `(n, 2)`.

    Each is $N((1, 0), \operatorname{diag}(0.3^2, 0.1^2))$ turned by a multiple of $2\pi/5$; then a point at distance
    $r$ turns by $e^r/4$, and all is doubled in size.

    Note:
        Johnson et al. (2016) turn by $e^{a}/4$, with $a$ the coordinate along the arm. The distance is nearly the
        same and keeps areas, so that the density is known in closed form.
    """
    rng = np.random.default_rng(seed)
    flat = rng.standard_normal((n, 2)) * PINWHEEL_WIDTHS + np.array([1.0, 0.0])
    angle = rng.integers(0, PINWHEEL_ARMS, n) * 2 * math.pi / PINWHEEL_ARMS
    return PINWHEEL_SIZE * _turned(flat, angle + PINWHEEL_TWIST * np.exp(np.hypot(*flat.T)))


def pinwheel_log_density(x: np.ndarray) -> np.ndarray:
    """Log-density of `pinwheel` in nats, `(n, 2) -> (n,)`, in closed form."""
    x = np.asarray(x, dtype=np.float64) / PINWHEEL_SIZE
    # Arms lie within r < 4; farther out the twist would overflow, and the density is 0 in float64 anyway.
    untwisted = _turned(x, -PINWHEEL_TWIST * np.exp(np.minimum(np.hypot(*x.T), 50.0)))
    arms = [_turned(untwisted, np.full(len(x), -k * 2 * math.pi / PINWHEEL_ARMS)) for k in range(PINWHEEL_ARMS)]
    scaled = (np.stack(arms) - np.array([1.0, 0.0])) / PINWHEEL_WIDTHS
    with np.errstate(over="ignore"):
        log_arms = -0.5 * np.sum(scaled**2, axis=-1)
    log_area = math.log(PINWHEEL_ARMS * PINWHEEL_SIZE**2) + np.log(PINWHEEL_WIDTHS).sum()
    return np.logaddexp.reduce(log_arms) - LOG_2PI - log_area


def _turned(x: np.ndarray, angle: np.ndarray) -> np.ndarray:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([cos * x[:, 0] - sin * x[:, 1], sin * x[:, 0] + cos * x[:, 1]], axis=1)


def parabola(n: int, *, seed: int = 0) -> np.ndarray:
    r"""$x_2 \sim N(0, 4)$ and $x_1 | x_2 \sim N(x_2^2/4, 1)$, columns $(x_1, x_2)$: `(n, 2)`; N(mean, variance).

    Reference:
        Papamakarios, Pavlakou & Murray (2017), Masked autoregressive flow for density estimation, figure 1.
    """
    rng = np.random.default_rng(seed)
    x2 = 2 * rng.standard_normal(n)
    return np.stack([x2**2 / 4 + rng.standard_normal(n), x2], axis=1)


def parabola_log_density(x: np.ndarray) -> np.ndarray:
    """Log-density of `parabola` in nats, `(n, 2) -> (n,)`."""
    x1, x2 = np.asarray(x, dtype=np.float64).T
    with np.errstate(over="ignore"):
        return -0.5 * ((x1 - x2**2 / 4) ** 2 + x2**2 / 4) - LOG_2PI - math.log(2)


def square_1d(n: int, *, seed: int = 0) -> np.ndarray:
    r"""$x = z^2$ for $z \sim U(0, 2)$, so $p(x) = 1/(4\sqrt x)$ on (0, 4): `(n, 1)`."""
    return np.random.default_rng(seed).uniform(0, 2, (n, 1)) ** 2


def square_1d_log_density(x: np.ndarray) -> np.ndarray:
    """Log-density of `square_1d` in nats, `(n, 1) -> (n,)`; -inf outside (0, 4)."""
    value = np.asarray(x, dtype=np.float64)[:, 0]
    inside = (value > 0) & (value < 4)
    return np.where(inside, -math.log(4) - 0.5 * np.log(np.where(inside, value, 1.0)), -np.inf)


class Sampler(Protocol):
    """Draws `n` rows, always the same for the same seed."""

    def __call__(self, n: int, *, seed: int = 0) -> np.ndarray: ...


@dataclass(frozen=True)
class Toy:
    """A toy density.

    Attributes:
        name: Its name in `TOYS` and in `toy:NAME`.
        dim: Number of columns.
        sample: `sample(n, seed=0) -> (n, dim)`.
        log_density: `log_density(x) -> (n,)`, in nats.
        box: The least and the greatest value of each column that matter: outside lies less than 1e-9 of the mass.
        width: The smallest length over which the density changes; the entropy's grid is finer.
        known_entropy: The entropy where it has a closed form.
    """

    name: str
    dim: int
    sample: Sampler
    log_density: Callable[[np.ndarray], np.ndarray]
    box: tuple[tuple[float, float], ...]
    width: float
    known_entropy: float | None = None


TOYS: dict[str, Toy] = {
    toy.name: toy
    for toy in (
        Toy("moons", 2, moons, moons_log_density, ((-1.35, 2.35), (-0.85, 1.35)), 0.05),
        Toy("rings", 2, rings, rings_log_density, ((-1.35, 1.35), (-1.35, 1.35)), 0.05),
        Toy("checkerboard", 2, checkerboard, checkerboard_log_density, ((-4, 4), (-4, 4)), 2.0, math.log(32)),
        Toy("eight_gaussians", 2, eight_gaussians, eight_gaussians_log_density, ((-5.2, 5.2), (-5.2, 5.2)), 0.35),
        Toy("spirals", 2, spirals, spirals_log_density, ((-3.8, 3.8), (-3.8, 3.8)), 0.1),
        Toy("pinwheel", 2, pinwheel, pinwheel_log_density, ((-6.2, 6.2), (-6.2, 6.2)), 0.05),
        Toy("parabola", 2, parabola, parabola_log_density, ((-6.0, 48.0), (-13, 13)), 0.5, 1 + LOG_2PI + math.log(2)),
        Toy("square_1d", 1, square_1d, square_1d_log_density, ((0.0, 4.0),), 0.01, math.log(8) - 1),
    )
}
"""The toy densities by name."""


@functools.cache
def entropy(name: str) -> float:
    """Entropy of a toy density in nats: the mean negative log-likelihood of the toy under itself.

    In closed form where there is one, else by a quadrature with an error below 1e-5.

    Raises:
        DataError: If there is no such toy.

    Example:
        >>> round(entropy("moons"), 3)
        0.289
    """
    if name not in TOYS:
        raise DataError(f"no toy density is called {name!r}.", did_you_mean(name, TOYS))
    toy = TOYS[name]
    return toy.known_entropy if toy.known_entropy is not None else grid_entropy(toy)


def grid_entropy(toy: Toy) -> float:
    """-integral of p log p over the toy's box, by the midpoint rule at half its width."""
    step = toy.width / 2
    axes = [np.arange(low + step / 2, high, step) for low, high in toy.box]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, toy.dim)
    log_density = toy.log_density(points)
    inside = np.isfinite(log_density)
    return float(-np.sum(np.exp(log_density[inside]) * log_density[inside]) * step**toy.dim)
