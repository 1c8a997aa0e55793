# %% [markdown]
# # The order of the columns: a parabola
#
# Two columns: $x_2 \sim N(0, 4)$, and $x_1$ given $x_2$ is $N(x_2^2/4, 1)$, a bent cloud. The best possible mean
# log-likelihood is minus the entropy, -3.5310 nats.
#
# An autoregressive model with Gaussian conditionals writes $p(x) = p(x_1)\, p(x_2 | x_1)$. In the order $(x_2, x_1)$
# that is exactly how the data were made. In the order $(x_1, x_2)$ it is hopeless: $x_2$ given a large $x_1$ has two
# peaks, one on each arm of the parabola, and no Gaussian has two peaks.
#
# This is figure 1 of Papamakarios, Pavlakou & Murray (2017), *Masked autoregressive flow for density estimation*.

# %%
import os
from pathlib import Path

import jax
import jax.numpy as jnp

import pushforward as pf
from pushforward import plots
from pushforward.bijections import Affine, Autoregressive, Chain, Flip
from pushforward.distributions import Normal, Transformed

OUT = Path(os.environ.get("PUSHFORWARD_OUT", "out_examples"))
key = jax.random.key(0)
entropy = pf.data.entropy("parabola")
print(f"best possible: {-entropy:.4f} nats")
assert abs(entropy - 3.5310) < 1e-4

test = pf.data.parabola(50_000, seed=1)
BEST = pf.data.parabola_log_density(test).mean()  # on these very rows, so that the luck of the draw cancels
print(f"the true density on the test rows: {BEST:.4f} nats")


# %% [markdown]
# The data can be drawn at will, so training draws new rows for every step, and nothing can be overfitted.


# %%
def draw(key, n):
    one, two = jax.random.normal(key, (2, n))
    x2 = 2 * two
    return jnp.stack([x2**2 / 4 + one, x2], axis=-1)


def fitted(flow, **settings):
    settings = {"learning_rate": 3e-3, "batch_size": 256, "max_epochs": 8} | settings
    result = pf.fit(flow, draw, patience=None, progress=False, key=key, **settings)
    return result.flow, jnp.mean(result.flow.log_prob(test)).item()


# %% [markdown]
# ## One Gaussian layer, in both orders

# %%
layer = Autoregressive(Affine(), 2, width=64, key=key)
flip = Flip((2,))
wrong, wrong_score = fitted(Transformed(Normal.standard((2,)), layer))
right, right_score = fitted(Transformed(Normal.standard((2,)), Chain([layer, flip])))
print(f"one layer, order (x1, x2): {wrong_score:.3f} nats, {BEST - wrong_score:.3f} short of the best")
print(f"one layer, order (x2, x1): {right_score:.3f} nats, {BEST - right_score:.3f} short of the best")
assert wrong_score < BEST - 0.2
assert BEST - 0.03 < right_score < BEST + 0.001

# %% [markdown]
# The layer of the wrong order maps the data to noise. If the model were true, the noise would be a standard normal;
# it is not, and the next layer can learn what is left.

# %%
noise = jax.vmap(wrong.bijection.inverse)(test[:3000])
titles = ("standard normal", "the data, mapped back")
figure = plots.samples_beside_data(noise, wrong.base.sample(key, 3000), names=["z1", "z2"], titles=titles)
plots.save(figure, OUT / "parabola_noise.png")

# %% [markdown]
# ![A standard normal, and what the layer makes of the data](figures/parabola_noise.png)
#
# ## Two ways out
#
# A mixture of Gaussians for each conditional has as many peaks as it needs. Or a stack of layers whose order
# alternates: MAF with 5 layers.

# %%
mixture, mixture_score = fitted(pf.flows.made_mog(2, num_components=5, width=64, key=key), max_epochs=20)
maf, maf_score = fitted(pf.flows.maf(2, num_layers=5, width=64, key=key), max_epochs=15)
print(f"mixtures of 5, order (x1, x2): {mixture_score:.3f} nats, {BEST - mixture_score:.3f} short of the best")
print(f"MAF with 5 layers: {maf_score:.3f} nats, {BEST - maf_score:.3f} short of the best")
assert mixture_score > BEST - 0.05
assert maf_score > BEST - 0.03

window = [(-4.0, 10.0), (-7.0, 7.0)]
densities = {"true density": pf.data.parabola_log_density, "one layer": wrong, "MAF with 5 layers": maf}
plots.save(plots.density_grid(densities, limits=window), OUT / "parabola_density.png")

# %% [markdown]
# ![The true density, one Gaussian layer, and five](figures/parabola_density.png)
#
# ## Exercises
#
# 1. Compute the entropy by hand, from that of $x_2$ and that of $x_1$ given $x_2$.
# 2. The two columns are not correlated. How far from the best is one Gaussian with the right covariance?
# 3. How many peaks has $x_2$ given $x_1 = 4$, and given $x_1 = -1$?

# %% solution 1
# Entropies of normals add up: log(2 pi e 4) / 2 + log(2 pi e 1) / 2.
by_hand = 0.5 * jnp.log(2 * jnp.pi * jnp.e * 4) + 0.5 * jnp.log(2 * jnp.pi * jnp.e)
assert abs(by_hand - entropy) < 1e-4

# %% solution 2
# The variance of x1 is 1 + var(x2^2 / 4) = 1 + 2 * 16 / 16 = 3: a Gaussian falls short by log(3) / 2.
gaussian = pf.distributions.MultivariateNormal(jnp.array([1.0, 0.0]), jnp.diag(jnp.array([3.0, 4.0])))
short = BEST - jnp.mean(gaussian.log_prob(test)).item()
print(f"one Gaussian: {short:.3f} short; one layer in the wrong order: {BEST - wrong_score:.3f}")
assert abs(short - jnp.log(3) / 2) < 0.02

# %% solution 3
# Two and one: large values of x1 come from both arms, small ones from the bend.
x2 = jnp.linspace(-8, 8, 2001)
for x1, peaks in {4.0: 2, -1.0: 1}.items():
    joint = pf.data.parabola_log_density(jnp.stack([jnp.full(2001, x1), x2], axis=-1))
    rises = jnp.diff(joint) > 0
    assert jnp.sum(rises[:-1] & ~rises[1:]) == peaks
