# %% [markdown]
# # Categories: what a density of them is, and three ways to it
#
# A colour, a species, a brand: categories have no order and no distance, and there is no map from a normal to them
# that could be undone. This page says what "density" means here, shows what goes wrong if categories are numbered and
# taken for numbers, and compares a flow that is made for them (argmax flows) with the way that this library takes in
# tables.

# %%
import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from scipy.stats import norm

import pushforward as pf
from pushforward import plots
from pushforward.distributions import CategoricalMADE

OUT = Path(os.environ.get("PUSHFORWARD_OUT", "out_examples"))
key = jax.random.key(0)

# %% [markdown]
# ## A density of categories is a probability
#
# Two columns, the weather (sun, cloud, rain) and what one wears on the feet (sandals, shoes, boots). A row is one of
# nine cells, and a model gives each a probability, so that the nine add up to 1. "Density" is the right word all the
# same: it is one with respect to *counting*, as others are with respect to length. Two things follow:
#
# - its logarithm is at most 0, and in the mean at most minus the entropy; a density per unit of length has no bound;
# - no unit and no order is involved: if the categories are named or numbered anew, nothing may change.

# %%
WEATHER, FEET = ("sun", "cloud", "rain"), ("sandals", "shoes", "boots")
CELLS = np.array([[0.30, 0.08, 0.01], [0.05, 0.20, 0.05], [0.01, 0.05, 0.25]])
drawn = np.random.default_rng(0).choice(9, size=6000, p=CELLS.ravel())
codes = np.stack([drawn // 3, drawn % 3], axis=-1).astype(np.float32)
entropy = -np.sum(CELLS * np.log(CELLS))
alone = -sum(np.sum(p * np.log(p)) for p in (CELLS.sum(axis=0), CELLS.sum(axis=1)))
print(f"entropy of a row: {entropy:.3f} nats; of two columns that know nothing of each other: {alone:.3f}")
all_codes = np.array([[i, j] for i in range(3) for j in range(3)], np.float32)

# %% [markdown]
# ## Numbers that are none
#
# Number three drinks, and fit one Gaussian to the numbers, with the chance of a code the mass between its borders. In
# one order the most frequent is in the middle, and it fits. In another it does not: the score depends on who numbered
# them. A flow in place of the Gaussian has more freedom and the same flaw.

# %%
drinks = {"tea": 0.1, "coffee": 0.6, "water": 0.3}
best = sum(p * np.log(p) for p in drinks.values())
scores = {}
for order in (("tea", "coffee", "water"), ("coffee", "tea", "water"), ("coffee", "water", "tea")):
    p = np.array([drinks[name] for name in order])
    mean = p @ np.arange(3)
    deviation = np.sqrt(p @ (np.arange(3) - mean) ** 2)
    mass = np.diff(norm.cdf(np.arange(4) - 0.5, mean, deviation))
    scores[order] = p @ np.log(mass)
    print(f"{', '.join(order):20} {scores[order]:.3f} nats, best possible {best:.3f}")
assert max(scores.values()) - min(scores.values()) > 0.1

# %% [markdown]
# ## Argmax flows
#
# Draw *three* numbers for a column of three categories, and let the category be the index of the largest (Hoogeboom et
# al. 2021, *Argmax flows and multinomial diffusion*). No order is made up: to exchange two categories is to exchange
# two numbers. The numbers come from a flow in the usual way.
#
# Back it is not a map: every category has a whole region of numbers. So a second, learned law $q(v \mid c)$ draws
# numbers in the region of $c$, and what one gets is a bound,
#
# $$\log P(c) \ge \mathbb{E}_{q(v \mid c)}\left[\log p(v) - \log q(v \mid c)\right].$$

# %%
flow = pf.flows.argmax(2, num_categories=3, num_layers=2, num_bins=4, width=32, depth=1, key=key)
settings = {"learning_rate": 5e-3, "patience": None, "progress": False, "key": key}
flow = pf.fit(flow, codes, max_epochs=40, **settings).flow
bound = float(jnp.mean(flow.log_prob(codes, key=key)))
cells = pf.diagnostics.estimate_log_prob(flow, all_codes, k=2000, key=key).log_prob
tight = float(np.sum(CELLS.ravel() * cells))
print(f"bound {bound:.3f}, with 2000 draws {tight:.3f}, best possible {-entropy:.3f}")
print(f"the nine probabilities add up to {np.exp(cells).sum():.3f}")
samples = np.asarray(flow.sample(key, 20_000)).astype(int)
counts = np.zeros((3, 3))
np.add.at(counts, tuple(samples.T), 1 / len(samples))
print("samples, less the truth:\n", np.round(counts - CELLS, 3))
assert bound < tight < -entropy + 0.01
assert tight > -entropy - 0.05
assert np.abs(counts - CELLS).max() < 0.03

# %% [markdown]
# ## What this library does in tables
#
# A column after the other, each with a softmax over its categories that depends on those before it: $P(c) =
# P(c_1)\,P(c_2 \mid c_1) \cdots$, all from one masked network. That is exact, and the nine probabilities add up to 1
# as they must. If there are columns of numbers too, a flow for them is conditional on the categories: $p(c, x) =
# P(c)\,p(x \mid c)$, a density by counting and by length at once.

# %%
law = CategoricalMADE((3, 3), width=32, depth=1, key=key)
law = pf.fit(law, codes, max_epochs=15, **settings).flow
exact = law.log_prob(all_codes)
print(f"exact {float(np.sum(CELLS.ravel() * exact)):.3f}, best possible {-entropy:.3f}")
assert jnp.isclose(jnp.exp(exact).sum(), 1.0, atol=1e-5)
assert float(np.sum(CELLS.ravel() * exact)) > -entropy - 0.01

# %% [markdown]
# So why a flow at all? An argmax flow draws all columns in one pass, where $P(c_1) P(c_2 \mid c_1) \cdots$ waits for
# each column. With a hundred columns this can be worth a bound in place of a figure. In a table it seldom is.
#
# Here is what the argmax flow has learned, for a weather of sun: the numbers of the footwear, seen along the diagonal
# (1, 1, 1), on which the order does not depend.

# %%
numbers = flow.bijection.bijections[0]
base = np.asarray(jax.vmap(numbers.forward)(flow.base.sample(key, 15_000)))  # (n, columns, categories)
sunny = base[base[:, 0].argmax(axis=-1) == 0, 1]
plane = np.array([[-1, 1, 0], [-1, -1, 2]]) / np.array([[2**0.5], [6**0.5]])
figure = Figure(figsize=(8.4, 3), layout="compressed")
left, right = figure.subplots(1, 2)
for place, name in enumerate(FEET):
    points = sunny[sunny.argmax(axis=-1) == place] @ plane.T
    left.scatter(*points.T, s=2, linewidths=0, label=f"{name}: {len(points) / len(sunny):.1%}")
left.set(xticks=[], yticks=[], aspect="equal", xlim=(-7, 7), ylim=(-5, 5), title="numbers of the footwear in the sun")
left.legend(frameon=False, markerscale=4, fontsize=8)
places, truth = np.arange(9), CELLS.ravel()
for offset, (name, values) in enumerate(
    {"truth": truth, "argmax flow": np.exp(cells), "softmax": np.exp(exact)}.items()
):
    right.bar(places + 0.27 * (offset - 1), values, width=0.27, label=name)
right.set_xticks(places, [f"{w}\n{f}" for w in WEATHER for f in FEET], fontsize=6)
right.set(title="probabilities of the nine cells")
right.legend(frameon=False, fontsize=8)
plots.save(figure, OUT / "categories.png")

# %% [markdown]
# ![Numbers whose largest is the category, and the nine probabilities of truth and models](figures/categories.png)
#
# ## Exercises
#
# 1. How many numbers has the table of cells, and how well does the table of counted shares do?
# 2. With 10 columns of 20 categories, how many numbers does such a table have? How many does a flow draw for a row?
# 3. Turn the two columns round, and check that the exact law depends on no order of the categories.

# %% solution 1
# Nine, of which eight are free, since they add up to 1. With 6000 rows they are hard to beat.
counted = np.bincount(drawn, minlength=9) / len(drawn)
print(f"{np.sum(CELLS.ravel() * np.log(counted)):.4f} nats, best possible {-entropy:.4f}")
assert np.sum(CELLS.ravel() * np.log(counted)) > -entropy - 0.005

# %% solution 2
# 20^10 cells, ten million millions, against 10 x 20 = 200 numbers for a row.
assert 20**10 > 10**13
assert pf.flows.argmax(10, num_categories=20, num_layers=1, width=4, key=key).base.event_shape == (200,)

# %% solution 3
renamed = np.stack([codes[:, 1], 2 - codes[:, 0]], axis=-1)
other = pf.fit(CategoricalMADE((3, 3), width=32, depth=1, key=key), renamed, max_epochs=15, **settings).flow
same = other.log_prob(np.stack([all_codes[:, 1], 2 - all_codes[:, 0]], axis=-1))
assert np.abs(np.exp(same) - np.exp(exact)).max() < 0.02
