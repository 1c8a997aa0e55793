# %% [markdown]
# # Forward and reverse divergence
#
# A model $q$ is to come near a density $p$. Two divergences measure how far it is:
#
# $$\mathrm{KL}(p \| q) = \mathbb{E}_{x\sim p}\left[\log\frac{p(x)}{q(x)}\right], \qquad
# \mathrm{KL}(q \| p) = \mathbb{E}_{x\sim q}\left[\log\frac{q(x)}{p(x)}\right].$$
#
# Both are 0 only where $q = p$. A model that cannot become $p$ must choose, and the two choose differently. On this
# page $p$ has two modes, and $q$ is a single Gaussian.

# %%
import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import pushforward as pf
from pushforward import plots
from pushforward.bijections import TriangularAffine
from pushforward.distributions import Mixture, MultivariateNormal, Normal, Transformed

OUT = Path(os.environ.get("PUSHFORWARD_OUT", "out_examples"))
key = jax.random.key(0)
CENTRES = np.array([[-2.0, -1.0], [2.0, 1.0]])
COVARIANCES = np.array([[[0.5, 0.3], [0.3, 0.5]], [[0.5, -0.3], [-0.3, 0.5]]])
target = Mixture([MultivariateNormal(m, c) for m, c in zip(CENTRES, COVARIANCES, strict=True)])


def gaussian(start):
    """A Gaussian with a full covariance, as a flow: noise through a triangular matrix."""
    return Transformed(Normal.standard((2,)), TriangularAffine(start, np.eye(2)))


# %% [markdown]
# ## Forward: samples of $p$ are enough
#
# The forward divergence is an average over $p$. Of it, only $-\mathbb{E}_p[\log q]$ depends on the model, so rows of
# data are enough and $p$ itself may be unknown: this is maximum likelihood. Where there are data and $q$ is small, the
# price is high. So the model **covers** every mode, and pays by putting probability between them.
#
# For a Gaussian the best is known: the mean and the covariance of the data.

# %%
rows = np.asarray(target.sample(key, 4000))
options = {"learning_rate": 0.03, "patience": None, "progress": False, "key": key}
forward = pf.fit(gaussian(np.zeros(2)), rows, max_epochs=30, **options).flow
mean = CENTRES.mean(axis=0)
covariance = COVARIANCES.mean(axis=0) + np.cov(CENTRES.T, bias=True)
found = np.asarray(forward.bijection.matrix @ forward.bijection.matrix.T)
print(f"mean {np.asarray(forward.bijection.loc)}, best {mean}")
print(f"covariance {found.round(2).tolist()}, best {covariance.round(2).tolist()}")
assert np.allclose(forward.bijection.loc, mean, atol=0.15)
assert np.allclose(found, covariance, atol=0.3)

# %% [markdown]
# ## Reverse: the density of $p$ is enough
#
# The reverse divergence is an average over the model's own samples. No data are needed, but $\log p$ at any point, up
# to a constant: an energy, a posterior. Where $p$ is small, a sample is dear. So the model **seeks** a mode and stays
# in it; that it leaves the other out costs little. Which mode it finds depends on where it starts.

# %%
objective = pf.objectives.reverse_kl(target.log_prob, num_samples=256)
reverse = {}
for name, start in (("from the left", CENTRES[0] + 0.5), ("from the right", CENTRES[1] - 0.5)):
    reverse[name] = pf.fit(gaussian(start), None, objective=objective, max_epochs=5, **options).flow
    print(f"{name}: mean {np.asarray(reverse[name].bijection.loc).round(2)}")
for flow, centre in zip(reverse.values(), CENTRES, strict=True):
    assert np.allclose(flow.bijection.loc, centre, atol=0.15)

# %% [markdown]
# How far is each, in both measures? A Gaussian that is one of the two modes has $q = 2p$ there, and
# $\mathrm{KL}(q \| p) = \log 2$. The reverse divergence is nearly content. The forward one is not: half of the data
# are all but impossible.


# %%
def divergences(flow):
    own = flow.sample(key, 20_000)
    theirs = target.sample(key, 20_000)
    return (
        jnp.mean(target.log_prob(theirs) - flow.log_prob(theirs)).item(),
        jnp.mean(flow.log_prob(own) - target.log_prob(own)).item(),
    )


table = {"forward": divergences(forward)} | {f"reverse, {name}": divergences(flow) for name, flow in reverse.items()}
print("trained by                KL(p|q)   KL(q|p)")
for name, (there, back) in table.items():
    print(f"{name:24} {there:8.2f} {back:9.2f}")
for name in reverse:
    there, back = table[f"reverse, {name}"]
    assert abs(back - np.log(2)) < 0.05
    assert back < table["forward"][1]
    assert there > 3 * table["forward"][0]

# %%
figure = Figure(figsize=(9.2, 2.7), layout="compressed")
axis = np.linspace(-5, 5, 161)
cells = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
on_grid = lambda flow: np.exp(np.asarray(flow.log_prob(cells))).reshape(161, 161)  # noqa: E731
panels = {"forward: covers both": forward} | {f"reverse, {name}": flow for name, flow in reverse.items()}
for axes, (name, flow) in zip(figure.subplots(1, 3), panels.items(), strict=True):
    axes.contourf(axis, axis, on_grid(target), levels=np.linspace(0.01, 0.2, 9), cmap="Greys", extend="max")
    values = on_grid(flow)
    axes.contour(axis, axis, values, levels=values.max() * np.exp([-3.0, -1.5, -0.4]), colors="C1", linewidths=1.5)
    axes.set(title=name, aspect="equal", xlim=(-5, 5), ylim=(-4, 4), xticks=[], yticks=[])
plots.save(figure, OUT / "two_divergences.png")

# %% [markdown]
# ![The target in grey, and three Gaussians](figures/two_divergences.png)
#
# Grey: the target. Orange: the model after training.
#
# | | forward, $\mathrm{KL}(p\|q)$ | reverse, $\mathrm{KL}(q\|p)$ |
# |---|---|---|
# | needs | samples of $p$ | $\log p$ up to a constant |
# | the flow must | score quickly | sample quickly, and score its own samples |
# | if it cannot fit, it | covers, and wastes probability between modes | seeks, and misses modes |
# | where it is used | learning from data | inference, physics, distillation |
#
# A flow is better than a Gaussian, and both divergences can be made small. But the tendencies stay: a flow learned
# from data leaves [bridges](bridge_between_moons.md), and one that is trained on a density may miss a mode without a
# sign of it in its loss.
#
# ## Exercises
#
# 1. The target above is normalised. Add 5 to its log-density, and train by the reverse divergence. What changes?
# 2. Of the two densities, which divergence is finite: $p$ uniform on $[0, 1]$ and $q$ uniform on $[0, 2]$?
# 3. Weigh samples of a reverse-trained model with $p/q$. Does the effective sample size tell of the missed mode?

# %% solution 1
# The loss falls by 5, and nothing else changes: a constant has no gradient.
shifted = pf.objectives.reverse_kl(lambda x: target.log_prob(x) + 5.0, num_samples=256)
flow = reverse["from the left"]
batch = pf.objectives.Batch()
assert np.isclose(objective(flow, batch, key=key)[0] - shifted(flow, batch, key=key)[0], 5.0, atol=1e-3)

# %% solution 2
# KL(p|q) = log 2. KL(q|p) is infinite: half of the samples of q fall where p is 0.
assert np.isclose(np.mean(np.log(np.ones(10) / 0.5)), np.log(2))

# %% solution 3
# The normaliser, 1, is found to be about 1/2. Here a few samples stray into the other mode, and Pareto k warns. With
# modes farther apart there is no sign at all: every weight is 1/2, and the effective sample size is that of the draws.
weighted = pf.diagnostics.importance(flow, target.log_prob, key=key)
print(weighted)
assert abs(weighted.log_z - np.log(0.5)) < 0.05
apart = Mixture([MultivariateNormal(m, c) for m, c in zip(4 * CENTRES, COVARIANCES, strict=True)])
weighted = pf.diagnostics.importance(apart.components[0], apart.log_prob, key=key)
print(weighted)
assert abs(weighted.log_z - np.log(0.5)) < 1e-3
