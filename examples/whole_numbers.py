# %% [markdown]
# # Whole numbers: noise, uniform and learned
#
# A grey value, a count, a sample of sound is a whole number. A flow gives a *density*, and a density of whole numbers
# has no meaning: it can be made as high as one likes by spikes of no width. This page shows the trap, the way out,
# what that costs, and how a learned noise pays it back. The data are throws of a loaded die.

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
from pushforward.bijections import Chain, Dequantize, Sigmoid, Standardize, VariationalDequantize
from pushforward.distributions import ConditionalBase, Mixture, Normal, Transformed

OUT = Path(os.environ.get("PUSHFORWARD_OUT", "out_examples"))
key = jax.random.key(0)
CHANCES = np.array([0.05, 0.1, 0.15, 0.2, 0.2, 0.3])
throws = np.random.default_rng(0).choice(6, size=(4000, 1), p=CHANCES)
entropy = -np.sum(CHANCES * np.log(CHANCES))
print(f"entropy of the die: {entropy:.4f} nats")

# %% [markdown]
# ## The trap
#
# Six narrow Gaussians, one on each face, with the right weights. The narrower they are, the higher is the density of
# every throw. No model of the die is learned here: the weights were right from the start, and the figure that is to
# be made large grows without end.

# %%
spread = {}
for deviation in (0.1, 0.01, 0.001):
    spikes = Mixture([Normal([float(face)], deviation) for face in range(6)], weights=CHANCES)
    spread[deviation] = float(jnp.mean(spikes.log_prob(throws)))
    print(f"deviation {deviation:5}: {spread[deviation]:6.2f} nats a throw")
assert np.isclose(spread[0.001] - spread[0.1], np.log(100), atol=1e-3)

# %% [markdown]
# ## The way out
#
# A whole number is the floor of a real one. Take a model $q$ of real numbers, and let $P(k) = \int_k^{k+1} q(v)\,dv$:
# these are probabilities, and their logarithm is at most 0. The integral is seldom known, but
#
# $$\log P(k) = \log \mathbb{E}_u\left[q(k + u)\right] \ge \mathbb{E}_u\left[\log q(k + u)\right],
# \qquad u \sim U(0, 1),$$
#
# so it is enough to add noise to the data and to learn as ever: the mean log-density is a **lower bound** of a mean
# log-probability. It cannot exceed minus the entropy.

# %%
base = pf.flows.nsf_ar(1, num_layers=1, num_bins=24, width=16, key=key)
flow = Transformed(base, Chain([Standardize(jnp.full(1, 3.0), 1.8), Dequantize((1,), levels=6)]))
fitted = pf.fit(flow, throws, max_epochs=20, learning_rate=0.01, progress=False, key=key).flow
bound = float(np.mean([np.mean(fitted.log_prob(throws, key=k)) for k in jax.random.split(key, 20)]))
print(f"bound {bound:.4f}, best possible {-entropy:.4f}")
assert -entropy - 0.06 < bound < -entropy + 0.02

# %% [markdown]
# ## What it costs
#
# The bound is tight only where $q$ is flat within each cell. A model that is smooth pays. Take one Gaussian in place
# of the spline, and everything is known in closed form: $P(k)$ by its distribution function, the bound by its moments.

# %%
MIDDLE, DEVIATION = 3.5, 0.6
faces = np.arange(6.0)
exact = np.log(norm.cdf(faces + 1, MIDDLE, DEVIATION) - norm.cdf(faces, MIDDLE, DEVIATION))
second = (faces + 0.5 - MIDDLE) ** 2 + 1 / 12  # the mean of (k + u - MIDDLE)^2
uniform = -0.5 * second / DEVIATION**2 - np.log(DEVIATION * np.sqrt(2 * np.pi))
smooth = Transformed(Normal([MIDDLE], DEVIATION), Dequantize((1,), levels=None))
drawn = np.asarray(smooth.log_prob(np.repeat(faces, 4000)[:, None], key=key)).reshape(6, -1).mean(axis=1)
print("face   exact  bound   gap")
for face in range(6):
    print(f"{face:4} {exact[face]:7.3f} {uniform[face]:7.3f} {exact[face] - uniform[face]:5.3f}")
assert np.allclose(drawn, uniform, atol=0.15)
assert np.all(uniform < exact)

# %% [markdown]
# Many draws of the noise come nearer: the logarithm of their mean is a bound as well, and tends to the exact value.

# %%
many = pf.diagnostics.estimate_log_prob(smooth, faces[:, None], k=2000, key=1)
print(np.round(many.log_prob - exact, 3))
assert np.all(np.abs(many.log_prob - exact) < 5 * many.error + 1e-3)

# %% [markdown]
# ## Noise that is learned
#
# Any noise $r(u \mid k)$ will do, if its density is taken off: $\log P(k) \ge \mathbb{E}_r[\log q(k+u) - \log r(u \mid
# k)]$. The gap is the divergence of $r$ from what the model itself says of $u$ in that cell, so it can be trained
# away. Here $r$ is a Gaussian through a sigmoid, whose mean and scale a small network reads off the face.

# %%
noise = Transformed(ConditionalBase(Normal(jnp.zeros(1), 1.0), cond_dim=1, width=16, key=key), Sigmoid((1,)))
learned = Transformed(Normal([MIDDLE], DEVIATION), VariationalDequantize(noise))
data = np.repeat(faces, 200)[:, None]
frozen = lambda part: part.base  # noqa: E731
learned = pf.fit(learned, data, frozen=frozen, max_epochs=60, learning_rate=0.02, progress=False, key=key).flow
better = np.asarray(learned.log_prob(np.repeat(faces, 4000)[:, None], key=key)).reshape(6, -1).mean(axis=1)
print("face   gap uniform   gap learned")
for face in range(6):
    print(f"{face:4} {exact[face] - uniform[face]:13.3f} {exact[face] - better[face]:13.3f}")
assert np.mean(exact - better) < 0.25 * np.mean(exact - uniform)

# %%
figure = Figure(figsize=(6.4, 2.6), layout="compressed")
left, right = figure.subplots(1, 2)
grid = np.linspace(0, 6, 601)
noisy = throws[:, 0] + np.random.default_rng(1).random(len(throws))
left.hist(noisy, bins=np.arange(0, 6.01, 0.2), density=True, color="0.8")
before = Transformed(fitted.base, fitted.bijection.bijections[0])  # the flow of real numbers
left.plot(grid, np.exp(before.log_prob(grid[:, None])))
left.set(title="noisy throws, and the flow", xlabel="face and noise", ylim=(0, 0.45))
right.bar(faces - 0.2, exact - uniform, width=0.4, label="uniform")
right.bar(faces + 0.2, exact - better, width=0.4, label="learned")
right.set(title="what the bound loses, in nats", xlabel="face")
right.legend(frameon=False)
plots.save(figure, OUT / "whole_numbers.png")

# %% [markdown]
# ![A density of noisy throws, and the gaps of two bounds](figures/whole_numbers.png)
#
# Left: throws with noise (grey), and the density that was learned, nearly flat in each cell. Right: what a smooth
# model loses by uniform noise, and by learned noise.
#
# Images of 256 grey values and sound of 16 bits are treated alike: noise inside of the flow, and figures in bits,
# which are upper bounds. With uniform noise, bits say as much about how flat a model can be within a cell as about
# the data; Flow++ owes a part of its better figures to learned noise.
#
# ## Exercises
#
# 1. Fit the flow of splines to the throws without noise. What does its training loss do?
# 2. By how much is the bound of the flow of splines below its own log-probability?
# 3. Show that the gap of uniform noise is $\log P(k)$ plus the mean of $-\log q$, and 0 for a flat $q$.

# %% solution 1
# It falls as long as one lets it: the splines make spikes.
bare = Transformed(pf.flows.nsf_ar(1, num_layers=1, num_bins=24, width=16, key=key), Standardize(jnp.full(1, 2.5), 1.6))
history = pf.fit(bare, throws, max_epochs=30, learning_rate=0.01, patience=None, progress=False, key=key).history
print([round(history[i].train, 2) for i in (0, 9, 29)])
assert history[-1].train < history[9].train < history[0].train
assert -history[-1].train > -entropy + 0.3  # no probability of a throw could be so high

# %% solution 2
tight = pf.diagnostics.estimate_log_prob(fitted, throws[:400], k=500, key=2).log_prob.mean()
loose = np.mean([np.mean(fitted.log_prob(throws[:400], key=k)) for k in jax.random.split(key, 50)])
print(f"{tight - loose:.4f} nats")
assert 0 < tight - loose < 0.05

# %% solution 3
# E[log q(k + u)] = log q for a flat q, and P(k) = q * 1.
flat = np.log(1 / 6)
assert np.isclose(np.log(np.exp(flat) * 1.0) - flat, 0.0)
