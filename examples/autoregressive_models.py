# %% [markdown]
# # Autoregressive models are flows
#
# An autoregressive model says how each number depends on those before it: $p(x) = p(x_1)\,p(x_2 \mid x_1)\,p(x_3 \mid
# x_1, x_2) \cdots$. To draw from it, one draws $x_1$, then $x_2$, and so on. Look at the randomness that goes in: it
# is a vector of noise, and what comes out is a function of it. That function can be undone, so the model *is* a flow.
# This page writes it down for a model that has nothing to do with flows.

# %%
import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.stats import norm
from matplotlib.figure import Figure

import pushforward as pf
from pushforward import plots

OUT = Path(os.environ.get("PUSHFORWARD_OUT", "out_examples"))
LENGTH = 6
key = jax.random.key(0)

# %% [markdown]
# ## A model
#
# A walker steps up or down, by one in the mean, more likely back towards 0 than away: a mixture of three normals for
# each step, whose weights depend on the place. Log-density and draws are a dozen lines without any flow.


# %%
def up(place):
    """Chance of a step up."""
    return jax.nn.sigmoid(-place)


def log_density(x):
    before = jnp.concatenate([jnp.zeros(1), x[:-1]])
    rises, falls = norm.logpdf(x, before + 1, 0.3), norm.logpdf(x, before - 1, 0.3)
    return jnp.sum(jnp.logaddexp(jnp.log(up(before)) + rises, jnp.log(up(-before)) + falls))


def walk(rng, n):
    x = np.zeros((n, LENGTH + 1))
    for t in range(LENGTH):
        step = np.where(rng.uniform(size=n) < up(x[:, t]), 1.0, -1.0)
        x[:, t + 1] = x[:, t] + step + 0.3 * rng.normal(size=n)
    return x[:, 1:].astype(np.float32)


walks = walk(np.random.default_rng(0), 5000)
print(f"mean log-density of walks: {jnp.mean(jax.vmap(log_density)(walks)):.3f} nats")

# %% [markdown]
# ## The same as a map
#
# Every number has a distribution function given those before it, $u_t = F(x_t \mid x_{<t})$. So $u$ is uniform between
# 0 and 1 in each coordinate, and all are independent: this is noise, and $x \mapsto u$ is the way from data to noise.
# Since $u_t$ depends on $x_1, \dots, x_t$ alone, the Jacobian is triangular. Its diagonal is $\partial F / \partial
# x_t = p(x_t \mid x_{<t})$. The determinant is the product of the diagonal: the density of the model. The base is
# uniform, with density 1, and the formula of the [change of variables](change_of_variables.md) gives back what we
# started from.


# %%
def to_noise(x):
    before = jnp.concatenate([jnp.zeros(1), x[:-1]])
    return up(before) * norm.cdf(x, before + 1, 0.3) + up(-before) * norm.cdf(x, before - 1, 0.3)


noise = jax.vmap(to_noise)(walks)
jacobian = jax.jacobian(to_noise)(walks[0])
print("Jacobian at one walk:\n", np.round(jacobian, 2))
log_det = jnp.linalg.slogdet(jacobian)[1]
print(f"log|det| {log_det:.4f}, log-density {log_density(walks[0]):.4f}")
print("correlation of noise in neighbouring coordinates:", np.round(np.corrcoef(noise.T)[0, 1], 3))
assert jnp.all(jnp.triu(jacobian, 1) == 0)
assert jnp.allclose(log_det, log_density(walks[0]), atol=1e-3)
for column in noise.T:
    assert np.abs(np.sort(column) - np.linspace(0, 1, 5000)).max() < 0.03  # uniform

# %% [markdown]
# The way back, from noise to data, finds each $x_t$ as the root of $F(x_t \mid x_{<t}) = u_t$, one after the other,
# since each needs those before it. Sampling an autoregressive model and sampling this flow are the same computation.


# %%
@jax.jit
def from_noise(u):
    """Bisection, coordinate by coordinate."""

    def coordinate(place, u):
        weight = up(place)

        def halve(_, ends):
            middle = 0.5 * (ends[0] + ends[1])
            share = weight * norm.cdf(middle, place + 1, 0.3) + (1 - weight) * norm.cdf(middle, place - 1, 0.3)
            return jnp.where(share < u, middle, ends[0]), jnp.where(share < u, ends[1], middle)

        low, high = jax.lax.fori_loop(0, 30, halve, (place - 4.0, place + 4.0))
        return 0.5 * (low + high), 0.5 * (low + high)

    return jax.lax.scan(coordinate, 0.0, u)[1]


back = jax.vmap(from_noise)(noise)
print(f"round trip: median error {np.median(np.abs(back - walks)):.1e}")
assert np.quantile(np.abs(back - walks), 0.99) < 1e-3

# %% [markdown]
# ## With normals it is MAF
#
# Let every conditional be *one* normal: $x_t = \mu(x_{<t}) + \sigma(x_{<t})\,z_t$. Now the noise can be taken normal,
# the root is a line, and this is one layer of a masked autoregressive flow. The library's `made` is that: a network
# with masks gives all $\mu$ and $\sigma$ in one pass.

# %%
made = pf.flows.made(LENGTH, width=32, key=key)
mixtures = pf.flows.made_mog(LENGTH, num_components=3, width=32, key=key)
settings = {"learning_rate": 0.01, "max_epochs": 40, "patience": None, "progress": False, "key": key}
test = walk(np.random.default_rng(1), 5000)
best = float(jnp.mean(jax.vmap(log_density)(test)))
short = {}
for name, model in {"one normal": made, "three normals": mixtures}.items():
    fitted = pf.fit(model, walks, **settings).flow
    short[name] = best - float(jnp.mean(fitted.log_prob(test)))
    print(f"{name}: {short[name]:.3f} nats short of the true model")
assert short["three normals"] < 0.3 * short["one normal"]

# %% [markdown]
# A normal cannot step up *or* down. A mixture can, and is an autoregressive model as good as any: its way back needs
# roots, and is a flow as well. What a flow adds is the *stack*. The noise of one layer is data for the next, in
# another order, and layers of plain normals one after another are more than any single one of them.
#
# ## What noise is good for
#
# Once a model is a map, its noise can be kept and used. Here are three walks. Then the same noise with a single
# coordinate moved: the walk is the same up to there, and the rest follows from the new place with the old luck.

# %%
figure = Figure(figsize=(8.4, 2.6), layout="compressed")
left, right = figure.subplots(1, 2)
left.scatter(*noise[:2000, :2].T, s=2, linewidths=0)
left.set(xlabel="$u_1$", ylabel="$u_2$", aspect="equal", title="noise of the walks")
for number in range(3):
    changed = from_noise(noise[number].at[2].set(1 - noise[number, 2]))
    right.plot(range(LENGTH + 1), [0, *walks[number]], color=f"C{number}")
    right.plot(range(LENGTH + 1), [0, *changed], color=f"C{number}", linestyle="--")
    assert jnp.allclose(changed[:2], walks[number, :2], atol=1e-3)
right.set(xlabel="step", title="walks, and with the third noise turned over")
plots.save(figure, OUT / "autoregressive_models.png")

# %% [markdown]
# ![Uniform noise of the walks, and walks with one number of their noise changed](figures/autoregressive_models.png)
#
# ## Exercises
#
# 1. Which base makes the model a flow with a *normal* base, and what becomes of the log-determinant?
# 2. An autoregressive model of text draws one of many words after the other. Why is this no flow?
# 3. Which direction of this flow can be computed for all coordinates at once?

# %% solution 1
# z = Phi^-1(u): another elementwise map behind it, with the log-determinant minus the log-density of z.
log_prob = lambda x: jnp.sum(norm.logpdf(norm.ppf(to_noise(x))))  # noqa: E731
to_normal = jax.jacobian(lambda x: norm.ppf(to_noise(x)))(walks[1])
total = log_prob(walks[1]) + jnp.linalg.slogdet(to_normal)[1]
assert jnp.allclose(total, log_density(walks[1]), atol=1e-2)

# %% solution 2
# A distribution function of words is a staircase: a whole interval of noise becomes one word, and the way back is not a
# point. It is a surjection, and the way back a random draw (see the lessons on whole numbers and on categories).
stairs = np.cumsum([0.5, 0.3, 0.2])
assert np.searchsorted(stairs, 0.1) == np.searchsorted(stairs, 0.4)

# %% solution 3
# From data to noise: all x are known. From noise to data each waits for the one before it.
assert made.kinds == ("analytic", "sequential")  # how a density and a draw are computed
