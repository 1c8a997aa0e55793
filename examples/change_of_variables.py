# %% [markdown]
# # Change of variables
#
# Push a random number $z$ through an invertible map $f$, and the density of $x = f(z)$ follows from that of $z$:
#
# $$p(x) = p_z(z) \left|\frac{dz}{dx}\right|, \qquad z = f^{-1}(x).$$
#
# Where $f$ stretches, the same probability is spread over more room, and the density falls by the factor of the
# stretch. Everything in this library is this one line, for vectors.

# %%
import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import pushforward as pf
from pushforward import plots
from pushforward.bijections import Affine, Chain, Exp, Scale, Square
from pushforward.distributions import Normal, Transformed, Uniform

OUT = Path(os.environ.get("PUSHFORWARD_OUT", "out_examples"))
key = jax.random.key(0)

# %% [markdown]
# ## A square
#
# $z$ is uniform between 0 and 2, so $p_z = 1/2$, and $x = z^2$ lies between 0 and 4. Since $dx/dz = 2z = 2\sqrt x$,
# the density is $p(x) = 1/(4\sqrt x)$: high near 0, where squaring squeezes, and low near 4, where it stretches.
# `Transformed` is a distribution pushed through a bijection; it knows its density and draws samples.

# %%
square = Transformed(Uniform(jnp.zeros(1), 2.0), Square((1,)))
x = square.sample(key, 100_000)
grid = jnp.linspace(0.01, 3.99, 200)[:, None]

assert jnp.allclose(jnp.exp(square.log_prob(grid)), 1 / (4 * jnp.sqrt(grid[:, 0])), rtol=1e-5)
assert jnp.isneginf(square.log_prob(jnp.array([4.1])))  # nothing lies beyond 4

edges = np.linspace(0, 4, 41)
shares = np.histogram(x[:, 0], edges)[0] / len(x)
exact = np.diff(np.sqrt(edges) / 2)  # P(x < a) = P(z < sqrt a) = sqrt(a) / 2
print(f"largest difference of a bin's share from the exact one: {np.abs(shares - exact).max():.4f}")
assert np.abs(shares - exact).max() < 0.005

figure = plots.density_grid(square, x, limits=[(0.01, 4.0)], names=["x"])
figure.axes[0].set_ylim(0, 1.6)
plots.save(figure, OUT / "change_of_variables_square.png")

# %% [markdown]
# ![A histogram of the squares and the curve 1/(4 sqrt x)](figures/change_of_variables_square.png)
#
# ## Units
#
# Heights of people are near 170 cm, with a spread of 10 cm. In millimetres every number is 10 times as large, so the
# density at the same height is 10 times smaller. The probability of a range of heights is an integral, and does not
# change. This is why a log-likelihood means nothing without its unit.

# %%
centimetres = Normal(jnp.array([170.0]), 10.0)
millimetres = Transformed(centimetres, Scale(jnp.array([10.0])))

density_cm = jnp.exp(centimetres.log_prob(jnp.array([175.0]))).item()
density_mm = jnp.exp(millimetres.log_prob(jnp.array([1750.0]))).item()
print(f"density at 175 cm: {density_cm:.5f} per cm, {density_mm:.6f} per mm")
assert np.isclose(density_cm, 10 * density_mm)

share_cm = pf.diagnostics.integrate(centimetres, bounds=[(165, 175)], key=key)
share_mm = pf.diagnostics.integrate(millimetres, bounds=[(1650, 1750)], key=key)
print(f"between 165 and 175 cm: {share_cm:.4f}, between 1650 and 1750 mm: {share_mm:.4f}")
assert np.isclose(share_cm, share_mm, atol=1e-4)

# %% [markdown]
# ## A chain
#
# Maps one after another are a map again. Each adds the logarithm of its own stretch: $x = (z^2)^2 = z^4$ has
# $\log|dx/dz| = \log 2z + \log 2z^2 = \log 4z^3$.

# %%
twice = Chain([Square((1,)), Square((1,))])
z = jnp.array([1.5])
x, log_det = twice.forward_and_log_det(z)
print(f"forward: {z.item()} -> {x.item():.4f}, log|dx/dz| = {log_det.item():.4f}")
assert jnp.allclose(x, z**4)
assert jnp.allclose(log_det, jnp.log(4 * z[0] ** 3))

fourth = Transformed(Uniform(jnp.zeros(1), 2.0), twice)
grid = jnp.linspace(0.1, 15.9, 100)[:, None]
assert jnp.allclose(jnp.exp(fourth.log_prob(grid)), grid[:, 0] ** -0.75 / 8, rtol=1e-5)

# %% [markdown]
# `forward` runs the chain in the order in which it is written, from the base to the data. `inverse` runs it
# backwards, and its log-determinant has the opposite sign.

# %%
chain = Chain([Affine(jnp.array([0.5]), 2.0), Exp((1,))])
x, log_det = chain.forward_and_log_det(z)
back, inverse_log_det = chain.inverse_and_log_det(x)
print(
    f"{z.item()} -> {x.item():.3f} -> {back.item():.3f}; log-dets {log_det.item():.3f} and {inverse_log_det.item():.3f}"
)
assert jnp.allclose(x, jnp.exp(2 * z + 0.5))
assert jnp.allclose(back, z)
assert jnp.allclose(inverse_log_det, -log_det)

# %% [markdown]
# ## Two dimensions
#
# In more dimensions the stretch is the determinant of the Jacobian: how much larger a small box becomes. Shift a
# standard normal by (2, -1) and scale it by (1.5, 0.5): areas shrink by $1.5 \times 0.5 = 0.75$, so densities grow by
# $1/0.75$.

# %%
normal = Normal.standard((2,))
affine = Affine(loc=jnp.array([2.0, -1.0]), scale=jnp.array([1.5, 0.5]))
moved = Transformed(normal, affine)

x = moved.sample(key, 20_000)
print(f"means {jnp.mean(x, axis=0)}, standard deviations {jnp.std(x, axis=0)}")
assert jnp.allclose(jnp.mean(x, axis=0), affine.loc, atol=0.05)
assert jnp.allclose(jnp.std(x, axis=0), affine.scale, atol=0.05)

at_the_peak = jnp.exp(moved.log_prob(affine.loc) - normal.log_prob(jnp.zeros(2))).item()
print(f"the peak is {at_the_peak:.3f} times as high")
assert np.isclose(at_the_peak, 1 / 0.75)

plots.save(plots.steps(moved, key), OUT / "change_of_variables_steps.png")
window = [(-4.0, 7.0), (-4.0, 4.0)]
plots.save(plots.density_grid({"base": normal, "moved": moved}, limits=window), OUT / "change_of_variables_density.png")

# %% [markdown]
# ![Points of the base and where they go](figures/change_of_variables_steps.png)
#
# ![The two densities on a grid](figures/change_of_variables_density.png)
#
# Both pictures hold the same probability, 1: the right one has it in a smaller place.
#
# ## Exercises
#
# 1. What is the density of $x = e^z$ at 2, for a standard normal $z$? Compute it by hand, and by `Exp`.
# 2. Let $z$ be uniform between -1 and 2, and $x = z^2$. The formula above does not hold. What does, below 1 and above?
# 3. The entropy of $x = f(z)$ is that of $z$ plus the mean of $\log|f'(z)|$. Check it for the square.

# %% solution 1
# dz/dx = 1/x: p(2) = p_z(log 2) / 2.
by_hand = np.exp(-0.5 * np.log(2) ** 2) / np.sqrt(2 * np.pi) / 2
log_normal = Transformed(Normal.standard((1,)), Exp((1,)))
print(f"by hand {by_hand:.5f}, by Exp {jnp.exp(log_normal.log_prob(jnp.array([2.0]))):.5f}")
assert np.isclose(jnp.exp(log_normal.log_prob(jnp.array([2.0]))), by_hand, rtol=1e-5)

# %% solution 2
# Below 1 two points, z and -z, have the same square, and their densities add up: 2 x 1/3 / (2 sqrt x). Above 1 there is
# one. A map of two points to one cannot be undone, so it is no bijection.
points = np.random.default_rng(0).uniform(-1, 2, 200_000) ** 2
edges = np.linspace(0, 4, 41)
exact = np.diff((np.minimum(np.sqrt(edges), 1) + np.sqrt(edges)) / 3)
assert np.abs(np.histogram(points, edges)[0] / len(points) - exact).max() < 0.005

# %% solution 3
# z is uniform between 0 and 2: entropy log 2. The mean of log 2z is 2 log 2 - 1. Together 3 log 2 - 1.
entropy = -jnp.mean(square.log_prob(square.sample(key, 100_000))).item()
print(f"entropy {entropy:.3f}, 3 log 2 - 1 = {3 * np.log(2) - 1:.3f}")
assert abs(entropy - (3 * np.log(2) - 1)) < 0.02
