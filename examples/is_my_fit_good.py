# %% [markdown]
# # Is my fit good?
#
# A fit ends, the loss is -7.2 nats: is that good? A number alone does not say. Here are three fits to the same table:
# one that is good, one that has learned its rows by heart, and one that cannot be right, and what tells them apart.

# %%
import os
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import pushforward as pf
from pushforward import plots

OUT = Path(os.environ.get("PUSHFORWARD_OUT", "out_examples"))
rng = np.random.default_rng(0)


def wages(n):
    """Years at work, and wages that grow with them, ever more slowly: `(n, 2)`."""
    years = rng.gamma(3.0, 4.0, n)
    return np.column_stack([years, np.exp(2.5 + 0.5 * np.log1p(years) + 0.3 * rng.normal(size=n))])


rows, new = wages(2000), wages(1000)

# %% [markdown]
# ## Three fits
#
# `new` are rows that no fit has seen. Without such rows nothing can be said: every model is at home among its own.
# The *good* fit is a small flow, whose loss on a tenth of the rows says when to stop. The *overfitted* one gets a
# hundred rows, nothing held out, and time. The *wrong* one is one bell curve for each column, whatever the rows are.

# %%
small = {"num_layers": 2, "width": 32}
fits = {
    "good": (pf.FlowDensity("maf", options=small, max_epochs=40, random_state=0), rows),
    "overfitted": (
        pf.FlowDensity("nsf", validation=None, background=False, max_epochs=150, random_state=0),
        rows[:100],
    ),
    "wrong": (pf.FlowDensity("affine", background=False, random_state=0), rows),
}
found = {}
for name, (model, train) in fits.items():
    model.fit(train)
    found[name] = pf.diagnostics.check(model, new, train=train, key=0)
    print(f"{name}: {model.score(train):.2f} nats on its own rows, {model.score(new):.2f} on new ones")

# %% [markdown]
# By its own rows the overfitted model is the best of all. By new rows it is the worst.
#
# ## The good one
#
# Each line is a test that rejects a right model in 5 of 100 cases. One of eight that does is no reason to worry, and
# the verdict takes their number into account.

# %%
print(found["good"])

# %% [markdown]
# ## The overfitted one
#
# The *training gap* is the sign: rows of training are far denser than others like them. Its samples are too near to
# these rows, which also matters where rows are private, and the map is so steep that float32 does not carry a row to
# the noise and back.

# %%
print(found["overfitted"])

# %% [markdown]
# ## The wrong one
#
# Here the rows of training fare as badly as new ones: more epochs of the same would not help, another flow would.

# %%
print(found["wrong"])

# %% [markdown]
# ## Look
#
# Above, samples over new rows. Below, for each new row, the share of the model's own samples that are less dense than
# it: even where the model is right. A heap at 0 are rows that the model did not think possible.

# %%
figure = Figure(figsize=(9, 5.2), layout="compressed")
panels = figure.subplots(2, 3)
for axes, below, (name, (model, _)) in zip(*panels, fits.items(), strict=True):
    axes.scatter(*new[:500].T, s=4, color="0.6", linewidths=0, label="new rows")
    axes.scatter(*model.sample(500, random_state=1).T, s=4, color="C1", linewidths=0, label="samples")
    axes.set(title=f"{name}: {found[name].verdict}", xlim=(-8, 45), ylim=(-20, 170), xlabel="years")
    shares = (model.score_samples(new)[:, None] >= model.score_samples(model.sample(2000, random_state=2))).mean(axis=1)
    below.hist(shares, np.linspace(0, 1, 21), color="0.6", density=True)
    below.axhline(1, color="k", linewidth=0.8)
    below.set(xlabel="share of samples that are less dense", ylim=(0, 6))
panels[0, 0].set(ylabel="wage")
panels[0, 0].legend(frameon=False, fontsize=8, markerscale=3, loc="upper left")
plots.save(figure, OUT / "is_my_fit_good.png")

# %% [markdown]
# ![Samples over new rows, and how dense new rows are among samples, of the three fits](figures/is_my_fit_good.png)
#
# In the shell, `pushforward check` prints the same lines, and `pushforward report` writes a page with pictures and
# the oddest rows. [The page on checks](../checks.md) has a table of all verdicts.
#
# ## Exercises
#
# 1. From next year on all wages are a tenth higher. What does the check of the good model say of the new rows?
# 2. Give the overfitted flow the same hundred rows, and hold a fifth of them out. What is left of the gap?

# %% solution 1
# The new rows are no longer like those of training: the fault is not the model's.
later = new * np.array([1.0, 1.1])
shifted = pf.diagnostics.check(fits["good"][0], later, train=rows, key=0)
print(shifted.verdict)
assert shifted.verdict == "shifted"

# %% solution 2
# Training stops when the rows that are held out fare worse. The flow is far better on new rows, and from a hundred
# rows it is still not as good as the small one from two thousand.
stopped = pf.FlowDensity("nsf", validation=0.2, background=False, max_epochs=150, random_state=0).fit(rows[:100])
print(f"{stopped.score(rows[:100]):.2f} nats on its own rows, {stopped.score(new):.2f} on new ones")
assert stopped.score(new) > fits["overfitted"][0].score(new)
