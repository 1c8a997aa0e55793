# %% [markdown]
# # Learn a chain in one dimension
#
# A bijection with parameters gives a family of densities. Learning picks the member under which the data are most
# likely: it minimises the mean negative log-likelihood, in nats per row. No model can get below the entropy of the
# data's own distribution, and the distance to it is the Kullback-Leibler divergence.
#
# Here three chains try to learn the same numbers: two clusters, one wide and one narrow.

# %%
import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import pushforward as pf
from pushforward import plots
from pushforward.bijections import Affine, Chain, RationalQuadraticSpline, SinhArcsinh
from pushforward.distributions import Normal, Transformed

OUT = Path(os.environ.get("PUSHFORWARD_OUT", "out_examples"))
WEIGHT, MEANS, SPREADS = np.array([0.7, 0.3]), np.array([-1.0, 2.0]), np.array([1.0, 0.3])


def draw(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    cluster = (rng.uniform(size=n) > WEIGHT[0]).astype(int)
    return (MEANS[cluster] + SPREADS[cluster] * rng.standard_normal(n))[:, None]


def true_log_density(x: np.ndarray) -> np.ndarray:
    parts = np.exp(-0.5 * ((x - MEANS) / SPREADS) ** 2) / (SPREADS * np.sqrt(2 * np.pi))
    return np.log(parts @ WEIGHT)


train, test = draw(5000, seed=0), draw(20_000, seed=1)
grid = np.linspace(-7, 5, 20_001)[:, None]
log_p = true_log_density(grid)
entropy = -np.sum(np.exp(log_p) * log_p) * (grid[1, 0] - grid[0, 0])
print(f"entropy of the data: {entropy:.4f} nats")

# %% [markdown]
# The chains, each with one more link. All of them start from a standard normal:
#
# - `Affine` shifts and scales: it can only be another normal.
# - `SinhArcsinh` adds skew and heavier or lighter tails: still one peak.
# - A rational-quadratic spline bends the line at eight knots as the data need it: two peaks are no trouble.

# %%
shift = Affine(jnp.zeros(1))
skew = SinhArcsinh(jnp.zeros(1))
bend = RationalQuadraticSpline(num_bins=8, bound=4.0, shape=(1,))
chains = {"affine": [shift], "+ skew": [skew, shift], "+ spline": [bend, skew, shift]}

losses, learned = {}, {}
for name, links in chains.items():
    flow = Transformed(Normal.standard((1,)), Chain(links))
    result = pf.fit(flow, train, learning_rate=0.02, max_epochs=40, progress=False, key=jax.random.key(0))
    learned[name] = result.flow
    losses[name] = -jnp.mean(result.flow.log_prob(test)).item()
    print(f"{name:9} {losses[name]:.4f} nats, {losses[name] - entropy:.4f} above the entropy")

assert losses["affine"] > losses["+ skew"] > losses["+ spline"] > entropy - 0.01
assert losses["+ spline"] < entropy + 0.02

# %% [markdown]
# The best single normal has the mean and the spread of the data, and that is what the first chain learned:

# %%
affine = learned["affine"].bijection.bijections[0]
print(f"learned mean {affine.loc.item():.3f}, of the data {train.mean():.3f}")
print(f"learned spread {affine.scale.item():.3f}, of the data {train.std():.3f}")
assert abs(affine.loc.item() - train.mean()) < 0.05
assert abs(affine.scale.item() - train.std()) < 0.05

limits = [(-5.0, 4.0)]
figure = plots.density_grid(
    {"+ spline": learned["+ spline"], "+ skew": learned["+ skew"], "affine": learned["affine"]},
    test,
    limits=limits,
    names=["x"],
)
plots.save(figure, OUT / "learn_a_chain_1d.png")

# %% [markdown]
# ![The data and the three learned densities](figures/learn_a_chain_1d.png)
#
# On new data the affine chain ends 0.27 nats above the entropy, the skewed one 0.22, the spline within 0.01. The
# kinks of the last curve are the spline's knots: its slope is continuous there, the slope of its slope is not.
#
# ## Exercises
#
# 1. The loss of the affine chain has a closed form. Which?
# 2. How sure is it that the spline is better than the skewed chain, from 20,000 rows? From 100?
# 3. By what factor is a row more likely under the spline than under the affine chain, in the geometric mean?

# %% solution 1
# A normal with the data's own mean and spread: log(spread) + log(2 pi e) / 2, but for the luck of the test rows.
closed = np.log(test.std()) + 0.5 * np.log(2 * np.pi * np.e)
print(f"closed form {closed:.4f}, learned {losses['affine']:.4f}")
assert abs(closed - losses["affine"]) < 0.01

# %% solution 2
# The standard error of the mean difference, row by row, falls as one over the root of their number.
gain = np.asarray(learned["+ spline"].log_prob(test) - learned["+ skew"].log_prob(test))
for rows in (100, 20_000):
    print(f"{rows:6} rows: {gain.mean():.3f} nats, standard error {gain.std() / rows**0.5:.3f}")
assert gain.mean() > 10 * gain.std() / 20_000**0.5

# %% solution 3
# The exponential of the difference in nats.
print(f"{np.exp(losses['affine'] - losses['+ spline']):.2f} times")
assert 1.2 < np.exp(losses["affine"] - losses["+ spline"]) < 1.4
