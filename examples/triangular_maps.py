# %% [markdown]
# # Triangular maps: any density, by one map
#
# A map of several numbers is *triangular* if its first output depends on the first input alone, its second output on
# the first two, and so on, each increasing in its own input. One such map carries a normal to **any** density, and
# only one does (Knothe 1957; Rosenblatt 1952). Every autoregressive flow looks for this map, and every recipe is a
# family of functions to look in. This page computes it by quadrature, and then looks for it with lines and with
# polynomials.

# %%
import os
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from scipy.stats import norm

import pushforward as pf
from pushforward import plots
from pushforward.bijections import Affine, Autoregressive, Chain, Inverse, Standardize, SumOfSquares
from pushforward.distributions import Normal, Transformed

OUT = Path(os.environ.get("PUSHFORWARD_OUT", "out_examples"))
key = jax.random.key(0)
ENTROPY = pf.data.entropy("moons")

# %% [markdown]
# ## The map, by quadrature
#
# Take the two moons, whose density is known. Their first coordinate has a distribution function $F_1$, and given the
# first, the second has $F_2(\cdot \mid x_1)$. With $\Phi$ that of a standard normal,
#
# $$x_1 = F_1^{-1}(\Phi(z_1)), \qquad x_2 = F_2^{-1}(\Phi(z_2) \mid x_1).$$
#
# That is the whole construction, in any number of dimensions. Its Jacobian is triangular, so the log-determinant is a
# sum over the diagonal. On a grid, distribution functions are running sums.

# %%
axis_1, axis_2 = np.linspace(-1.4, 2.4, 600), np.linspace(-0.9, 1.4, 600)
grid = np.stack(np.meshgrid(axis_1, axis_2, indexing="ij"), axis=-1)
density = np.exp(pf.data.moons_log_density(grid.reshape(-1, 2))).reshape(600, 600)


def distribution(values):
    """Running sums along the last axis, from 0 to 1."""
    sums = np.cumsum(values, axis=-1) - 0.5 * values
    return (sums - sums[..., :1]) / (sums[..., -1:] - sums[..., :1])


first, second = distribution(density.sum(axis=1)), distribution(density + 1e-12)


def triangular(z):
    """Noise `(n, 2)` to the moons."""
    x1 = np.interp(norm.cdf(z[:, 0]), first, axis_1)
    nearest = np.searchsorted(axis_1, x1).clip(0, 599)
    x2 = [np.interp(u, second[i], axis_2) for u, i in zip(norm.cdf(z[:, 1]), nearest, strict=True)]
    return np.stack([x1, np.array(x2)], axis=-1)


z = np.random.default_rng(0).normal(size=(20_000, 2))
x = triangular(z)
found = -pf.data.moons_log_density(x).mean()
print(f"draws of the map: {found:.3f} nats by the true density; entropy of the moons {ENTROPY:.3f}")
assert abs(found - ENTROPY) < 0.03
apart = pf.diagnostics.energy_distance(x[:2000], pf.data.moons(2000, seed=1))
print(f"energy distance from 2000 true rows: {apart:.4f}")
assert apart < 0.005

# %% [markdown]
# ## Lines
#
# In a layer of MAF the map of $z_2$ is a line: $x_2 = \mu(x_1) + \sigma(x_1) z_2$. Then $x_2$ given $x_1$ is a normal
# whatever the network learns, and in the middle of the moons it should have two peaks. So one layer cannot do it, and
# MAF stacks several, with the order of the columns turned round between them.
#
# ## Polynomials
#
# A polynomial increases everywhere where its slope is positive everywhere. And a polynomial in one variable is
# positive everywhere just if it is a sum of squares, of which two are enough. So take any polynomials $p_k$, and
#
# $$g(t) = c + \int_0^t \sum_k p_k(s)^2\,ds$$
#
# increases whatever the coefficients are: nothing has to be constrained in training (Jaini, Selby & Yu 2019,
# *Sum-of-squares polynomial flow*). Polynomials come as near to any increasing function as one likes, so one layer
# reaches any density as the degree grows.

# %%
coefficients = 3 * jax.random.normal(key, (200, 3, 3))  # 200 maps of three polynomials of degree 2
wild = jax.vmap(lambda raw: eqx.tree_at(lambda g: g.coefficients_raw, SumOfSquares(3, 2), raw))(coefficients)
t = jnp.linspace(-5, 5, 201)
heights = jax.vmap(lambda g: jax.vmap(g.forward)(t))(wild)
print(f"smallest slope of 200 random maps: {jnp.diff(heights).min() / (t[1] - t[0]):.3f}")
assert jnp.all(jnp.diff(heights) > 0)

# %% [markdown]
# One layer each: a line, and polynomials $p_k$ of rising degree $r$, so that $g$ has the degree $2r + 1$. They map the
# data to the noise, so that a density costs one pass. The divergence from the moons is known, because their entropy
# is.

# %%
train, test = pf.data.moons(5000, seed=0).astype(np.float32), pf.data.moons(20_000, seed=1).astype(np.float32)
BEST = pf.data.moons_log_density(test.astype(float)).mean()


def fitted(layer, epochs=40):
    units = Standardize(train.mean(axis=0), train.std(axis=0))
    flow = Transformed(Normal.standard((2,)), Chain([layer, units]))
    settings = {"learning_rate": 5e-3, "max_epochs": epochs, "patience": None, "progress": False, "key": key}
    return pf.fit(flow, train, **settings).flow


one_layer = {"a line": Affine()} | {f"degree {2 * r + 1}": SumOfSquares(2, r, bound=2.0) for r in (1, 5)}
flows = {name: fitted(Autoregressive(Inverse(inner), 2, width=48, key=key)) for name, inner in one_layer.items()}
flows["MAF, 5 layers"] = fitted(pf.flows.maf(2, num_layers=5, width=48, key=key).bijection)
short = {}
for name, flow in flows.items():
    short[name] = BEST - float(jnp.mean(flow.log_prob(test)))
    print(f"{name:14} {short[name]:.3f} nats short of the best")
assert short["a line"] > short["degree 3"] > short["degree 11"] > -0.01

# %% [markdown]
# Here are the maps of the second coordinate, given $x_1 = 0.5$: where both moons lie above each other, the exact map
# climbs, is flat where there are no data, and climbs again. A line cannot. Beside it the densities.

# %%
figure = Figure(figsize=(10, 2.2), layout="compressed")
axes, *others = figure.subplots(1, 4, width_ratios=[1.3, 1, 1, 1])
middle = np.searchsorted(axis_1, 0.5)
inside = (second[middle] > 1e-3) & (second[middle] < 1 - 1e-3)
axes.plot(axis_2[inside], norm.ppf(second[middle][inside]), "k", linewidth=2.5, label="exact", alpha=0.5)
window = np.stack([np.full(300, 0.5), np.linspace(-0.7, 1.2, 300)], axis=-1)
for name in one_layer:
    axes.plot(window[:, 1], jax.vmap(flows[name].bijection.inverse)(window)[:, 1], label=name)
axes.set(xlabel="$x_2$", ylabel="$z_2$", title="the map at $x_1 = 0.5$", ylim=(-4, 4))
axes.legend(frameon=False, fontsize=7, loc="lower right")
cells = np.stack(np.meshgrid(np.linspace(-1.5, 2.5, 160), np.linspace(-1, 1.5, 100)), axis=-1)
for panel, name in zip(others, ("a line", "degree 11", "MAF, 5 layers"), strict=True):
    values = np.exp(flows[name].log_prob(cells.reshape(-1, 2))).reshape(100, 160)
    panel.imshow(values, origin="lower", extent=(-1.5, 2.5, -1, 1.5), cmap="viridis", vmax=1.3)
    panel.set(title=name, xticks=[], yticks=[])
plots.save(figure, OUT / "triangular_maps.png")

# %% [markdown]
# ![The map of the second coordinate, exact and learned, and three densities](figures/triangular_maps.png)
#
# One layer of degree 11 is as good as five layers of lines. A richer map of one variable in place of more layers: this
# is what splines (`nsf-ar`), monotone networks (`naf`, `umnn`), Bernstein polynomials (`bernstein`) and `sos` have in
# common. A high degree is hard to train, so in practice `sos` stacks a few layers too.
#
# ## Exercises
#
# 1. The map of quadrature has a log-determinant. Find it from the two densities, without a derivative.
# 2. $1 + s^2$ is one sum of squares. Write $2 + 2s + s^2$ as another.
# 3. A single layer whose map is the exact one for the order $(x_1, x_2)$: what is it for the order $(x_2, x_1)$?

# %% solution 1
# p(x) = p_z(z) / |det J|: the log-determinant is log p_z(z) - log p(x).
log_det = norm.logpdf(z).sum(axis=1) - pf.data.moons_log_density(x)
step = 1e-3
slope_1 = (triangular(z + np.array([step, 0]))[:, 0] - triangular(z - np.array([step, 0]))[:, 0]) / (2 * step)
slope_2 = (triangular(z + np.array([0, step]))[:, 1] - triangular(z - np.array([0, step]))[:, 1]) / (2 * step)
assert abs(np.median(np.log(slope_1 * slope_2) - log_det)) < 0.05  # the determinant is the product of the diagonal

# %% solution 2
# 2 + 2s + s^2 = (1 + s)^2 + 1^2.
s = np.linspace(-3, 3, 50)
assert np.allclose(2 + 2 * s + s**2, (1 + s) ** 2 + 1)

# %% solution 3
# Another map, with distribution functions of its own: each order has one triangular map. Both carry the same normal to
# the same moons, yet send the same noise to different points.
other_first, other_second = distribution(density.sum(axis=0)), distribution(density.T + 1e-12)
x2 = np.interp(norm.cdf(z[:500, 1]), other_first, axis_2)
nearest = np.searchsorted(axis_2, x2).clip(0, 599)
x1 = [np.interp(u, other_second[i], axis_1) for u, i in zip(norm.cdf(z[:500, 0]), nearest, strict=True)]
other = np.stack([np.array(x1), x2], axis=-1)
assert abs(-pf.data.moons_log_density(other).mean() - ENTROPY) < 0.1
assert np.abs(other - x[:500]).max() > 0.5
