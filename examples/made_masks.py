# %% [markdown]
# # MADE: masks and orders
#
# Every density is a product of conditionals, $p(x) = p(x_1)\,p(x_2 \mid x_1)\,p(x_3 \mid x_1, x_2)\cdots$ One network
# can compute all of them in one pass, if output $i$ sees no input from $i$ on. MADE (Germain et al. 2015, *Masked
# autoencoder for distribution estimation*) gets there by setting weights of an ordinary network to zero.

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
from pushforward.bijections import Autoregressive, TanhAffine
from pushforward.nets import MADE

OUT = Path(os.environ.get("PUSHFORWARD_OUT", "out_examples"))
key = jax.random.key(0)
DIM, WIDTH = 5, 16

# %% [markdown]
# ## The masks
#
# Give every unit a degree: to input $i$ its place $i$, to a hidden unit a number from 1 to $D - 1$. A hidden unit may
# see what has at most its own degree, and output $i$ what has a degree *below* $i$. Then no path leads from an input
# to its own output or to one before it.


# %%
def masks(inputs, hidden):
    """Which connections stay, (out, in) for each layer."""
    first, second = hidden
    return [first[:, None] >= inputs, second[:, None] >= first, inputs[:, None] > second]


net = MADE(DIM, 1, width=WIDTH, depth=2, key=key)
inputs = 1 + np.arange(DIM)
by_hand = masks(inputs, [net.degrees, net.degrees])
weights = jax.random.normal(key, (3, WIDTH, WIDTH))  # the last layer starts at 0: give every weight a value
net = eqx.tree_at(
    lambda n: n.weights, net, (weights[0, :, :DIM], weights[1], weights[2, :DIM]), is_leaf=lambda leaf: leaf is None
)
for mask, weight in zip(by_hand, net.masked_weights(), strict=True):
    assert np.array_equal(mask, np.asarray(weight) != 0)

paths = by_hand[2].astype(int) @ by_hand[1].astype(int) @ by_hand[0].astype(int)
print("paths from input (across) to output (down):")
print(paths)
assert np.all(np.triu(paths) == 0)
assert np.all(paths[np.tril_indices(DIM, -1)] > 0)

# %% [markdown]
# The product of the masks counts the paths. It has zeros on the diagonal and above it. The first output sees nothing
# at all, as it must: $p(x_1)$ depends on nothing.
#
# ## Measured
#
# An autoregressive layer lets such a network shift and scale each column. Its Jacobian must be lower triangular, and
# its log-determinant the sum over the diagonal. Automatic differentiation knows nothing of masks, so it can judge.

# %%
layer = Autoregressive(TanhAffine(), DIM, width=WIDTH, depth=2, key=key)
leaves, form = jax.tree.flatten(eqx.filter(layer, eqx.is_inexact_array))
keys = jax.random.split(key, len(leaves))
noisy = [leaf + 0.3 * jax.random.normal(one, leaf.shape) for leaf, one in zip(leaves, keys, strict=True)]
layer = eqx.combine(jax.tree.unflatten(form, noisy), layer)

x = jax.random.normal(key, (DIM,))
z, log_det = layer.inverse_and_log_det(x)
jacobian = jax.jacfwd(layer.inverse)(x)
print(f"largest entry above the diagonal: {jnp.abs(jnp.triu(jacobian, 1)).max():.1e}")
print(f"log-det {log_det:.4f}, sum over the diagonal {jnp.sum(jnp.log(jnp.diagonal(jacobian))):.4f}")
assert jnp.all(jnp.triu(jacobian, 1) == 0)
assert jnp.allclose(log_det, jnp.linalg.slogdet(jacobian)[1], atol=1e-4)
assert jnp.allclose(log_det, jnp.sum(jnp.log(jnp.diagonal(jacobian))), atol=1e-4)

# %%
figure = Figure(figsize=(10, 2.5), layout="compressed")
panels = figure.subplots(1, 5)
shown = [
    ("first mask", by_hand[0], "input", "first hidden layer"),
    ("second mask", by_hand[1], "first hidden layer", "second hidden layer"),
    ("last mask", by_hand[2], "second hidden layer", "output"),
    ("paths", paths > 0, "input", "output"),
]
for axes, (title, mask, across, down) in zip(panels, shown, strict=False):
    axes.imshow(mask, cmap="Blues", vmin=0, vmax=1.3, aspect="auto")
    axes.set(title=title, xlabel=across, ylabel=down, xticks=[], yticks=[])
largest = np.abs(jacobian).max()
panels[4].imshow(np.asarray(jacobian), cmap="RdBu", vmin=-largest, vmax=largest, aspect="auto")
panels[4].set(title="Jacobian", xlabel="input", ylabel="output", xticks=[], yticks=[])
plots.save(figure, OUT / "made_masks.png")

# %% [markdown]
# ![Three masks, the paths that they leave, and the Jacobian of a layer](figures/made_masks.png)
#
# Blue: a connection that stays. The units are sorted by degree, so the masks are staircases. The Jacobian has entries
# of both signs below its diagonal (blue and red), the slopes on it, and zeros above.
#
# ## Orders
#
# The product of conditionals holds in every order of the columns. But a model of Gaussian conditionals can be exact in
# one order and not in another. Here $x_2$ is normal and $x_1$ is normal given $x_2$, with the mean $x_2^2/4$. In the
# order $(x_2, x_1)$ both conditionals are Gaussian. In the other one, $x_2$ given $x_1$ has two modes.
#
# `made` takes the given order. To take the other, hand it the columns the other way round.

# %%
train, test = pf.data.parabola(4000, seed=0), pf.data.parabola(4000, seed=1)
options = {"learning_rate": 1e-2, "max_epochs": 50, "patience": None, "progress": False, "key": key}
best = -pf.data.entropy("parabola")


def short_of_best(flow, rows):
    return best - jnp.mean(flow.log_prob(rows)).item()


def made(num_orders=1):
    return pf.flows.made(2, num_orders=num_orders, width=32, key=key)


given = pf.fit(made(), train, **options).flow
turned = pf.fit(made(), train[:, ::-1], **options).flow
print(f"order (x1, x2): {short_of_best(given, test):.3f} nats short of the best")
print(f"order (x2, x1): {short_of_best(turned, test[:, ::-1]):.3f} nats short of the best")
assert short_of_best(turned, test[:, ::-1]) < 0.08
assert short_of_best(given, test) > 0.2

# %% [markdown]
# ## An ensemble of orders
#
# Nobody tells the right order of a table. MADE draws a new order, and new connections, at each step of training, with
# one set of weights, and averages the *densities* of several orders at the end. The average is a density too, and by
# Jensen's inequality its logarithm is at least the average of the logarithms.

# %%
ensemble = pf.fit(made(num_orders=8), train, **options).flow
average = jnp.mean(ensemble.log_prob(test)).item()
single = [jnp.mean(ensemble.log_prob(test, key=one)).item() for one in jax.random.split(key, 16)]
print(f"eight orders, one at a time: {best - np.mean(single):.3f} nats short of the best")
print(f"their average:               {best - average:.3f} nats short of the best")
assert average >= np.mean(single)
assert best - average < short_of_best(given, test)

# %% [markdown]
# ## Exercises
#
# 1. A network with $D = 5$ and a single hidden unit of degree 2: which outputs can it serve, and with which inputs?
# 2. How many passes of the network does a density need, and how many does a sample need, by the plain recipe?
# 3. Reverse the order of the inputs, 5 to 1. What becomes of the paths?

# %% solution 1
# It sees inputs 1 and 2 and is seen by outputs 3, 4 and 5: as if these depended on the first two columns alone.
one_unit = masks(inputs, [np.array([2]), np.array([2])])
table = one_unit[2].astype(int) @ one_unit[1].astype(int) @ one_unit[0].astype(int)
assert np.array_equal(np.argwhere(table) + 1, [[3, 1], [3, 2], [4, 1], [4, 2], [5, 1], [5, 2]])

# %% solution 2
# One for a density: all columns are known. For a sample one for each column: column i must be drawn before i + 1.
assert net(jnp.zeros((DIM, 100))).shape == (1, DIM, 100)

# %% solution 3
# They lie above the diagonal: output 1 now sees all the others, and output 5 nothing.
reversed_paths = np.linalg.multi_dot([mask.astype(int) for mask in masks(inputs[::-1], [net.degrees] * 2)[::-1]])
assert np.all(np.tril(reversed_paths) == 0)
