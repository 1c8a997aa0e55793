# %% [markdown]
# # Planar and radial layers, one by one
#
# Two of the first flows (Rezende & Mohamed 2015, *Variational inference with normalizing flows*) are maps that can be
# drawn: one bends the plane along a line, the other swells it round a point. Each has a handful of numbers, a
# log-determinant in closed form, and a condition on its numbers without which it could not be undone.

# %%
import os
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import pushforward as pf
from pushforward import plots
from pushforward.bijections import Chain, Planar, Radial
from pushforward.data import ENERGIES
from pushforward.distributions import Normal, Transformed

OUT = Path(os.environ.get("PUSHFORWARD_OUT", "out_examples"))
key = jax.random.key(0)
normal = Normal.standard((2,))

# %% [markdown]
# ## The planar layer
#
# $$y = x + u \tanh(w^\top x + b)$$
#
# All points of a line across $w$ have the same $w^\top x$: they move together, along $u$. Only near the line
# $w^\top x + b = 0$ does the tanh change, so only there does the map stretch or squeeze. By the matrix determinant
# lemma, $\det = 1 + u^\top w\,(1 - \tanh^2)$.
#
# Take $w$ to the right, and $u$ first with it and then against it.


# %%
def planar(u, w, b=0.0):
    layer = Planar(2, key=key)
    values = (jnp.array(w), jnp.array(u), jnp.array(b))
    return eqx.tree_at(lambda p: (p.direction, p.u_raw, p.offset), layer, values)


def hand_made(x, u, w):
    return x + u * np.tanh(x @ w)[:, None]


def slope_at_the_line(u, w):
    """1 + u w, the determinant on the line itself: the map can be undone only if it is positive."""
    return 1 + np.dot(u, w)


W = np.array([2.0, 0.0])
for u in ([1.5, 0.0], [-0.4, 0.0], [0.0, 1.0], [-1.5, 0.0]):
    print(f"u = {u}: determinant on the line {slope_at_the_line(u, W):.1f}")
assert slope_at_the_line([1.5, 0.0], W) > 0
assert slope_at_the_line([-1.5, 0.0], W) < 0  # this one folds the plane

# %% [markdown]
# With $u^\top w < -1$ the map folds: points from both sides of the line land on the same place. The library does not
# let that happen. It keeps the part of $u$ across $w$ and makes the part along $w$ from a softplus, so that whatever
# training does to its numbers, $u^\top w > -1$. Ask for the fold, and see what comes.

# %%
line = np.stack([np.linspace(-2, 2, 401), np.zeros(401)], axis=1)
folded = hand_made(line, np.array([-1.5, 0.0]), W)[:, 0]
layer = planar([-1.5, 0.0], W)
moved = np.asarray(jax.vmap(layer.forward)(line))[:, 0]
print(f"as asked, {np.mean(np.diff(folded) < 0):.0%} of the steps to the right go to the left; the library: ", end="")
print(f"{np.mean(np.diff(moved) < 0):.0%}")
assert np.any(np.diff(folded) < 0)
assert np.all(np.diff(moved) > 0)

z = normal.sample(key, 200)
x, log_det = jax.vmap(layer.forward_and_log_det)(z)
back, back_log_det = jax.vmap(layer.inverse_and_log_det)(x)
by_derivatives = jax.vmap(lambda point: jnp.linalg.slogdet(jax.jacfwd(layer.forward)(point))[1])(z)
assert jnp.allclose(log_det, by_derivatives, atol=1e-4)
assert jnp.allclose(back, z, atol=1e-3)  # one equation for w x is solved, the rest is exact

# %% [markdown]
# ## The radial layer
#
# $$y = x + \frac{\beta}{\alpha + r}(x - c), \qquad r = |x - c|$$
#
# Points move along the ray from the centre $c$: outwards with $\beta > 0$, which leaves a hole, inwards with
# $\beta < 0$, which makes a peak. It can be undone as long as $\beta > -\alpha$. Here even the inverse is a formula.


# %%
def radial(alpha, beta, centre=(0.0, 0.0)):
    def raw(value):  # the library keeps alpha and alpha + beta positive, as exp(arcsinh(raw))
        return jnp.sinh(jnp.log(value))

    values = (jnp.array(centre), raw(alpha), raw(alpha + beta))
    return eqx.tree_at(lambda r: (r.centre, r.alpha_raw, r.gain_raw), Radial(2, key=key), values)


peak, hole = radial(1.0, -0.8), radial(1.0, 3.0)
point = jnp.array([1.0, 0.0])
assert jnp.allclose(hole.forward(point), point * (1 + 3 / 2), atol=1e-5)
assert jnp.allclose(hole.inverse(hole.forward(point)), point, atol=1e-5)
for name, layer in (("peak", peak), ("hole", hole)):
    at_centre = jnp.exp(Transformed(normal, layer).log_prob(jnp.zeros(2)) - normal.log_prob(jnp.zeros(2))).item()
    print(f"{name}: the density at the centre is {at_centre:.4f} times that of the normal")
assert np.isclose(at_centre, 1 / 16, rtol=1e-3)  # both directions are stretched by 1 + beta / alpha = 4

# %%
LAYERS = {
    "planar, u with w\nstretches": planar([1.5, 0.0], W),
    "planar, u against w\nsqueezes": planar([-0.4, 0.0], W),
    "planar, u across w\nshears": planar([0.0, 1.0], W),
    "radial, β < 0\na peak": peak,
    "radial, β > 0\na hole": hole,
}
figure = Figure(figsize=(11, 4.7), layout="compressed")
panels = figure.subplots(2, len(LAYERS))
grid, fine = np.linspace(-2, 2, 17), np.linspace(-2, 2, 81)
axis = np.linspace(-3, 3, 120)
cells = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
lines = [np.stack([np.full(81, level), fine], 1) for level in grid] + [
    np.stack([fine, np.full(81, level)], 1) for level in grid
]
for (above, below), (name, layer) in zip(panels.T, LAYERS.items(), strict=True):
    images = np.asarray(jax.vmap(layer.forward)(np.concatenate(lines))).reshape(len(lines), -1, 2)
    for place, bent in enumerate(images):
        above.plot(*bent.T, color="C0" if place < len(grid) else "C1", linewidth=0.7)
    density = np.exp(Transformed(normal, layer).log_prob(cells)).reshape(120, 120)
    below.imshow(density, origin="lower", extent=(-3, 3, -3, 3), cmap="viridis")
    above.set_title(name, fontsize=10)
    for axes in (above, below):
        axes.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal", xticks=[], yticks=[])
plots.save(figure, OUT / "planar_and_radial_layers.png")

# %% [markdown]
# ![Five layers: a square grid after each, and what becomes of a normal](figures/planar_and_radial_layers.png)
#
# Above, a square grid after each layer; below, a standard normal after it.
#
# ## How many does it take?
#
# One layer is one bend. A target with two bumps on a ring needs several. Nothing but the density is given, no data:
# the flow is trained to make its own samples probable (see [the two divergences](two_divergences.md)). The exact
# normaliser of the target is known, so the loss can be told as a divergence in nats.

# %%
target, found = ENERGIES["ring"], {}
for number in (2, 8):
    chain = Chain([Planar(2, key=one) for one in jax.random.split(jax.random.key(number), number)])
    flow = Transformed(normal, chain)
    objective = pf.objectives.reverse_kl(target.log_density, num_samples=256)
    options = {"learning_rate": 0.02, "max_epochs": 10, "patience": None, "progress": False}
    flow = pf.fit(flow, None, objective=objective, key=key, **options).flow
    x, log_q = flow.sample_and_log_prob(key, 5000)
    divergence = jnp.mean(log_q - jax.vmap(target.log_density)(x)).item() + target.log_z
    print(f"{number} planar layers: {divergence:.3f} nats from the target")
    found[number] = (flow, divergence)
assert found[8][1] < found[2][1] - 0.1
assert found[8][1] < 0.25

# %%
figure = Figure(figsize=(8.4, 3.0), layout="compressed")
left, *others = figure.subplots(1, 3)
values = np.exp(jax.vmap(target.log_density)(cells) - target.log_z).reshape(120, 120)
left.imshow(values, origin="lower", extent=(-3, 3, -3, 3), cmap="viridis")
for axes, (number, (flow, _)) in zip(others, found.items(), strict=True):
    axes.hist2d(*np.asarray(flow.sample(key, 30_000)).T, bins=45, range=[(-3, 3), (-3, 3)], cmap="viridis")
    axes.set_title(f"{number} layers")
left.set_title("target")
for axes in (left, *others):
    axes.set(aspect="equal", xticks=[], yticks=[])
plots.save(figure, OUT / "planar_and_radial_ring.png")

# %% [markdown]
# ![The target, and samples of two and of eight planar layers](figures/planar_and_radial_ring.png)
#
# In the plane a few bends go far. With 100 columns a layer still bends along *one* direction, and the number of layers
# grows beyond use. Coupling and autoregressive layers move every column in one layer.
#
# ## Exercises
#
# 1. What does a planar layer with $u = 0$ do? Why is this a good start of training?
# 2. In $D$ dimensions a determinant costs $D^3$ operations in general. How many does the planar layer need?
# 3. Find the largest hole: how low can the radial layer make the density at its centre, as $\beta \to \infty$?

# %% solution 1
# Nothing: y = x and a log-det of 0. The flow starts as its base, and gradients are those of a sound density.
assert jnp.allclose(Planar(2, key=key).forward_and_log_det(point)[0], point, atol=1e-6)

# %% solution 2
# Two products of vectors, w x and w u: of the order of D.
wide = Planar(500, key=key)
assert jnp.allclose(wide.forward_and_log_det(jnp.ones(500))[1], 0.0, atol=1e-4)

# %% solution 3
# At the centre both directions are stretched by 1 + beta / alpha: the density falls as its inverse square, to 0.
for beta in (9.0, 99.0):
    ratio = jnp.exp(Transformed(normal, radial(1.0, beta)).log_prob(jnp.zeros(2)) - normal.log_prob(jnp.zeros(2)))
    assert np.isclose(ratio, (1 + beta) ** -2.0, rtol=1e-2)
