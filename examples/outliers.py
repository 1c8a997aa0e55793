# %% [markdown]
# # What a density finds, and what not
#
# A row that is unlike all others has a low density. So a density that was learned from a table ranks its rows, and
# the least likely ones are worth a look. This page plants outliers of two kinds in a table, compares a flow with the
# distance to the nearest neighbours, and then shows three ways in which a likelihood alone is blind.

# %%
import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

import pushforward as pf
from pushforward import plots
from pushforward.distributions import MultivariateNormal, Normal

OUT = Path(os.environ.get("PUSHFORWARD_OUT", "out_examples"))
key = jax.random.key(0)
rng = np.random.default_rng(0)

# %% [markdown]
# ## A table with planted outliers
#
# Two columns that belong together (the two moons), in the same unit, and a third in another unit. Outliers of the
# first kind are far away in no single column: they break the pattern of the first two. Outliers of the second kind lie
# on the moons, and are odd in the third column alone, which has a small unit.

# %%
REGULAR, ODD = 2000, 60
moons = pf.data.moons(2 * REGULAR + ODD, seed=0)


def with_third(rows):
    return np.column_stack([rows, 0.001 * rows[:, 0] + 0.001 * rng.normal(size=len(rows))])


train, regular = with_third(moons[:REGULAR]), with_third(moons[REGULAR : 2 * REGULAR])
between = rng.uniform([-1.2, -0.7], [2.2, 1.2], size=(2000, 2))
between = with_third(between[pf.data.moons_log_density(between) < -8][:ODD])
odd_third = with_third(moons[-ODD:])
odd_third[:, 2] += 0.006 * rng.choice([-1.0, 1.0], ODD)

model = pf.FlowDensity("nsf", options={"num_layers": 3, "width": 32}, max_epochs=25, patience=None, random_state=0)
model.fit(train)


def distance(rows, scale):
    """To the fifth neighbour among the training rows."""
    return NearestNeighbors(n_neighbors=5).fit(train / scale).kneighbors(rows / scale)[0][:, -1]


def found(score, odd):
    """Area under the ROC curve: how often an odd row scores higher than a regular one."""
    labels = np.repeat([0, 1], [len(regular), len(odd)])
    return roc_auc_score(labels, np.concatenate([score(regular), score(odd)]))


gaussian = MultivariateNormal(train.mean(axis=0), np.cov(train.T))
scores = {
    "flow, -log p": lambda rows: -model.score_samples(rows),
    "neighbours, as given": lambda rows: distance(rows, 1.0),
    "neighbours, scaled": lambda rows: distance(rows, train.std(axis=0)),
    "one Gaussian, -log p": lambda rows: -np.asarray(gaussian.log_prob(rows)),
}
table = {name: (found(score, between), found(score, odd_third)) for name, score in scores.items()}
print("area under the ROC curve   off the pattern   odd in a small unit")
for name, (first, second) in table.items():
    print(f"{name:26} {first:12.3f} {second:18.3f}")
assert table["flow, -log p"][0] > 0.95
assert table["flow, -log p"][1] > 0.95
assert table["neighbours, as given"][1] < 0.8  # the third column hardly counts in a distance
assert table["one Gaussian, -log p"][0] < 0.9  # one Gaussian knows no moons

# %% [markdown]
# Distances to neighbours need no training, and are hard to beat with few rows. But they must be told the units of the
# columns. A density finds its own: a change of unit adds the same constant to every log-density and leaves the ranks.
#
# ## Blind spot 1: units other than linear ones
#
# A curved change of coordinates changes ranks as well. Take a normal $x$, and write $y = e^x$ instead. The same two
# rows, told in other units, change places.

# %%
a, b = 0.0, -1.5
log_x = Normal(jnp.zeros(1), 1.0).log_prob(jnp.array([[a], [b]]))
log_y = log_x - jnp.array([a, b])  # p(y) = p(x) / y
print(f"log p(x): {log_x[0]:.2f} and {log_x[1]:.2f}; log p(y): {log_y[0]:.2f} and {log_y[1]:.2f}")
assert log_x[0] > log_x[1]
assert log_y[0] < log_y[1]

# %% [markdown]
# ## Blind spot 2: the most likely row is not a typical one
#
# In $D$ dimensions a standard normal has its highest density at 0. But its samples lie at a distance near $\sqrt D$
# from there: with 64 columns, none comes even near. A row of zeros gets a higher density than every sample, though it
# is like none of them. A density test of one side does not see it; one that asks for a *typical* log-density does.

# %%
D = 64
normal = Normal.standard((D,))
typical = np.asarray(normal.log_prob(normal.sample(key, 5000)))
at_zero = normal.log_prob(jnp.zeros(D)).item()
print(f"samples: {typical.mean():.1f} ± {typical.std():.1f} nats, at most {typical.max():.1f}; at zero: {at_zero:.1f}")
assert at_zero > typical.max() + 5
assert abs(typical.mean() - at_zero + D / 2) < 1  # E|z|^2 / 2 = D / 2

# %% [markdown]
# ## Blind spot 3: pictures
#
# Flows that were trained on pictures of clothes give pictures of digits a *higher* likelihood (Nalisnick et al. 2019,
# *Do deep generative models know what they don't know?*). Smooth, flat pictures are easy to predict, whatever they
# show. A Gaussian shows the effect already: train it on digits, and score digits of a third of the contrast.

# %%
digits = load_digits().data + rng.uniform(size=(1797, 64))  # noise on grey values 0 to 16
learn, held_out = digits[:1200], digits[1200:]
pictures = MultivariateNormal(learn.mean(axis=0), np.cov(learn.T) + 0.05 * np.eye(64))
pale = learn.mean(axis=0) + 0.3 * (held_out - learn.mean(axis=0))
shuffled = held_out[:, rng.permutation(64)]
sets = {"digits": held_out, "pale digits": pale, "shuffled pixels": shuffled}
nats = {name: np.asarray(pictures.log_prob(rows)) for name, rows in sets.items()}
for name, values in nats.items():
    print(f"{name:16} {np.median(values):8.1f} nats")
share = np.mean(nats["pale digits"] > np.median(nats["digits"]))
print(f"{share:.0%} of the pale pictures are more likely than the median digit")
assert share > 0.95
assert np.median(nats["shuffled pixels"]) < np.median(nats["digits"])

# %%
figure = Figure(figsize=(10, 3.0), layout="compressed")
left, middle, right = figure.subplots(1, 3)
left.scatter(*train[:, :2].T, s=2, color="0.75", label="regular")
left.scatter(*between[:, :2].T, s=12, color="C1", marker="x", label="off the pattern")
left.set(title="planted outliers", xlabel="$x_1$", ylabel="$x_2$", ylim=(-0.9, 1.9))
left.legend(frameon=False, loc="upper right", ncols=2, fontsize=8)
middle.hist(typical, 50, color="0.75")
middle.axvline(at_zero, color="C1")
middle.annotate("at zero", (at_zero, 250), color="C1", ha="right", xytext=(-4, 0), textcoords="offset points")
middle.set(title=f"a normal of {D} columns", xlabel="log p, nats", ylabel="samples", yticks=[])
low, high = np.percentile(nats["digits"], 5), nats["pale digits"].max()
for name, colour in (("digits", "0.6"), ("pale digits", "C1")):
    right.hist(np.maximum(nats[name], low), np.linspace(low, high, 50), color=colour, alpha=0.6, label=name)
right.set(title="trained on digits", xlabel="log p, nats", yticks=[])
right.legend(frameon=False, fontsize=8)
plots.save(figure, OUT / "outliers.png")

# %% [markdown]
# ![Planted outliers; log-densities of a normal in 64 columns; of digits and of pale ones](figures/outliers.png)
#
# In the right panel the lowest twentieth of the digits is drawn at the left end; shuffled pixels lie far below it.
#
# So: rank the rows of a table by their density, and look at the lowest. Do not read a high density as "like the
# training data", and do not compare likelihoods of pictures of different kinds.
#
# ## Exercises
#
# 1. Test for typical rows: score a row by how far its log-density is from the mean one. Does this find the zeros?
# 2. Multiply the third column by 1000. What happens to the ranks by a Gaussian, and to those by neighbours?

# %% solution 1
surprise = lambda rows: np.abs(np.asarray(normal.log_prob(rows)) - typical.mean())  # noqa: E731
assert surprise(jnp.zeros((1, D)))[0] > np.percentile(surprise(normal.sample(key, 1000)), 99.9)

# %% solution 2
scale = np.array([1.0, 1.0, 1000.0])
other = MultivariateNormal(scale * train.mean(axis=0), np.cov((scale * train).T))
shift = np.asarray(gaussian.log_prob(regular)) - np.asarray(other.log_prob(scale * regular))
assert np.allclose(shift, np.log(1000.0), atol=0.02)  # the same for every row: no rank changes
before, after = distance(between, 1.0), distance(between, 1 / scale)
assert np.mean(np.argsort(before) == np.argsort(after)) < 0.5  # with neighbours nearly all do
