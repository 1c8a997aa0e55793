# %% [markdown]
# # RealNVP, layer by layer
#
# A coupling layer leaves one half of the numbers as they are, and lets a network that sees this half decide how to
# shift and scale the other half:
#
# $$y_1 = x_1, \qquad y_2 = s(x_1)\, x_2 + t(x_1).$$
#
# Whatever the network computes, the layer can be undone, since $x_1$ is still there to ask the network again; and its
# Jacobian is triangular, so the log-determinant is $\log s(x_1)$ and costs nothing. One layer is a weak map. A stack
# of them that takes the halves in turn is a strong one.

# %%
import os
from pathlib import Path

import jax
import jax.numpy as jnp

import pushforward as pf
from pushforward import plots

OUT = Path(os.environ.get("PUSHFORWARD_OUT", "out_examples"))
key = jax.random.key(0)

train, test = pf.data.moons(10_000, seed=0), pf.data.moons(10_000, seed=1)
flow = pf.flows.realnvp(2, num_layers=8, width=64, key=key)
result = pf.fit(flow, train, learning_rate=3e-3, max_epochs=60, patience=None, progress=False, key=key)
flow = result.flow
loss = -jnp.mean(flow.log_prob(test)).item()
print(f"{result.seconds:.0f} s of training; test: {loss:.3f} nats, entropy of the data: {pf.data.entropy('moons'):.3f}")
assert loss < 0.36

# %% [markdown]
# ## One layer
#
# Every layer of the recipe is a coupling and a flip, which hands the other half to the next layer. Look inside the
# first: the half that decides comes through unchanged, the other is moved. (Before the stack, next to the base, is a
# map that moves only noise beyond 4 deviations, for the sake of far rows.)

# %%
tails, stack = flow.bijection.bijections
coupling, flip = stack.bijections[0].bijections
z = flow.base.sample(key, 1000)
y, log_det = jax.vmap(coupling.forward_and_log_det)(z)
assert jnp.array_equal(y[:, 0], z[:, 0])
assert not jnp.allclose(y[:, 1], z[:, 1], atol=0.1)

# %% [markdown]
# For points with the same $x_1$ the layer is a shift and a scale: three points at equal distances stay at equal
# distances, and the logarithm of the stretch is the log-determinant.

# %%
three = jnp.array([[0.5, -1.0], [0.5, 0.0], [0.5, 1.0]])
moved, stretch = jax.vmap(coupling.forward_and_log_det)(three)
gaps = jnp.diff(moved[:, 1])
print(f"gaps of 1 become {gaps[0]:.4f} and {gaps[1]:.4f}; exp(log-det) is {jnp.exp(stretch[0]):.4f}")
assert jnp.allclose(gaps, jnp.exp(stretch[0]), rtol=1e-4)

# %% [markdown]
# ## The stack
#
# The log-determinants of the layers add up to that of the flow, and the way back is as exact as the way there.

# %%
x, total = z, jnp.zeros(len(z))
for layer in stack.bijections:
    x, log_det = jax.vmap(layer.forward_and_log_det)(x)
    total = total + log_det
expected, expected_log_det = jax.vmap(stack.forward_and_log_det)(z)
back = jax.vmap(stack.inverse)(x)
print(f"round trip through {len(stack.bijections)} layers: largest error {jnp.abs(back - z).max():.1e}")
assert jnp.allclose(total, expected_log_det, atol=1e-3)
assert jnp.allclose(back, z, atol=1e-3)

# %% [markdown]
# Here are the points of the base, coloured from left to right, and a grid between them, after each layer. The odd
# layers move points in one direction only, the even layers in the other. The grid is never torn or folded: that is
# what invertible means.

# %%
plots.save(plots.steps(flow, key, max_panels=9), OUT / "realnvp_layer_by_layer_steps.png")
densities = {"true density": pf.data.moons_log_density, "RealNVP": flow}
plots.save(plots.density_grid(densities, test), OUT / "realnvp_layer_by_layer_density.png")

# %% [markdown]
# ![Points and grid lines after each layer](figures/realnvp_layer_by_layer_steps.png)
#
# ![The true density and the learned one](figures/realnvp_layer_by_layer_density.png)
#
# ## Exercises
#
# 1. Draw up the Jacobian of the first coupling at a point. Where is it 0?
# 2. Leave out the flips: what is the density of the first column then, however many couplings there are?
# 3. What is the largest log-determinant of a coupling without a scale, $y_2 = x_2 + t(x_1)$?

# %% solution 1
# Above the diagonal: the first half does not depend on the second. The determinant is the product of the diagonal.
jacobian = jax.jacobian(coupling.forward)(z[0])
print(jacobian)
assert jacobian[0, 1] == 0
assert jnp.allclose(jnp.log(jacobian[1, 1]), coupling.forward_and_log_det(z[0])[1], atol=1e-4)

# %% solution 2
# That of the base: no coupling has moved it.
same = [layer.bijections[0] for layer in stack.bijections]
moved = z
for layer in same:
    moved = jax.vmap(layer.forward)(moved)
assert jnp.array_equal(moved[:, 0], z[:, 0])

# %% solution 3
# 0, like the smallest: it keeps areas. Such are the couplings of NICE, which has one scale for each column at its end.
shift = pf.bijections.Coupling(pf.bijections.Shift(), 2, width=16, key=key)
assert shift.forward_and_log_det(z[0])[1] == 0
