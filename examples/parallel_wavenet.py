# %% [markdown]
# # A teacher and a student on a small signal
#
# WaveNet writes a signal sample by sample, each given those before it: exact densities in one pass, and samples one
# after another. Parallel WaveNet turns this round: a student maps noise to a signal in one pass, and learns to do so
# from the teacher. On this page the signal is so small that everything about it is known.
#
# The signal swings, and its noise is louder where the signal is far from 0:
#
# $$x_t = 1.6\,x_{t-1} - 0.9\,x_{t-2} + \sigma_t\,\varepsilon_t, \qquad \sigma_t = 0.1 + 0.1\,|x_{t-1}|.$$

# %%
import os
import time
from pathlib import Path

import jax
import numpy as np
from matplotlib.figure import Figure

import pushforward as pf
from pushforward import plots

OUT = Path(os.environ.get("PUSHFORWARD_OUT", "out_examples"))
LENGTH, ROWS = 48, 2000
key = jax.random.key(0)


def steps(x):
    """Mean and scale of every sample given those before it, `(rows, LENGTH)`; zeros stand before the first."""
    before = np.pad(x, ((0, 0), (2, 0)))
    return 1.6 * before[:, 1:-1] - 0.9 * before[:, :-2], 0.1 + 0.1 * np.abs(before[:, 1:-1])


def log_density(x):
    mean, scale = steps(x)
    return np.sum(-0.5 * ((x - mean) / scale) ** 2 - np.log(scale) - 0.5 * np.log(2 * np.pi), axis=1)


rng = np.random.default_rng(0)
signals = np.zeros((2 * ROWS, LENGTH + 2))
for t in range(2, LENGTH + 2):
    scale = 0.1 + 0.1 * np.abs(signals[:, t - 1])
    signals[:, t] = 1.6 * signals[:, t - 1] - 0.9 * signals[:, t - 2] + scale * rng.normal(size=2 * ROWS)
train, test = signals[:ROWS, 2:], signals[ROWS:, 2:]
best = log_density(test).mean() / LENGTH
print(f"the best that any model can have: {best:.4f} nats a sample")

# %% [markdown]
# ## The teacher
#
# A small WaveNet: five causal convolutions with dilations 1, 2, 4, 8, 16 see the 32 samples before each. Of every
# sample it gives the mean and the scale.

# %%
teacher = pf.flows.wavenet(LENGTH, width=12, depth=5, num_blocks=1, key=key)
options = {"learning_rate": 3e-3, "batch_size": 128, "progress": False, "key": key}
teacher = pf.fit(teacher, train, max_epochs=10, **options).flow
found = float(np.mean(teacher.log_prob(test))) / LENGTH
print(f"the teacher: {found:.4f} nats a sample; density {teacher.kinds[0]}, sampling {teacher.kinds[1]}")
assert best - 0.1 < found < best + 0.02

# %% [markdown]
# No sample sees itself or what comes after it. Its Jacobian from signal to noise is triangular, with exact zeros.

# %%
jacobian = jax.jacobian(teacher.bijection.inverse)(test[0].astype(np.float32))
assert np.all(np.triu(np.asarray(jacobian), 1) == 0)

# %% [markdown]
# ## The student
#
# The student has such a layer too, turned round: it reads the *noise*, all of which is known, so that a signal
# takes one pass. It is trained without data, by its own draws, which both score:
#
# $$\mathrm{KL}(\text{student} \| \text{teacher}) = \mathbb{E}_{x \sim \text{student}}\left[\log p_S(x) - \log
# p_T(x)\right].$$
#
# The student knows the density of its own draws for free, from the noise that it made them of. For each sample both
# laws are Gaussian given the samples before, so the divergence of that sample is in closed form.

# %%
student = pf.flows.parallel_wavenet(LENGTH, num_flows=1, width=16, depth=5, key=key)
fast = {"num_samples": 64, "report_samples": 2000, "progress": False, "key": key}
done = pf.distill(teacher, student, max_epochs=8, steps_per_epoch=50, **fast)
print(done.report)
assert done.report.kl_per_dim < 0.1


# %% [markdown]
# ## What it is worth
#
# Many signals at once keep a processor busy either way. What the student spares is waiting: the teacher needs 48 steps
# that depend on each other for one signal, and 16,000 for a second of speech.


# %%
def seconds(flow):
    """Of one signal."""
    draw = jax.jit(lambda k: flow.sample(k))
    draw(key).block_until_ready()
    start = time.perf_counter()
    for k in jax.random.split(key, 20):
        draw(k).block_until_ready()
    return (time.perf_counter() - start) / 20


for name, flow in {"teacher": teacher, "student": done.flow}.items():
    print(f"{name}: {1e3 * seconds(flow):.2f} ms a signal, sampling {flow.kinds[1]}")

# %% [markdown]
# And does it sound alike? The loudness at each frequency, of data, teacher and student. The dashed line is the signal
# without its changing loudness, an autoregression of order two, in closed form.

# %%
waves = {"data": test, "teacher": teacher.sample(key, 2000), "student": done.flow.sample(key, 2000)}
power = {name: np.mean(np.abs(np.fft.rfft(np.asarray(x)[:, 16:])) ** 2, axis=0) for name, x in waves.items()}
decibels = {name: 10 * np.log10(p) for name, p in power.items()}
apart = {name: float(np.abs(decibels[name] - decibels["data"]).mean()) for name in ("teacher", "student")}
print("mean distance from the data in decibels:", {name: round(d, 2) for name, d in apart.items()})
assert apart["teacher"] < 1.5
assert apart["student"] < 4.0

# %%
figure = Figure(figsize=(8.4, 2.8), layout="compressed")
left, right = figure.subplots(1, 2)
for place, (name, x) in enumerate(waves.items()):
    left.plot(np.asarray(x)[0] - 4 * place, color=f"C{place}", label=name)
    right.plot(np.linspace(0, 0.5, len(decibels[name])), decibels[name], color=f"C{place}", label=name)
turns = np.exp(-2j * np.pi * np.linspace(0, 0.5, 200))
plain = -20 * np.log10(np.abs(1 - 1.6 * turns + 0.9 * turns**2))
right.plot(np.linspace(0, 0.5, 200), plain + decibels["data"].max() - plain.max(), "k--", linewidth=0.8)
left.set(xlabel="sample", yticks=[], title="one signal of each")
right.set(xlabel="turns a sample", ylabel="decibels", title="loudness at each frequency")
right.legend(frameon=False)
plots.save(figure, OUT / "parallel_wavenet.png")

# %% [markdown]
# ![Signals and spectra of data, teacher and student](figures/parallel_wavenet.png)
#
# The student is a little too quiet: the divergence forgives what it leaves out. Of speech, a student that is trained
# by it alone whispers; Parallel WaveNet adds a loss on the power at each frequency. `objectives.power_loss` and
# `objectives.spectral_loss` are such losses, for `distill(..., extra=)`, and [sound](../sound.md) has teachers and
# students of clips from files.
#
# ## Exercises
#
# 1. Which of the two would you take to find out whether a signal is odd, and why?
# 2. How low is the divergence of a student that has only the teacher's mean and spread?

# %% solution 1
# The teacher: it scores in one pass. The student's density of a signal that it has not drawn itself is sequential.
assert (teacher.kinds[0], done.flow.kinds[0]) == ("analytic", "sequential")

# %% solution 2
# Far from 0: a signal of independent samples is unlikely to the teacher.
mean, spread = float(train.mean()), float(train.std())
noise = pf.distributions.Normal(np.full(LENGTH, mean), spread)
draws = noise.sample(key, 500)
divergence = float(np.mean(noise.log_prob(draws) - teacher.log_prob(draws))) / LENGTH
print(f"{divergence:.1f} nats a sample")
assert divergence > 10 * done.report.kl_per_dim
